"""The client for programs without an event loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Callable, TypeVar, overload

from castalia import _native
from castalia._calls import begin, result_of, wait
from castalia._content import ChangeEvent, Snapshot, TypedReads, Validator, snapshot_of
from castalia._log import logger
from castalia._monitor import Metrics, metrics_of
from castalia._settings import Setting, Settings
from castalia._watch import Watch

Listener = Callable[[ChangeEvent], object]
L = TypeVar("L", bound=Listener)
T = TypeVar("T")


class Subscription:
    """A registered listener, until it is cancelled. As a context manager, its end cancels."""

    def __init__(self, native: _native.Subscription, kept: set[Subscription]) -> None:
        self._native = native
        # Keeps it although nobody holds it.
        self._kept = kept
        kept.add(self)

    def cancel(self) -> None:
        """Ends it: afterwards no call is running and none will start.

        In the listener itself it only marks the end.
        """
        self._kept.discard(self)
        self._native.cancel()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "a subscription cannot be pickled; register the listener where it is needed"
        )


class Config(_native.Namespace, TypedReads):
    """An open namespace: a mapping of keys to values that follows the servers.

    Reads never wait. Each one sees the newest content; for several that must fit together, take a
    snapshot.
    """

    def __init__(
        self, source: _native.Opened | Callable[[], _native.Opened], settings: Settings, /
    ) -> None:
        self._kept: set[Subscription] = set()
        self._settings = settings

    def snapshot(self) -> Snapshot:
        """The content now; it never changes."""
        return snapshot_of(self.view())

    def refresh(self, timeout: float | None = None) -> None:
        """Loads now and waits for it, at most this many seconds."""
        wait(self.load, timeout)

    @overload
    def on_change(
        self, listener: None = None, *, keys: Iterable[str] = (), prefixes: Iterable[str] = ()
    ) -> Callable[[L], L]: ...
    @overload
    def on_change(
        self, listener: Listener, *, keys: Iterable[str] = (), prefixes: Iterable[str] = ()
    ) -> Subscription: ...
    def on_change(
        self,
        listener: Listener | None = None,
        *,
        keys: Iterable[str] = (),
        prefixes: Iterable[str] = (),
    ) -> Any:
        """Calls a function for each change of these keys and prefixes, or of anything.

        Calls come in order, one at a time, on a thread of the client.
        """
        wanted, starts = list(keys), list(prefixes)

        def register(function: L) -> L:
            Subscription(self.listen(guarded(function), wanted, starts), self._kept)
            return function

        if listener is None:
            return register
        return Subscription(self.listen(guarded(listener), wanted, starts), self._kept)

    def changes(
        self, *, keys: Iterable[str] = (), prefixes: Iterable[str] = ()
    ) -> Iterator[ChangeEvent]:
        """The events from now on, as they come; ends when the client is closed."""
        return taken_from(self.stream(list(keys), list(prefixes)))

    def watch(self, parse: Callable[[Snapshot], T]) -> Watch[T]:
        """Keeps a value current that a function makes of the whole namespace."""
        return Watch(self, parse)

    def __copy__(self) -> Config:
        return self

    def __deepcopy__(self, _: object) -> Config:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A recipe: what reads it opens the namespace of a client of its own, at the first read.
        app_id, _, name = self.identity()
        return _reopened, (self._settings, app_id, name)

    def __repr__(self) -> str:
        # A count instead of values, which may be secrets.
        app_id, _, name = self.identity()
        return f"<Config {name} of {app_id}: {len(self)} keys, {self.source}>"


class ConfigFile:
    """An open namespace as a whole text."""

    def __init__(self, native: _native.File) -> None:
        self._native = native
        self._kept: set[Subscription] = set()

    @property
    def content(self) -> str | None:
        """The text now; ``None`` when nothing is loaded."""
        return self._native.content()

    @property
    def state(self) -> str:
        """How the namespace stands with the servers."""
        return self._native.state

    def snapshot(self) -> Snapshot:
        """The content now; it never changes."""
        return snapshot_of(self._native.view())

    def refresh(self, timeout: float | None = None) -> None:
        """Loads now and waits for it, at most this many seconds."""
        wait(self._native.load, timeout)

    def on_change(self, listener: Listener) -> Subscription:
        """Calls a function for each change of the text, under the key ``content``."""
        return Subscription(self._native.listen(guarded(listener)), self._kept)

    def changes(self) -> Iterator[ChangeEvent]:
        """The changes of the text from now on, as they come."""
        return taken_from(self._native.stream())


class Client:
    """The way to the configuration of an app.

    Settings are an object, values by property name, or none for those of the surroundings. A
    client is also a context manager, whose end closes it.
    """

    def __init__(self, settings: Settings | Mapping[str, str] | None = None) -> None:
        """Opens no socket. Raises ``InvalidArgumentError`` with every fault at once."""
        self._settings = Settings.of(settings)
        self._native = self._settings.client()
        self._configs: dict[tuple[str, str], Config] = {}

    @property
    def app_id(self) -> str:
        """App id of the client."""
        return self._native.app_id

    def config(self, namespace: str, timeout: float | None = None) -> Config:
        """Opens a namespace and waits for its first load, at most this many seconds."""
        return self.config_of(self.app_id, namespace, timeout)

    def config_of(self, app_id: str, namespace: str, timeout: float | None = None) -> Config:
        """Opens a namespace of another app."""
        opened = self._configs.get((app_id, namespace))
        if opened is not None:
            return opened
        config = Config(_open(self._native, app_id, namespace, timeout), self._settings)
        return self._configs.setdefault((app_id, namespace), config)

    def config_file(self, namespace: str, timeout: float | None = None) -> ConfigFile:
        """Opens a namespace as a whole text."""
        return ConfigFile(wait(lambda done: self._native.open_file(namespace, done), timeout))

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

    def close(self, timeout: float | None = 5.0) -> None:
        """Stops everything and waits for it. Reads go on answering.

        In a listener it only gives the sign.
        """
        self._native.stop()
        if not _native.in_callback():
            wait(self._native.close, timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __copy__(self) -> Client:
        return self

    def __deepcopy__(self, _: object) -> Client:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A recipe: what reads it makes a client of its own.
        return Client, (self._settings,)

    def __repr__(self) -> str:
        return f"<Client of {self.app_id}>"


def _open(
    client: _native.Client, app_id: str, namespace: str, timeout: float | None
) -> _native.Opened:
    opened: _native.Opened = wait(lambda done: client.open(app_id, namespace, done), timeout)
    return opened


_clients_of_pickles: dict[Settings, _native.Client] = {}


def _reopened(settings: Settings, app_id: str, namespace: str) -> Config:
    """What a pickled config becomes; its namespace is opened by the first read."""
    client = _clients_of_pickles.setdefault(settings, settings.client())
    return Config(lambda: _open(client, app_id, namespace, None), settings)


def guarded(listener: Listener) -> Callable[[tuple[Any, ...]], None]:
    """A listener whose failure is logged before it is counted."""

    def call(parts: tuple[Any, ...]) -> None:
        try:
            listener(ChangeEvent(*parts))
        except Exception:
            logger.exception("a change listener failed; it stays registered")
            raise

    return call


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
