"""Registered listeners: functions that are called for changes until they are removed."""

from __future__ import annotations

from collections.abc import Hashable
from types import BuiltinMethodType, MethodType
from typing import Any, Callable

from castalia import _native
from castalia._arguments import Interest
from castalia._content import ChangeEvent
from castalia._log import logger

Listener = Callable[[ChangeEvent], object]


class Subscription:
    """A registered listener, until it is cancelled. As a context manager it cancels itself."""

    def __init__(
        self,
        listener: Listener,
        namespace: Any,
        interest: Interest,
        kept: dict[Hashable, Any],
    ) -> None:
        """Registers with a namespace of the native half, which applies the interest."""
        self._identity = identity_of(listener)
        self._kept = kept
        self._begin(listener, namespace, interest)

    def _begin(self, listener: Listener, namespace: Any, interest: Interest) -> None:
        self._native: _native.Subscription = namespace._listen(_guarded(listener), interest)

    def cancel(self) -> None:
        """Ends it: afterwards no call is running and none will start.

        In the listener itself it only marks the end.
        """
        self._leave()
        self._native.cancel()

    def _end(self) -> None:
        """Ends it without waiting for a running call."""
        self._leave()
        self._native.end()

    def _gives_way(self) -> bool:
        """Whether registering its listener now replaces it: it has no calls here any more."""
        return False

    def _leave(self) -> None:
        if self._kept.get(self._identity) is self:
            self._kept.pop(self._identity, None)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "a subscription cannot be pickled; register the listener where it is needed"
        )


def identity_of(listener: Listener) -> Hashable:
    """The identity of a listener; a bound method is the same each time it is looked up."""
    if isinstance(listener, MethodType):
        return id(listener.__self__), id(listener.__func__)
    if isinstance(listener, BuiltinMethodType):
        return id(listener.__self__), listener.__name__
    return id(listener)


def _guarded(listener: Listener) -> Callable[[tuple[Any, ...]], None]:
    """A listener whose failure is logged before the native half counts it."""

    def call(parts: tuple[Any, ...]) -> None:
        try:
            listener(ChangeEvent(*parts))
        except BaseException:
            # Any, such as that of sys.exit: nothing else on this thread shows it.
            log_failure()
            raise

    return call


def log_failure() -> None:
    logger.exception("a change listener failed; it remains registered")
