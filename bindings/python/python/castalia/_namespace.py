"""The common part of open namespaces with and without an event loop."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Callable, Generic, TypeVar, overload
from weakref import WeakSet, ref

from castalia import _native
from castalia._arguments import Interest, callable_or_refused, interest_of
from castalia._content import Snapshot, snapshot_of
from castalia._errors import Error
from castalia._reads import TypedReads
from castalia._subscription import Listener, Subscription, identity_of
from castalia._watch import Watch

C = TypeVar("C")
L = TypeVar("L", bound=Listener)
S = TypeVar("S", bound=Subscription)
T = TypeVar("T")


class OpenNamespace(Generic[S]):
    """An open namespace and its listeners."""

    _subscription: type[S]
    """What its listeners are registered as."""

    def __init__(self) -> None:
        # Keeps subscriptions alive without other references, each listener once.
        self._kept: dict[Hashable, Subscription] = {}

    def _identity(self) -> tuple[str, str, str]:
        """App id, cluster and namespace."""
        raise NotImplementedError

    def _view(self) -> _native.View:
        """The current values of the native half."""
        raise NotImplementedError

    def _give_up(self) -> None:
        """The native half of ``close``."""
        raise NotImplementedError

    def _check_open(self) -> None:
        """Raises ``ClosedError`` once this or its client is closed."""
        raise NotImplementedError

    @property
    def app_id(self) -> str:
        """The app of the namespace."""
        return self._identity()[0]

    @property
    def cluster(self) -> str:
        """The client's cluster, which may differ from the one of the release."""
        return self._identity()[1]

    @property
    def namespace(self) -> str:
        """The name of the namespace."""
        return self._identity()[2]

    def snapshot(self) -> Snapshot:
        """The current values; they never change."""
        return snapshot_of(self._view())

    def off(self, listener: Listener) -> bool:
        """Cancels the subscription of a listener; false if it has none."""
        subscription = self._kept.get(identity_of(listener))
        if subscription is None:
            return False
        subscription.cancel()
        return True

    def close(self) -> None:
        """Closes the namespace; does not wait, and does nothing the second time.

        Its listeners are not called any more, and it is no longer refreshed unless it is open
        elsewhere. Reads still return the last values; other calls raise ``ClosedError``. The client
        opens it again as a new object.
        """
        self._end_listeners()
        self._give_up()

    def _end_listeners(self) -> None:
        """Ends every subscription without waiting."""
        for subscription in self._subscriptions():
            subscription._end()

    def _subscriptions(self) -> list[Subscription]:
        """The subscriptions that are not cancelled."""
        return list(self._kept.values())

    def _register(self, listener: Listener | None, interest: Interest) -> Any:
        if listener is not None:
            return self._registered(callable_or_refused(listener, "listener"), interest)

        def decorate(function: L) -> L:
            self._registered(callable_or_refused(function, "listener"), interest)
            return function

        return decorate

    def _registered(
        self,
        listener: Listener,
        interest: Interest,
        kind: type[Subscription] | None = None,
    ) -> Subscription:
        """The subscription of a listener, of the namespace's kind unless another one is given."""
        self._check_open()
        kept = self._kept.get(identity_of(listener))
        if kept is not None:
            if not kept._gives_way():
                return kept
            kept._end()
        made = (kind or self._subscription)(listener, self, interest, self._kept)
        kept = self._kept.setdefault(identity_of(listener), made)
        if kept is not made:
            made._end()
        return kept


class Configs(dict[tuple[str, str], C]):
    """The configs of a client by app id and name, until they are closed."""

    def leave(self, config: object) -> None:
        """Forgets one."""
        # Copied in one step: other threads may open and close namespaces meanwhile.
        for key, kept in list(self.items()):
            if kept is config:
                self.pop(key, None)


class OpenConfig(_native.Namespace, OpenNamespace[S], TypedReads):
    """A namespace as keys and values."""

    def __init__(self, _: object, configs: Configs[Any], /) -> None:
        OpenNamespace.__init__(self)  # pyright: ignore[reportUnknownMemberType]
        self._configs = ref(configs)
        self._watches: WeakSet[Watch[Any]] = WeakSet()

    @overload
    def on_change(
        self, listener: None = None, *, keys: Iterable[str] = (), prefixes: Iterable[str] = ()
    ) -> Callable[[L], L]: ...
    @overload
    def on_change(
        self, listener: Listener, *, keys: Iterable[str] = (), prefixes: Iterable[str] = ()
    ) -> S: ...
    def on_change(
        self,
        listener: Listener | None = None,
        *,
        keys: Iterable[str] = (),
        prefixes: Iterable[str] = (),
    ) -> Any:
        """Calls a function for each change of these keys and prefixes, or each change without any.

        Calls are in order, one at a time. A function that is registered already stays as it is.
        Without a function this is a decorator.
        """
        return self._register(listener, interest_of(keys, prefixes))

    def _malformed(self, key: str, text: str) -> Error:
        """The error of a value that was parsed here; it is logged and counted."""
        return self._view().malformed(key, text)

    def watch(self, parse: Callable[[Snapshot], T]) -> Watch[T]:
        """Keeps a value current that a function builds from the whole namespace."""
        watch = Watch(self, callable_or_refused(parse, "parse"))
        self._watches.add(watch)
        return watch

    def close(self) -> None:
        """Closes the namespace; see ``ConfigFile.close``."""
        for watch in list(self._watches):
            watch.cancel()
        super().close()
        configs = self._configs()
        if configs is not None:
            configs.leave(self)


class OpenFile(_native.Open, OpenNamespace[S]):
    """A namespace as one text."""

    def __init__(self, _: _native.Open, /) -> None:
        OpenNamespace.__init__(self)  # pyright: ignore[reportUnknownMemberType]

    @property
    def content(self) -> str | None:
        """The text; ``None`` if nothing has been loaded."""
        return self._content()

    @overload
    def on_change(self, listener: None = None) -> Callable[[L], L]: ...
    @overload
    def on_change(self, listener: Listener) -> S: ...
    def on_change(self, listener: Listener | None = None) -> Any:
        """Calls a function for each change of the text, under the key ``content``.

        See ``Config.on_change``.
        """
        return self._register(listener, interest_of())
