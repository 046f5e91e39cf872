"""Events that are taken one at a time on an event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from castalia import _native
from castalia._calls import begin, unless_ending
from castalia._content import ChangeEvent


class Changes(AsyncIterator[ChangeEvent]):
    """Events as they arrive; they end with the namespace. Also an async context manager.

    Of several readers, each event has one.
    """

    def __init__(self, native: _native.Stream) -> None:
        self._native = native
        self._next: Future[Any] | None = None
        self._waiter = _Waiter()
        # Before Python 3.10, a lock belongs to the loop that is running when it is created.
        self._reading: asyncio.Lock | None = None
        self._closed = False
        self._process = os.getpid()

    async def __anext__(self) -> ChangeEvent:
        # In a forked child nothing ends a wait of the parent, nor releases the lock of its reader.
        if self._process != os.getpid():
            raise StopAsyncIteration
        if self._reading is None:
            self._reading = asyncio.Lock()
        async with self._reading:
            return await self._take()

    async def _take(self) -> ChangeEvent:
        if self._closed:
            raise StopAsyncIteration
        # A cancelled wait leaves its event for the next one.
        if self._next is None:
            self._next = begin(unless_ending(self._native.next))
            self._next.add_done_callback(self._waiter.wake)
        await self._waiter.wait(self._next)
        ended, self._next = self._next, None
        parts = None if ended.cancelled() else ended.result()
        if parts is None:
            raise StopAsyncIteration
        return ChangeEvent(*parts)

    def close(self) -> None:
        """Ends the stream, and a wait for its next event."""
        self._closed = True
        self._native.close()
        # At once, and although the native half completes nothing when the interpreter is ending.
        if self._next is not None:
            self._next.cancel()

    async def __aenter__(self) -> Changes:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class _Waiter:
    """Waits for futures, of which one task at a time waits for one; it may wait again for the same.

    The callback of a future refers to this alone and not to the iterator, which could otherwise not
    be freed before the next event.
    """

    def __init__(self) -> None:
        self._woken: asyncio.Future[None] | None = None
        """Set while a task waits."""

    async def wait(self, future: Future[Any]) -> None:
        """Waits until a future is done or cancelled; ending the wait does not cancel it."""
        try:
            # The callback of an earlier future may come late, and wake this.
            while not future.done():
                woken = self._woken = asyncio.get_running_loop().create_future()
                # Asked again: whoever ends the future wakes what is set then.
                if not future.done():
                    await woken
        finally:
            self._woken = None

    def wake(self, _: Future[Any]) -> None:
        """Ends a wait; the callback of the futures, on any thread."""
        woken = self._woken
        if woken is not None:
            # A loop that is closed takes no calls.
            with suppress(RuntimeError):
                woken.get_loop().call_soon_threadsafe(_end, woken)


def _end(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
