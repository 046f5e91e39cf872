"""Snapshots and events: values that can be stored, compared and pickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Callable, TypeVar

from castalia import _native
from castalia._errors import Error, ParseError
from castalia._native import ValueType
from castalia._reads import TypedReads

T = TypeVar("T")

Validator = Callable[["Snapshot"], "str | None"]
"""Says why a release must not be applied; ``None`` or an empty string applies it."""


class Snapshot(TypedReads):
    """The values of a namespace at one moment; they never change."""

    __slots__ = (
        "_fallback",
        "_rules",
        "_values",
        "_view",
        "app_id",
        "cluster",
        "loaded_at",
        "namespace",
        "notification_id",
        "release_key",
        "source",
    )

    def __init__(
        self,
        values: Mapping[str, str],
        app_id: str,
        cluster: str,
        namespace: str,
        source: str,
        release_key: str,
        notification_id: int,
        loaded_at: datetime,
        rules: _native.ReadRules,
        view: _native.View | None = None,
        fallback: Callable[[str], str | None] | None = None,
    ) -> None:
        self._values = MappingProxyType(dict(values))
        self.app_id = app_id
        self.cluster = cluster
        self.namespace = namespace
        self.source = source
        self.release_key = release_key
        self.notification_id = notification_id
        self.loaded_at = loaded_at
        """When it was made."""
        self._rules = rules
        # Caches parsed values; a pickled snapshot parses each time.
        self._view = view
        # Finds values outside the namespace, such as environment variables; a pickled snapshot has
        # none, since its reader may have other variables.
        self._fallback = fallback

    def __getitem__(self, key: str) -> str:
        try:
            return self._values[key]
        except KeyError:
            value = self._fallback_value(key)
            if value is None:
                raise
            return value

    def _fallback_value(self, key: object) -> str | None:
        if self._fallback is None or not isinstance(key, str):
            return None
        return self._fallback(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _read(self, value_type: ValueType[T], key: str) -> T | None:
        """The value by type; ``None`` if it is missing, ``ParseError`` if it is malformed."""
        if self._view is not None:
            return self._view.read(value_type, key)
        text = self.get(key)
        return None if text is None else _native.read_text(value_type, key, text, self._rules)

    def _malformed(self, key: str, text: str) -> Error:
        """The error of a value that was parsed here; it is logged and counted."""
        if self._view is not None:
            return self._view.malformed(key, text)
        return ParseError(text, "read value", {"key": key})

    def __reduce__(self) -> tuple[Any, ...]:
        rest = (getattr(self, name) for name in _SNAPSHOT_FIELDS)
        return Snapshot, (dict(self._values), *rest)

    def __repr__(self) -> str:
        # The number of keys instead of the values, which may be secrets.
        return f"<Snapshot of {self.namespace}: {len(self)} keys, {self.source}>"


_SNAPSHOT_FIELDS = (
    "app_id",
    "cluster",
    "namespace",
    "source",
    "release_key",
    "notification_id",
    "loaded_at",
    "_rules",
)


def snapshot_of(view: _native.View) -> Snapshot:
    """A snapshot from the fields of the native half."""
    return Snapshot(*view.parts(), view, view.text)


@dataclass(frozen=True)
class Change:
    """The change of one key."""

    old_value: str | None
    """Value before; ``None`` when added."""
    new_value: str | None
    """Value after; ``None`` when deleted."""
    change_type: str
    """``ADDED``, ``MODIFIED`` or ``DELETED``."""

    def __repr__(self) -> str:
        # Only the type: values may be secrets.
        return f"<Change {self.change_type}>"


class ChangeEvent:
    """All changes that one release made to a namespace."""

    def __init__(
        self,
        app_id: str,
        namespace: str,
        changes: Mapping[str, tuple[str | None, str | None, str]],
        interested_keys: list[str],
        old_release_key: str,
        release_key: str,
        source: str,
        sequence: int,
        coalesced: int,
        snapshot: Snapshot | _native.View,
    ) -> None:
        self.app_id = app_id
        self.namespace = namespace
        self.changes = {key: Change(*change) for key, change in changes.items()}
        """Every changed key, whatever the listener asked for."""
        self.interested_keys = interested_keys
        """The changed keys that the listener asked for; none when it asked for none."""
        self.old_release_key = old_release_key
        self.release_key = release_key
        self.source = source
        self.sequence = sequence
        """Number of this change within its namespace, rising by one from 1."""
        self.coalesced = coalesced
        """How many later events were merged into this one because the listener did not keep up."""
        self._snapshot = snapshot

    @property
    def snapshot(self) -> Snapshot:
        """The values after the change; for merged events, those after the last of them."""
        if not isinstance(self._snapshot, Snapshot):
            self._snapshot = snapshot_of(self._snapshot)
        return self._snapshot

    def __reduce__(self) -> tuple[Any, ...]:
        changes = {
            key: (change.old_value, change.new_value, change.change_type)
            for key, change in self.changes.items()
        }
        return ChangeEvent, (
            self.app_id,
            self.namespace,
            changes,
            self.interested_keys,
            self.old_release_key,
            self.release_key,
            self.source,
            self.sequence,
            self.coalesced,
            self.snapshot,
        )

    def __repr__(self) -> str:
        return f"<ChangeEvent {self.sequence} of {self.namespace}: {len(self.changes)} keys>"
