"""Passes log records of the client to ``logging``."""

from __future__ import annotations

import logging
from typing import Callable

from castalia import _native
from castalia._arguments import callable_or_refused

logger = logging.getLogger("castalia")

LogFunction = Callable[[str, str, str, dict[str, str]], None]
"""Takes level, target (the module that wrote it), text with the fields behind it, and fields."""

_LEVELS = {"ERROR": 40, "WARN": 30, "INFO": 20, "DEBUG": 10, "TRACE": 5}


def to_logging(level: str, target: str, text: str, fields: dict[str, str]) -> None:
    """Passes a record on to the logger ``castalia``; it has ``target`` and ``fields`` too."""
    extra = {"target": target, "fields": fields}
    logger.log(_LEVELS.get(level, logging.INFO), "%s: %s", target, text, extra=extra)


def set_log(function: LogFunction | None = to_logging, level: str = "INFO") -> None:
    """Calls ``function(level, target, text, fields)`` for each record of this level and above.

    Without this call, records of level ``WARNING`` and above go to the logger ``castalia``, as
    they do by default with it; ``None`` sends all records nowhere. The function runs on a thread
    of the client.
    """
    if function is not None:
        callable_or_refused(function, "function")
    _native.set_log(function, level.replace("WARNING", "WARN"))


def log_by_default() -> None:
    """Sends warnings to ``logging``, unless the program has chosen something else."""
    _native.warn_by_default(to_logging)
