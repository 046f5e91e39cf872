"""State and counters of a client at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from castalia._errors import Error


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


def metrics_of(native: dict[str, Any]) -> Metrics:
    """Metrics from the dictionaries of the native half."""
    threads = native["threads"]
    converted: dict[str, Any] = {
        "namespaces": [NamespaceMetrics(**one) for one in native["namespaces"]],
        "http": [HttpMetrics(**one) for one in native["http"]],
        "threads": None if threads is None else ThreadMetrics(**threads),
    }
    return Metrics(**{**native, **converted})
