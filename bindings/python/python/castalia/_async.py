"""The client for programs with an event loop: the same names, and what waits is awaited.

Listeners and iterators run on the loop that made them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Callable, TypeVar

from castalia import _native
from castalia._calls import begin, on_loop
from castalia._content import ChangeEvent, Snapshot, TypedReads, Validator, snapshot_of
from castalia._log import logger
from castalia._monitor import Metrics, metrics_of
from castalia._settings import Setting, Settings
from castalia._watch import Watch

T = TypeVar("T")

AsyncListener = Callable[[ChangeEvent], "Awaitable[object] | object"]


class Changes(AsyncIterator[ChangeEvent]):
    """Events as they come; ends when the client is closed. Also an async context manager."""

    def __init__(self, native: _native.Stream) -> None:
        self._native = native
        self._next: Future[Any] | None = None

    async def __anext__(self) -> ChangeEvent:
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
        self._native.close()

    async def __aenter__(self) -> Changes:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class AsyncSubscription:
    """A registered listener, until it is cancelled."""

    def __init__(
        self, changes: Changes, listener: AsyncListener, kept: set[AsyncSubscription]
    ) -> None:
        self._changes = changes
        self._listener = listener
        # Keeps it although nobody holds it; a loop does not keep its tasks.
        self._kept = kept
        kept.add(self)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        async for event in self._changes:
            try:
                result = self._listener(event)
                if isinstance(result, Awaitable):
                    await result
            except Exception:
                logger.exception("a change listener failed; it stays registered")

    def cancel(self) -> None:
        """Ends it; a call that runs is cancelled at its next await."""
        self._kept.discard(self)
        self._changes.close()
        self._task.cancel()


class AsyncConfig(_native.Namespace, TypedReads):
    """An open namespace; as ``Config``, but what waits is awaited."""

    def __init__(self, source: _native.Opened, settings: None = None, /) -> None:
        self._kept: set[AsyncSubscription] = set()

    def snapshot(self) -> Snapshot:
        """The content now; it never changes."""
        return snapshot_of(self.view())

    async def refresh(self) -> None:
        """Loads now."""
        await on_loop(self.load)

    def on_change(
        self,
        listener: AsyncListener,
        *,
        keys: Iterable[str] = (),
        prefixes: Iterable[str] = (),
    ) -> AsyncSubscription:
        """Calls a function, or awaits a coroutine function, for each change, on this loop."""
        changes = self.changes(keys=keys, prefixes=prefixes)
        return AsyncSubscription(changes, listener, self._kept)

    def watch(self, parse: Callable[[Snapshot], T]) -> Watch[T]:
        """Keeps a value current that a function makes of the whole namespace."""
        return Watch(self, parse)

    def changes(self, *, keys: Iterable[str] = (), prefixes: Iterable[str] = ()) -> Changes:
        """The events from now on, as they come."""
        return Changes(self.stream(list(keys), list(prefixes)))


class AsyncConfigFile:
    """An open namespace as a whole text; as ``ConfigFile``, but what waits is awaited."""

    def __init__(self, native: _native.File) -> None:
        self._native = native
        self._kept: set[AsyncSubscription] = set()

    @property
    def content(self) -> str | None:
        """The text now; ``None`` when nothing is loaded."""
        return self._native.content()

    def snapshot(self) -> Snapshot:
        """The content now; it never changes."""
        return snapshot_of(self._native.view())

    @property
    def state(self) -> str:
        """How the namespace stands with the servers."""
        return self._native.state

    async def refresh(self) -> None:
        """Loads now."""
        await on_loop(self._native.load)

    def on_change(self, listener: AsyncListener) -> AsyncSubscription:
        """Calls a function for each change of the text, under the key ``content``."""
        return AsyncSubscription(self.changes(), listener, self._kept)

    def changes(self) -> Changes:
        """The changes of the text from now on, as they come."""
        return Changes(self._native.stream())


class AsyncClient:
    """The way to the configuration of an app; as ``Client``, but what waits is awaited."""

    def __init__(self, settings: Settings | Mapping[str, str] | None = None) -> None:
        """Opens no socket. Raises ``InvalidArgumentError`` with every fault at once."""
        self._settings = Settings.of(settings)
        self._native = self._settings.client()
        self._configs: dict[tuple[str, str], AsyncConfig] = {}

    @property
    def app_id(self) -> str:
        """App id of the client."""
        return self._native.app_id

    async def config(self, namespace: str) -> AsyncConfig:
        """Opens a namespace and waits for its first load."""
        return await self.config_of(self.app_id, namespace)

    async def config_of(self, app_id: str, namespace: str) -> AsyncConfig:
        """Opens a namespace of another app."""
        opened = self._configs.get((app_id, namespace))
        if opened is not None:
            return opened
        native = await on_loop(lambda done: self._native.open(app_id, namespace, done))
        return self._configs.setdefault((app_id, namespace), AsyncConfig(native))

    async def config_file(self, namespace: str) -> AsyncConfigFile:
        """Opens a namespace as a whole text."""
        return AsyncConfigFile(await on_loop(lambda done: self._native.open_file(namespace, done)))

    def settings(self) -> list[Setting]:
        """Every effective setting, and where it came from."""
        return [Setting(*fields) for fields in self._native.settings()]

    def validate(self, namespace: str, validator: Validator) -> None:
        """Asks a function before a release of a namespace of the app itself is applied.

        A text that it returns, or an exception, is the reason why the release is not.
        """
        self._native.validate(namespace, lambda parts: validator(Snapshot(*parts)))

    def metrics(self) -> Metrics:
        """State and counters."""
        return metrics_of(self._native.metrics())

    def metrics_text(self) -> str:
        """The same as OpenMetrics text."""
        return self._native.metrics_text()

    async def close(self) -> None:
        """Stops everything. Reads go on answering."""
        self._native.stop()
        await on_loop(self._native.close)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
