"""Executes the calls of the contract cases in Python, controlled by lines of words."""

from __future__ import annotations

import queue
import sys
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, unquote

import castalia

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Listener:
    """Events of one listener, in the order of arrival."""

    def __init__(self, throws: bool) -> None:
        self.throws = throws
        self.events: queue.Queue[castalia.ChangeEvent] = queue.Queue()
        self.interest: list[str] = []

    def __call__(self, event: castalia.ChangeEvent) -> None:
        if self.throws:
            raise RuntimeError("as told")
        self.events.put(event)

    def next(self) -> list[str]:
        """The changed keys of the next event and the kind of each change, sorted."""
        event = self.events.get(timeout=70)
        self.interest = event.interested_keys
        changes = sorted(event.changes.items())
        return [word for key, change in changes for word in (key, change.change_type.lower())]


class Host:
    """One client, its namespaces and its listeners."""

    def __init__(self) -> None:
        self.client = castalia.Client({"app.id": "none"})
        self.configs: dict[str, castalia.Config] = {}
        self.listeners: dict[str, Listener] = {}

    def answer(self, call: list[str]) -> list[str]:
        """Makes a call; returns the words of its result."""
        action, *rest = call
        method = getattr(self, f"do_{action}", None)
        if method is not None:
            return list(map(str, method(*rest) or []))
        return self.typed(action, self.configs[rest[0]], rest[1], rest[2])

    def do_client(self, *settings: str) -> None:
        self.client = castalia.Client(dict(zip(settings[::2], settings[1::2])))

    def do_open(self, app_id: str, namespace: str) -> None:
        self.configs[namespace] = self.client.config_of(app_id, namespace)

    def do_listen(self, name: str, namespace: str, flag: str, *interest: str) -> None:
        listener = self.listeners[name] = Listener(flag == "throws")
        keys = [word[1:] for word in interest if word[0] == "k"]
        prefixes = [word[1:] for word in interest if word[0] == "p"]
        self.configs[namespace].on_change(listener, keys=keys, prefixes=prefixes)

    def do_event(self, name: str) -> list[str]:
        return self.listeners[name].next()

    def do_interest(self, name: str) -> list[str]:
        return self.listeners[name].interest

    def do_content(self, namespace: str) -> list[str]:
        content = self.client.config_file(namespace).content
        return [] if content is None else [content]

    def do_metric(self, namespace: str, name: str) -> list[Any]:
        found = [one for one in self.client.metrics().namespaces if one.namespace == namespace]
        return [getattr(one, name) for one in found]

    def do_setting(self, name: str) -> list[str]:
        return [one.value for one in self.client.settings() if one.name == name]

    def do_close(self) -> None:
        self.client.close()

    def do_close_namespace(self, namespace: str) -> None:
        self.configs[namespace].close()

    def do_last_error(self, namespace: str) -> list[str]:
        error = self.configs[namespace].last_error
        return [] if error is None else [kind_of(error)]

    def do_state(self, namespace: str) -> list[str]:
        config = self.configs[namespace]
        return [config.source, config.state]

    def do_keys(self, namespace: str) -> list[str]:
        return list(self.configs[namespace])

    def do_refresh(self, namespace: str) -> None:
        self.configs[namespace].refresh()

    def do_get(self, namespace: str, key: str) -> list[str]:
        value = self.configs[namespace].get(key)
        return [] if value is None else [value]

    def typed(self, action: str, config: castalia.Config, key: str, default: str) -> list[str]:
        """A read by type, with the default or without."""
        read = getattr(config, action.replace("double", "float"))
        value = read(key) if action.startswith("try_") else read(key, parsed(action, default))
        return [] if value is None else [spelled(value)]


def kind_of(error: castalia.Error) -> str:
    """Name of the kind of an error."""
    return type(error).__name__.replace("Error", "")


def parsed(action: str, text: str) -> object:
    """A default of the type that an action reads."""
    if action.endswith("bool"):
        return text == "true"
    if action.endswith("duration"):
        return timedelta(milliseconds=int(text))
    if action.endswith("date"):
        return EPOCH + timedelta(milliseconds=int(text))
    return float(text) if action.endswith("double") else int(text)


def spelled(value: object) -> str:
    """A value in the notation of the cases."""
    if isinstance(value, datetime):
        value -= EPOCH
    if isinstance(value, timedelta):
        return str(value // timedelta(milliseconds=1))
    return str(value).lower() if isinstance(value, bool) else str(value)


def main() -> None:
    """Answers line by line."""
    host = Host()
    for line in sys.stdin:
        try:
            words = ["ok", *host.answer([unquote(word) for word in line.rstrip("\n").split(" ")])]
        except castalia.Error as error:
            words = ["error", kind_of(error), str(error)]
        print(*(quote(word, safe="") for word in words), flush=True)


main()
