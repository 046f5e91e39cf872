"""Events that are taken one at a time on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any

from castalia import _native
from castalia._calls import begin
from castalia._content import ChangeEvent


class Changes(AsyncIterator[ChangeEvent]):
    """Events as they arrive; they end with the namespace. Also an async context manager."""

    def __init__(self, native: _native.Stream) -> None:
        self._native = native
        self._next: Future[Any] | None = None
        self._closed = False

    async def __anext__(self) -> ChangeEvent:
        if self._closed:
            raise StopAsyncIteration
        # A cancelled wait leaves its event for the next one.
        if self._next is None:
            self._next = begin(self._native.next)
        parts = await asyncio.shield(asyncio.wrap_future(self._next))
        self._next = None
        if parts is None:
            raise StopAsyncIteration
        return ChangeEvent(*parts)

    def close(self) -> None:
        """Ends the stream."""
        self._closed = True
        self._native.close()

    async def __aenter__(self) -> Changes:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
