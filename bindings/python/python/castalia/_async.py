"""The client for programs with an event loop: the same names, with awaitable calls.

Listeners and iterators run on the loop that created them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, TypeVar

from castalia._arguments import interest_of
from castalia._async_changes import Changes
from castalia._async_subscription import AsyncSubscription
from castalia._calls import Start, begin, unless_ending
from castalia._client import AnyClient
from castalia._namespace import OpenConfig, OpenFile, OpenNamespace

_DRAIN = 2.0
"""Seconds that listeners have for what is queued when the client is closed."""


class AsyncConfig(OpenConfig[AsyncSubscription]):
    """An open namespace; like ``Config`` with awaitable calls."""

    _subscription = AsyncSubscription

    async def refresh(self) -> None:
        """Loads now."""
        await _on_loop(self._load)

    def changes(self, *, keys: Iterable[str] = (), prefixes: Iterable[str] = ()) -> Changes:
        """The events from now on, as they come."""
        return Changes(self._stream(interest_of(keys, prefixes)))


class AsyncConfigFile(OpenFile[AsyncSubscription]):
    """An open namespace as one text; like ``ConfigFile`` with awaitable calls."""

    _subscription = AsyncSubscription

    async def refresh(self) -> None:
        """Loads now."""
        await _on_loop(self._load)

    def changes(self) -> Changes:
        """The changes of the text from now on, as they come."""
        return Changes(self._stream(interest_of()))


C = TypeVar("C", bound="AsyncClient")


class AsyncClient(AnyClient[AsyncConfig]):
    """A client; like ``Client`` with awaitable calls."""

    async def config(self, namespace: str) -> AsyncConfig:
        """Opens a namespace and waits for its first load."""
        return await self.config_of(self.app_id, namespace)

    async def config_of(self, app_id: str, namespace: str) -> AsyncConfig:
        """Opens a namespace of another app."""
        self._native.check_open()
        opened = self._configs.get((app_id, namespace))
        if opened is not None:
            return opened
        native = await _on_loop(lambda done: self._native.open(app_id, namespace, done))
        config = AsyncConfig(native, self._configs)
        self._opened[id(config)] = config
        return self._configs.setdefault((app_id, namespace), config)

    async def config_file(self, namespace: str) -> AsyncConfigFile:
        """Opens a namespace as one text."""
        client = self._native
        opened = await _on_loop(lambda done: client.open(self.app_id, namespace, done, True))
        file = AsyncConfigFile(opened)
        self._opened[id(file)] = file
        return file

    async def close(self) -> None:
        """Stops the client with all its namespaces. Reads still return the last values.

        Listeners have two seconds for their queued events and are then cancelled. In a listener
        this does not wait.
        """
        self._native.stop()
        namespaces = list(self._opened.values())
        listening = {task for namespace in namespaces for task in _listening_to(namespace)}
        if asyncio.current_task() in listening:
            return
        closing = begin(unless_ending(self._native.close))
        if listening:
            await asyncio.wait(listening, timeout=_DRAIN)
        for namespace in namespaces:
            namespace._end_listeners()
        await asyncio.wrap_future(closing)
        self._configs.clear()

    async def __aenter__(self: C) -> C:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _listening_to(namespace: OpenNamespace[AsyncSubscription]) -> list[asyncio.Task[None]]:
    """The tasks of its listeners on the running loop."""
    loop = asyncio.get_running_loop()
    subscriptions = namespace._subscriptions()
    tasks = [one._task for one in subscriptions if isinstance(one, AsyncSubscription)]
    return [task for task in tasks if task.get_loop() is loop]


async def _on_loop(start: Start) -> Any:
    """Waits for a call on the running event loop."""
    return await asyncio.wrap_future(begin(start))
