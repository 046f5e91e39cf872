"""Contents and events: values that can be kept, compared and pickled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, Callable, TypeVar, overload

from castalia import _native
from castalia._errors import ParseError
from castalia._monitor import time_of

Validator = Callable[["Snapshot"], "str | None"]
"""Says why a release must not be applied; ``None`` applies it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

T = TypeVar("T")
D = TypeVar("D")


class TypedReads(Mapping[str, str]):
    """Reads of values as other types, by the same rules in every language.

    ``get_int`` and its like give the default where the value is missing or malformed and never
    fail; ``try_get_int`` and its like give ``None`` where it is missing, and raise ``ParseError``
    where it is malformed.
    """

    __slots__ = ()

    @overload
    def get_int(self, key: str) -> int | None: ...
    @overload
    def get_int(self, key: str, default: D) -> int | D: ...
    def get_int(self, key: str, default: Any = None) -> Any:
        """A whole number of 32 bits."""
        return self.get_with(key, _native.parse_int, default)

    @overload
    def get_long(self, key: str) -> int | None: ...
    @overload
    def get_long(self, key: str, default: D) -> int | D: ...
    def get_long(self, key: str, default: Any = None) -> Any:
        """A whole number of 64 bits."""
        return self.get_with(key, _native.parse_long, default)

    @overload
    def get_float(self, key: str) -> float | None: ...
    @overload
    def get_float(self, key: str, default: D) -> float | D: ...
    def get_float(self, key: str, default: Any = None) -> Any:
        """A number."""
        return self.get_with(key, _native.parse_float, default)

    @overload
    def get_bool(self, key: str) -> bool | None: ...
    @overload
    def get_bool(self, key: str, default: D) -> bool | D: ...
    def get_bool(self, key: str, default: Any = None) -> Any:
        """``true`` in any case; every other value is false."""
        return self.get_with(key, _native.parse_bool, default)

    @overload
    def get_duration(self, key: str) -> timedelta | None: ...
    @overload
    def get_duration(self, key: str, default: D) -> timedelta | D: ...
    def get_duration(self, key: str, default: Any = None) -> Any:
        """A time such as ``2D3H4M5S123MS``, or a bare number of milliseconds."""
        return self.get_with(key, _duration, default)

    @overload
    def get_date(self, key: str) -> datetime | None: ...
    @overload
    def get_date(self, key: str, default: D) -> datetime | D: ...
    def get_date(self, key: str, default: Any = None) -> Any:
        """A date such as ``2024-01-31 23:59:59``; without a zone it is one of this machine's."""
        return self.get_with(key, _date, default)

    @overload
    def get_list(
        self, key: str, *, delimiter: str = ",", trim: bool = False
    ) -> list[str] | None: ...
    @overload
    def get_list(
        self, key: str, default: D, delimiter: str = ",", *, trim: bool = False
    ) -> list[str] | D: ...
    def get_list(
        self, key: str, default: Any = None, delimiter: str = ",", *, trim: bool = False
    ) -> Any:
        """The parts between a delimiter, without empty ones at the end; ``trim`` drops blanks."""
        return self.get_with(key, lambda text: _native.parse_list(text, delimiter, trim), default)

    def get_json(self, key: str, default: Any = None) -> Any:
        """The value as JSON."""
        return self.get_with(key, json.loads, default)

    def get_with(self, key: str, parse: Callable[[str], T | None], default: D) -> T | D:
        """The value as a function reads it; ``None`` and ``ValueError`` mean malformed."""
        text = self.get(key)
        if text is None:
            return default
        try:
            value = parse(text)
        except ValueError:
            return default
        return default if value is None else value

    def try_get_int(self, key: str) -> int | None:
        """A whole number of 32 bits."""
        return self._try_get(key, _native.parse_int, "a whole number of 32 bits")

    def try_get_long(self, key: str) -> int | None:
        """A whole number of 64 bits."""
        return self._try_get(key, _native.parse_long, "a whole number of 64 bits")

    def try_get_float(self, key: str) -> float | None:
        """A number."""
        return self._try_get(key, _native.parse_float, "a number")

    def try_get_bool(self, key: str) -> bool | None:
        """``true`` in any case; every other value is false."""
        return self._try_get(key, _native.parse_bool, "a boolean")

    def try_get_duration(self, key: str) -> timedelta | None:
        """A time such as ``2D3H4M5S123MS``, or a bare number of milliseconds."""
        return self._try_get(key, _duration, "a duration")

    def try_get_date(self, key: str) -> datetime | None:
        """A date such as ``2024-01-31 23:59:59``."""
        return self._try_get(key, _date, "a date")

    def try_get_json(self, key: str) -> Any:
        """The value as JSON."""
        return self._try_get(key, json.loads, "JSON")

    def _try_get(self, key: str, parse: Callable[[str], T | None], what: str) -> T | None:
        text = self.get(key)
        if text is None:
            return None
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None:
            raise ParseError(f"the value is not {what} (key={key})", "read value", {"key": key})
        return value


def _duration(text: str) -> timedelta | None:
    millis = _native.parse_duration(text)
    try:
        return None if millis is None else timedelta(milliseconds=millis)
    except OverflowError:
        return None


def _date(text: str) -> datetime | None:
    millis = _native.parse_date(text)
    try:
        since = None if millis is None else timedelta(milliseconds=millis)
        return None if since is None else (_EPOCH + since).astimezone()
    except OverflowError:
        return None


class Snapshot(TypedReads):
    """The content of a namespace at one moment; it never changes."""

    __slots__ = (
        "_loaded_at",
        "_values",
        "app_id",
        "cluster",
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
        loaded_at: float,
    ) -> None:
        self._values = MappingProxyType(dict(values))
        self.app_id = app_id
        self.cluster = cluster
        self.namespace = namespace
        self.source = source
        self.release_key = release_key
        self.notification_id = notification_id
        self._loaded_at = loaded_at

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def loaded_at(self) -> datetime:
        """When it was made."""
        return time_of(self._loaded_at)

    def __reduce__(self) -> tuple[Any, ...]:
        rest = (getattr(self, name) for name in _SNAPSHOT_FIELDS)
        return Snapshot, (dict(self._values), *rest)

    def __repr__(self) -> str:
        # A count instead of values, which may be secrets.
        return f"<Snapshot of {self.namespace}: {len(self)} keys, {self.source}>"


_SNAPSHOT_FIELDS = (
    "app_id",
    "cluster",
    "namespace",
    "source",
    "release_key",
    "notification_id",
    "_loaded_at",
)


def snapshot_of(view: _native.View) -> Snapshot:
    """A snapshot as the native half gives it."""
    return Snapshot(*view.parts())


@dataclass(frozen=True)
class Change:
    """One key of an event."""

    old_value: str | None
    """Value before; ``None`` when added."""
    new_value: str | None
    """Value after; ``None`` when deleted."""
    change_type: str
    """``ADDED``, ``MODIFIED`` or ``DELETED``."""

    def __repr__(self) -> str:
        # The type alone: values may be secrets.
        return f"<Change {self.change_type}>"


class ChangeEvent:
    """One change of a namespace: all keys that one new content changed."""

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
        """The content after the change, or a newer one when events were merged."""
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
