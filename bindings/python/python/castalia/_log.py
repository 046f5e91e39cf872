"""Log records of the client into ``logging``."""

from __future__ import annotations

import logging
from typing import Callable

from castalia import _native

logger = logging.getLogger("castalia")

LogFunction = Callable[[str, str, str], None]

_LEVELS = {"ERROR": 40, "WARN": 30, "INFO": 20, "DEBUG": 10, "TRACE": 5}


def to_logging(level: str, target: str, text: str) -> None:
    """Passes a record on to the logger ``castalia``."""
    logger.log(_LEVELS.get(level, logging.INFO), "%s: %s", target, text)


def set_log(function: LogFunction | None = to_logging, level: str = "INFO") -> None:
    """Calls ``function(level, target, text)`` for each record of this level and above.

    By default records go to the logger ``castalia``; ``None`` sends them nowhere. The function
    runs on a thread of the client.
    """
    _native.set_log(function, level.replace("WARNING", "WARN"))
