"""Listeners that run on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Callable

from castalia._async_changes import Changes
from castalia._subscription import Listener, Subscription, log_failure


class AsyncSubscription(Subscription):
    """A listener that runs on the event loop that registered it, until it is cancelled."""

    def _begin(self, listener: Listener, namespace: Any, interest: tuple[list[str], ...]) -> None:
        self._changes = Changes(namespace._stream(*interest))
        run = self._run(listener, namespace._note_listener_failure)
        self._task = asyncio.get_running_loop().create_task(run)
        """Ends with the subscription."""

    async def _run(self, listener: Listener, failed: Callable[[], None]) -> None:
        async for event in self._changes:
            try:
                result = listener(event)
                if isinstance(result, Awaitable):
                    await result
            except Exception:
                log_failure()
                failed()
        self._leave()

    def cancel(self) -> None:
        """Ends it; a running call is cancelled at its next await.

        In the listener itself it only marks the end.
        """
        self._end()

    def _end(self) -> None:
        """Like ``cancel``."""
        self._leave()
        self._changes.close()
        if asyncio.current_task(self._task.get_loop()) is not self._task:
            self._task.cancel()
