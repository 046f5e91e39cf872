"""Listeners that run on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Callable

from castalia._arguments import Interest
from castalia._async_changes import Changes
from castalia._content import ChangeEvent
from castalia._subscription import Listener, Subscription, log_failure


class AsyncSubscription(Subscription):
    """A listener that runs on the event loop that registered it, until it is cancelled."""

    def _begin(self, listener: Listener, namespace: Any, interest: Interest) -> None:
        self._changes = Changes(namespace._stream(interest))
        run = self._run(listener, namespace._note_listener_failure)
        self._task = asyncio.get_running_loop().create_task(run)
        """Ends with the subscription."""

    async def _run(self, listener: Listener, failed: Callable[[], None]) -> None:
        try:
            async for event in self._changes:
                await _call(listener, event, failed)
        finally:
            # However it ends, the listener can be registered again.
            self._leave()
            self._changes.close()

    def _gives_way(self) -> bool:
        # A task may be pending for ever on a loop that was closed.
        return self._task.done() or self._task.get_loop() is not asyncio.get_running_loop()

    def cancel(self) -> None:
        """Ends it; a running call is cancelled at its next await.

        In the listener itself it only marks the end.
        """
        self._end()

    def _end(self) -> None:
        """Like ``cancel``, and from any thread."""
        self._leave()
        self._changes.close()
        loop = self._task.get_loop()
        if loop is not asyncio._get_running_loop():
            # A loop that is closed takes no calls.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._task.cancel)
        elif asyncio.current_task() is not self._task:
            self._task.cancel()


async def _call(listener: Listener, event: ChangeEvent, failed: Callable[[], None]) -> None:
    try:
        result = listener(event)
        if isinstance(result, Awaitable):
            await result
    except (Exception, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and _is_cancelled():
            raise
        log_failure()
        failed()


def _is_cancelled() -> bool:
    """Whether the current task is cancelled, and not only something that it waited for."""
    # Before Python 3.11 nothing tells them apart, and a loop that ends waits for all its tasks.
    cancelling: Callable[[], int] | None = getattr(asyncio.current_task(), "cancelling", None)
    return cancelling is None or cancelling() > 0
