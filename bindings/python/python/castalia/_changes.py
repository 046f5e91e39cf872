"""Events that are taken one at a time, without an event loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from castalia import _native
from castalia._calls import begin, result_of
from castalia._content import ChangeEvent


def taken_from(stream: _native.Stream) -> Iterator[ChangeEvent]:
    """The events of a stream, which is closed with the iterator."""
    try:
        while True:
            parts: tuple[Any, ...] | None = result_of(begin(stream.next))
            if parts is None:
                return
            yield ChangeEvent(*parts)
    finally:
        stream.close()
