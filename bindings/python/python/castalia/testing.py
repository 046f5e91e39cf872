"""A client for tests of applications: no server, no network, content that the test sets.

>>> from castalia.testing import FakeClient
>>> with FakeClient({"application": {"rate.limit": "5"}}) as client:
...     config = client.config("application")
...     client.set("application", {"rate.limit": "6"})
...     assert config.get_int("rate.limit") == 6

It is the real client over files in a folder of its own, so that reads, events and errors are those
of production.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from castalia._arguments import settings_or_refused
from castalia._async import AsyncClient
from castalia._sync import Client

Contents = Mapping[str, Mapping[str, str]]
"""Values by namespace."""


class FakeClient(Client):
    """A client whose content the test sets; listeners are called when it changes."""

    def __init__(
        self, contents: Contents | None = None, *, settings: Mapping[str, str] | None = None
    ) -> None:
        """With content by namespace; settings come on top of its own."""
        self._files = _Files(settings or {})
        super().__init__(self._files.settings)
        self._files.write_all(contents or {})

    def set(self, namespace: str, values: Mapping[str, str | None]) -> None:
        """Sets some values of a namespace; ``None`` deletes a key."""
        self.publish(namespace, self._files.merged(namespace, values))

    def publish(self, namespace: str, values: Mapping[str, str]) -> None:
        """Replaces the content of a namespace.

        Reads return it when this returns, and listeners are called for it on their thread.
        """
        self._native.check_open()
        self._files.write(namespace, values)
        # Configs and files of a namespace share its content.
        self.config(namespace).refresh()

    def close(self, timeout: float | None = 5.0) -> None:
        """As ``Client.close``; removes the folder."""
        super().close(timeout)
        self._files.remove()


class AsyncFakeClient(AsyncClient):
    """As ``FakeClient``, but what waits is awaited."""

    def __init__(
        self, contents: Contents | None = None, *, settings: Mapping[str, str] | None = None
    ) -> None:
        """As ``FakeClient``."""
        self._files = _Files(settings or {})
        super().__init__(self._files.settings)
        self._files.write_all(contents or {})

    async def set(self, namespace: str, values: Mapping[str, str | None]) -> None:
        """As ``FakeClient.set``."""
        await self.publish(namespace, self._files.merged(namespace, values))

    async def publish(self, namespace: str, values: Mapping[str, str]) -> None:
        """As ``FakeClient.publish``."""
        self._native.check_open()
        self._files.write(namespace, values)
        await (await self.config(namespace)).refresh()

    async def close(self) -> None:
        """As ``AsyncClient.close``; removes the folder."""
        await super().close()
        self._files.remove()


class _Files:
    """A folder with the content of each namespace, as a client reads it that has no server."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="castalia-"))
        own = {"app.id": "test", "env": "LOCAL", "apollo.cache-dir": str(self._folder)}
        self.settings = {**own, "apollo.cluster": "default", **settings}
        self._contents: dict[str, dict[str, str]] = {}

    def write_all(self, contents: Contents) -> None:
        for namespace, values in contents.items():
            self.write(namespace, values)

    def merged(self, namespace: str, values: Mapping[str, str | None]) -> dict[str, str]:
        merged = {**self._contents.get(_bare(namespace), {}), **values}
        return {key: value for key, value in merged.items() if value is not None}

    def write(self, namespace: str, values: Mapping[str, str]) -> None:
        name, app_id = _bare(namespace), self.settings["app.id"]
        self._contents[name] = settings_or_refused(values, "value")
        lines = [f"{_escaped(key)}={_escaped(value)}\n" for key, value in values.items()]
        folder = self._folder / app_id / "config-cache"
        folder.mkdir(parents=True, exist_ok=True)
        scratch = folder / f"{name}.new"
        scratch.write_text("".join(lines))
        # In one step, since the client may read at any moment.
        scratch.replace(folder / f"{app_id}+default+{name}.properties")

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _bare(namespace: str) -> str:
    return namespace[: -len(".properties")] if namespace.endswith(".properties") else namespace


def _escaped(text: str) -> str:
    """A text as properties files may write every text."""
    units = text.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
