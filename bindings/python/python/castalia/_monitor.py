"""State and counters of a client at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from castalia._errors import Error


@dataclass(frozen=True)
class NamespaceMetrics:
    """One namespace at one moment."""

    app_id: str
    namespace: str
    state: str
    """How it stands with the servers: ``Loading``, ``Ready``, or the name of an error kind."""
    source: str
    """``remote``, ``local``, ``static`` or ``none``."""
    items: int
    release_key: str
    usage: int
    """How often it was opened."""
    first_load: timedelta | None
    updated_at: datetime
    contacted_at: datetime | None
    """When a server last answered."""
    listener_failures: int
    listener_queue: int
    cache_failures: int
    refusals: int
    """Releases that the application refused."""
    last_error: Error | None


@dataclass(frozen=True)
class Metrics:
    """A client at one moment."""

    namespaces: list[NamespaceMetrics]
    errors: list[Error]
    """The latest errors, oldest first."""
    error_count: int
    clock_skew_ms: int
    """By how much the servers' clock is ahead."""
    polls_connected: int
    """Poll loops whose last poll ended well."""


def metrics_of(native: dict[str, Any]) -> Metrics:
    """Metrics as the native half gives them."""
    namespaces = [_namespace_of(one) for one in native.pop("namespaces")]
    return Metrics(namespaces=namespaces, **native)


def _namespace_of(native: dict[str, Any]) -> NamespaceMetrics:
    first_load, contacted_at = native["first_load"], native["contacted_at"]
    converted: dict[str, Any] = {
        "first_load": None if first_load is None else timedelta(seconds=first_load),
        "updated_at": time_of(native["updated_at"]),
        "contacted_at": None if contacted_at is None else time_of(contacted_at),
    }
    return NamespaceMetrics(**{**native, **converted})


def time_of(seconds: float) -> datetime:
    """A time of the native half."""
    return datetime.fromtimestamp(seconds, timezone.utc)
