"""Client of the Apollo configuration center.

>>> import castalia
>>> with castalia.Client({"app.id": "order", "apollo.meta": "http://meta:8080"}) as client:
...     config = client.config("application")
...     limit = config.get_int("rate.limit", 100)

Reads never wait and never fail: they use the values in memory.
"""

from typing import TYPE_CHECKING, Any

# First, because it rejects interpreters that the rest does not support.
from castalia import _interpreter  # noqa: F401  # pyright: ignore[reportUnusedImport]  # isort: skip
from castalia import _native
from castalia._content import Change, ChangeEvent, Snapshot
from castalia._errors import (
    BadRequestError,
    ClosedError,
    Error,
    InternalError,
    InvalidArgumentError,
    IoError,
    NotFoundError,
    NotReadyError,
    ParseError,
    ProtocolError,
    TimeoutError,
    TransportError,
    UnauthorizedError,
)
from castalia._log import set_log
from castalia._monitor import HttpMetrics, Metrics, NamespaceMetrics, ThreadMetrics
from castalia._process import prepare
from castalia._settings import Setting, Settings
from castalia._subscription import Subscription
from castalia._sync import Client, Config, ConfigFile
from castalia._watch import Watch

if TYPE_CHECKING:
    from castalia._async import AsyncClient, AsyncConfig, AsyncConfigFile
    from castalia._async_changes import Changes
    from castalia._async_subscription import AsyncSubscription

__version__ = _native.VERSION

prepare()

__all__ = [
    "AsyncClient",
    "AsyncConfig",
    "AsyncConfigFile",
    "AsyncSubscription",
    "BadRequestError",
    "Change",
    "ChangeEvent",
    "Changes",
    "Client",
    "ClosedError",
    "Config",
    "ConfigFile",
    "Error",
    "HttpMetrics",
    "InternalError",
    "InvalidArgumentError",
    "IoError",
    "Metrics",
    "NamespaceMetrics",
    "NotFoundError",
    "NotReadyError",
    "ParseError",
    "ProtocolError",
    "Setting",
    "Settings",
    "Snapshot",
    "Subscription",
    "ThreadMetrics",
    "TimeoutError",
    "TransportError",
    "UnauthorizedError",
    "Watch",
    "__version__",
    "set_log",
]

_WITH_LOOP = {"AsyncClient", "AsyncConfig", "AsyncConfigFile", "AsyncSubscription", "Changes"}


def __getattr__(name: str) -> Any:
    # They need asyncio, which takes longest to load and which many programs never use.
    if name not in _WITH_LOOP:
        raise AttributeError(f"module 'castalia' has no attribute {name!r}")
    from castalia import _async

    for each in _WITH_LOOP:
        globals()[each] = getattr(_async, each)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
