"""A client for tests of applications, without server and network. The test sets its values.

>>> from castalia.testing import FakeClient
>>> with FakeClient({"application": {"rate.limit": "5"}}) as client:
...     config = client.config("application")
...     client.set("application", {"rate.limit": "6"})
...     assert config.get_int("rate.limit") == 6

It is the real client with values in memory, so reads, events and errors are those of production.
It opens no socket and no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from castalia import _native
from castalia._arguments import settings_or_refused
from castalia._async import AsyncClient, _on_loop
from castalia._calls import Start, wait
from castalia._settings import Settings
from castalia._sync import Client

Contents = Mapping[str, Mapping[str, str]]
"""Values by namespace."""


class FakeClient(Client):
    """A client whose values the test sets; listeners are called for changes."""

    def __init__(
        self, contents: Contents | None = None, *, settings: Mapping[str, str] | None = None
    ) -> None:
        """With values by namespace; settings of servers and cache files have no effect."""
        memory = _Memory(contents or {}, settings or {})
        super().__init__(memory)
        self._memory = memory

    def set(self, namespace: str, values: Mapping[str, str | None]) -> None:
        """Sets several values of a namespace in one step; ``None`` deletes a key.

        Like ``publish``, it does not wait for listeners.
        """
        wait(self._memory.updating(namespace, values), None)

    def publish(self, namespace: str, values: Mapping[str, str]) -> None:
        """Replaces all values of a namespace.

        Reads return them when this returns, and each listener has its event queued. It is called on
        a thread of the client, perhaps later: a test waits for what the listener does.
        """
        wait(self._memory.publishing(namespace, values), None)

    def fail(self, namespace: str) -> None:
        """Makes loads of a namespace fail, as without a server, until its values are set again.

        Values loaded before remain.
        """
        wait(self._memory.failing(namespace), None)


class AsyncFakeClient(AsyncClient):
    """Like ``FakeClient`` with awaitable calls."""

    def __init__(
        self, contents: Contents | None = None, *, settings: Mapping[str, str] | None = None
    ) -> None:
        """Like ``FakeClient``."""
        memory = _Memory(contents or {}, settings or {})
        super().__init__(memory)
        self._memory = memory

    async def set(self, namespace: str, values: Mapping[str, str | None]) -> None:
        """Like ``FakeClient.set``."""
        await _on_loop(self._memory.updating(namespace, values))

    async def publish(self, namespace: str, values: Mapping[str, str]) -> None:
        """Like ``FakeClient.publish``."""
        await _on_loop(self._memory.publishing(namespace, values))

    async def fail(self, namespace: str) -> None:
        """Like ``FakeClient.fail``."""
        await _on_loop(self._memory.failing(namespace))


class _Memory(Settings):
    """Settings whose client has no servers; what changes its content is a call to be begun."""

    def __init__(self, contents: Contents, settings: Mapping[str, str]) -> None:
        super().__init__(settings)
        checked = [(name, _entries(values)) for name, values in contents.items()]
        self._native = _native.Client(self.values, self.with_env, checked)

    def client(self) -> _native.Client:
        return self._native

    def updating(self, namespace: str, values: Mapping[str, str | None]) -> Start:
        _entries({key: value for key, value in values.items() if value is not None})
        return lambda done: self._native.change(namespace, list(values.items()), done)

    def publishing(self, namespace: str, values: Mapping[str, str]) -> Start:
        entries = _entries(values)
        return lambda done: self._native.change(namespace, entries, done, True)

    def failing(self, namespace: str) -> Start:
        return lambda done: self._native.change(namespace, None, done)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a fake client cannot be pickled: its values exist in this process only")


def _entries(values: Mapping[str, str]) -> list[tuple[str, str]]:
    return list(settings_or_refused(values, "value").items())
