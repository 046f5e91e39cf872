"""The client for programs without an event loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Callable, TypeVar

from castalia import _native
from castalia._arguments import interest_of
from castalia._calls import unless_ending, wait
from castalia._changes import Events
from castalia._client import AnyClient
from castalia._content import ChangeEvent
from castalia._errors import TimeoutError
from castalia._log import log_by_default
from castalia._namespace import Configs, OpenConfig, OpenFile
from castalia._settings import Settings
from castalia._subscription import Subscription


class Config(OpenConfig[Subscription]):
    """An open namespace: a mapping of keys to values that is kept current.

    Reads never wait. Each one uses the newest values; for several reads that must be consistent
    with each other, use a snapshot. Listeners run on a thread of the client.
    """

    _subscription = Subscription

    def __init__(
        self,
        source: _native.Open | Callable[[], _native.Open],
        configs: Configs[Config],
        settings: Settings,
        /,
    ) -> None:
        super().__init__(source, configs)
        self._settings = settings

    def refresh(self, timeout: float | None = None) -> None:
        """Loads now and waits for the result, at most this many seconds."""
        wait(self._load, timeout)

    def changes(
        self, *, keys: Iterable[str] = (), prefixes: Iterable[str] = ()
    ) -> Iterator[ChangeEvent]:
        """The events from now on; they end when the client or the namespace is closed."""
        return Events(self._stream(interest_of(keys, prefixes)))

    def __copy__(self) -> Config:
        return self

    def __deepcopy__(self, _: object) -> Config:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A recipe: the reader opens the namespace with its own client, at the first read.
        return _reopened, (self._settings, self.app_id, self.namespace)

    def __repr__(self) -> str:
        # The number of keys instead of the values, which may be secrets.
        return f"<Config {self.namespace} of {self.app_id}: {len(self)} keys, {self.source}>"


class ConfigFile(OpenFile[Subscription]):
    """An open namespace as one text. Listeners run on a thread of the client."""

    _subscription = Subscription

    def refresh(self, timeout: float | None = None) -> None:
        """Loads now and waits for the result, at most this many seconds."""
        wait(self._load, timeout)

    def changes(self) -> Iterator[ChangeEvent]:
        """The changes of the text from now on."""
        return Events(self._stream(interest_of()))


C = TypeVar("C", bound="Client")


class Client(AnyClient[Config]):
    """A client.

    It is also a context manager, which closes it.
    """

    def config(self, namespace: str, timeout: float | None = None) -> Config:
        """Opens a namespace and waits for its first load, at most this many seconds."""
        return self.config_of(self.app_id, namespace, timeout)

    def config_of(self, app_id: str, namespace: str, timeout: float | None = None) -> Config:
        """Opens a namespace of another app."""
        self._native.check_open()
        opened = self._configs.get((app_id, namespace))
        if opened is not None:
            return opened
        source = _open(self._native, app_id, namespace, timeout)
        config = Config(source, self._configs, self._settings)
        return self._configs.setdefault((app_id, namespace), config)

    def config_file(self, namespace: str, timeout: float | None = None) -> ConfigFile:
        """Opens a namespace as one text."""
        client = self._native
        opened = wait(lambda done: client.open(self.app_id, namespace, done, True), timeout)
        return ConfigFile(opened)

    def close(self, timeout: float | None = 10.0) -> None:
        """Stops the client with all its namespaces. Reads still return the last values.

        Listeners have two seconds for their queued events, and all else, such as a cache file on a
        disk that does not answer, has five. In a listener, and when the interpreter is ending, this
        does not wait.
        """
        self._native.stop()
        if not _native.in_callback():
            self._configs.clear()
            wait(unless_ending(self._native.close), timeout)

    def __enter__(self: C) -> C:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The client is stopped; the result of the block must not be lost.
        with suppress(TimeoutError):
            self.close()

    def __copy__(self) -> Client:
        return self

    def __deepcopy__(self, _: object) -> Client:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A recipe: the reader creates its own client.
        return Client, (self._settings,)

    def __repr__(self) -> str:
        return f"<Client of {self.app_id}>"


def _open(
    client: _native.Client, app_id: str, namespace: str, timeout: float | None
) -> _native.Open:
    opened: _native.Open = wait(lambda done: client.open(app_id, namespace, done), timeout)
    return opened


_clients_of_pickles: dict[Settings, _native.Client] = {}


def _reopened(settings: Settings, app_id: str, namespace: str) -> Config:
    """A pickled config after loading; its namespace is opened by the first read."""
    log_by_default()
    client = _clients_of_pickles.get(settings)
    if client is None:
        client = _clients_of_pickles.setdefault(settings, settings.client())
    return Config(lambda: _open(client, app_id, namespace, None), Configs(), settings)
