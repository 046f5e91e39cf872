"""A value built from a whole namespace and kept current."""

from __future__ import annotations

from typing import Any, Callable, Generic, TypeVar
from weakref import WeakMethod

from castalia import _native
from castalia._content import Snapshot, snapshot_of
from castalia._log import logger

T = TypeVar("T")


class Watch(Generic[T]):
    """The value of the newest snapshot that could be parsed."""

    def __init__(self, namespace: _native.Namespace, parse: Callable[[Snapshot], T]) -> None:
        """Raises what ``parse`` raises for the current values."""
        self._parse = parse
        self.last_error: BaseException | None = None
        """Why the newest content could not be read; ``None`` when it could."""
        # The client must not keep this object alive.
        follow = WeakMethod(self._follow)
        self._subscription = namespace._follow(self._begin, lambda view: _call(follow, view))

    def get(self) -> T:
        """The current value."""
        return self._value

    def cancel(self) -> None:
        """Stops following; the value remains."""
        self._subscription.cancel()

    def _begin(self, view: _native.View) -> None:
        self._value = self._parse(snapshot_of(view))

    def _follow(self, view: _native.View) -> None:
        try:
            self._value = self._parse(snapshot_of(view))
            self.last_error = None
        except BaseException as error:
            # Any, such as that of sys.exit: nothing else on this thread shows it.
            self.last_error = error
            # Only the kind is logged: the error itself may quote values.
            kind = type(error).__name__
            logger.warning(
                "the new content cannot be parsed (%s); keeping the last good value", kind
            )


def _call(method: WeakMethod[Any], view: _native.View) -> None:
    held = method()
    if held is not None:
        held(view)
