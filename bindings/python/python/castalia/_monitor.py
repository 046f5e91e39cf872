"""State and counters of a client at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from castalia._errors import Error, error_of


@dataclass(frozen=True)
class NamespaceMetrics:
    """One namespace at one moment."""

    app_id: str
    namespace: str
    state: str
    """How it stands with the servers: ``Loading``, ``Ready``, ``Unavailable``, or the name of an
    error kind."""
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
    """How often a listener raised an exception."""
    listener_queue: int
    """Events that wait for listeners."""
    cache_failures: int
    """How often the cache file could not be written."""
    poll_timed_out: bool
    """Whether a poll for it was met with silence."""
    malformed_reads: int
    """Values that could not be read as what they were asked for, once for each release."""
    refusals: int
    """Releases that the application refused."""
    last_error: Error | None
    """Why the last load failed, or what is wrong with what it brought."""


@dataclass(frozen=True)
class HttpMetrics:
    """Requests of one endpoint with one status."""

    endpoint: str
    """First part of the path: ``configs``, ``notifications`` or ``services``."""
    status: int
    """Status; 0 where none came."""
    count: int
    time: timedelta
    """How long they took together."""


@dataclass(frozen=True)
class ThreadMetrics:
    """The threads of the library, shared by all clients of a process."""

    workers: int
    tasks: int
    """Tasks that live."""
    queue: int
    """Tasks that wait for a worker."""


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
    http: list[HttpMetrics]
    """Requests by endpoint and status."""
    threads: ThreadMetrics | None
    """``None`` before the first namespace is opened."""


def metrics_of(record: dict[str, Any]) -> Metrics:
    """Metrics from the report of the native half, whose fields have these names."""
    threads = record["threads"]
    converted: dict[str, Any] = {
        "namespaces": [_namespace(one) for one in record["namespaces"]],
        "errors": [error_of(**one) for one in record["errors"]],
        "http": [HttpMetrics(**_timed(one)) for one in record["http"]],
        "threads": threads and ThreadMetrics(**threads),
    }
    return Metrics(**{**record, **converted})


def _namespace(record: dict[str, Any]) -> NamespaceMetrics:
    fields: dict[str, Any] = {**_timed(record), "last_error": _failure(record["last_error"])}
    return NamespaceMetrics(**fields)


def _failure(record: dict[str, Any] | None) -> Error | None:
    return None if record is None else error_of(**record)


_MOMENTS = ("updated_at", "contacted_at")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _timed(record: dict[str, Any]) -> dict[str, Any]:
    """The record with times as such, whose names end with ``_us`` there."""
    return dict(_time(name, value) for name, value in record.items())


def _time(name: str, value: Any) -> tuple[str, Any]:
    if not name.endswith("_us"):
        return name, value
    name = name[: -len("_us")]
    if value is None:
        return name, None
    time = timedelta(microseconds=value)
    return name, _EPOCH + time if name in _MOMENTS else time
