"""A value that is made of a whole namespace and kept current."""

from __future__ import annotations

from typing import Callable, Generic, TypeVar
from weakref import WeakMethod

from castalia import _native
from castalia._content import Snapshot, snapshot_of
from castalia._log import logger

T = TypeVar("T")


class Watch(Generic[T]):
    """The value of the newest content that could be read."""

    def __init__(self, namespace: _native.Namespace, parse: Callable[[Snapshot], T]) -> None:
        """Raises what ``parse`` raises for the content now."""
        self._namespace = namespace
        self._parse = parse
        self.last_error: Exception | None = None
        """Why the newest content could not be read; ``None`` when it could."""
        # Listening begins first, so that no change falls between.
        # The client must not keep alive what nobody else holds.
        follow = WeakMethod(self._follow)
        self._subscription = namespace.listen(lambda _: _call(follow), [], [])
        self._value = parse(snapshot_of(namespace.view()))

    def get(self) -> T:
        """The value now."""
        return self._value

    def cancel(self) -> None:
        """Keeps the value as it is."""
        self._subscription.cancel()

    def _follow(self) -> None:
        try:
            self._value = self._parse(snapshot_of(self._namespace.view()))
            self.last_error = None
        except Exception as error:
            self.last_error = error
            logger.warning("a watched namespace cannot be read; the last value stays: %s", error)


def _call(method: WeakMethod[Callable[[], None]]) -> None:
    held = method()
    if held is not None:
        held()
