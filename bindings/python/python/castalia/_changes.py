"""Events that are taken one at a time, without an event loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from castalia import _native
from castalia._calls import begin, result_of, unless_ending
from castalia._content import ChangeEvent


class Events(Iterator[ChangeEvent]):
    """Events as they arrive; they end with the namespace.

    Not a generator: one that a thread was executing at a fork cannot be used in the child.
    """

    def __init__(self, native: _native.Stream) -> None:
        self._native = native

    def __next__(self) -> ChangeEvent:
        waiting = begin(unless_ending(self._native.next))
        try:
            parts: tuple[Any, ...] | None = result_of(waiting)
        except BaseException:
            # Such as that of Ctrl-C: nobody would take the event that was waited for.
            self.close()
            raise
        if parts is None:
            raise StopIteration
        return ChangeEvent(*parts)

    def close(self) -> None:
        """Ends the stream, and a wait for its next event."""
        self._native.close()
