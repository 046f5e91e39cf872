"""Typed reads, by the same rules in every language."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Callable, NoReturn, TypeVar, overload

from castalia import _native
from castalia._arguments import callable_or_refused
from castalia._errors import Error, ParseError
from castalia._native import ValueType

T = TypeVar("T")
D = TypeVar("D")
E = TypeVar("E", bound=Enum)


class TypedReads(Mapping[str, str]):
    """Typed reads.

    ``get_int`` and similar reads return the default if the value is missing or malformed, and never
    fail; ``try_get_int`` and similar reads return ``None`` if it is missing, and raise
    ``ParseError`` if it is malformed. A malformed value is logged and counted once for each
    release.
    """

    __slots__ = ()

    @overload
    def get_int(self, key: str) -> int | None: ...
    @overload
    def get_int(self, key: str, default: D) -> int | D: ...
    def get_int(self, key: str, default: Any = None) -> Any:
        """A 32-bit integer."""
        return self._typed(ValueType.Int, key, default)

    @overload
    def get_long(self, key: str) -> int | None: ...
    @overload
    def get_long(self, key: str, default: D) -> int | D: ...
    def get_long(self, key: str, default: Any = None) -> Any:
        """A 64-bit integer."""
        return self._typed(ValueType.Long, key, default)

    @overload
    def get_float(self, key: str) -> float | None: ...
    @overload
    def get_float(self, key: str, default: D) -> float | D: ...
    def get_float(self, key: str, default: Any = None) -> Any:
        """A floating-point number."""
        return self._typed(ValueType.Float, key, default)

    @overload
    def get_bool(self, key: str) -> bool | None: ...
    @overload
    def get_bool(self, key: str, default: D) -> bool | D: ...
    def get_bool(self, key: str, default: Any = None) -> Any:
        """``true`` in any case; any other value is false.

        With ``castalia.strict-booleans``, one of ``true``, ``yes``, ``on``, ``1`` and their
        opposites; anything else is malformed.
        """
        return self._typed(ValueType.Bool, key, default)

    @overload
    def get_duration(self, key: str) -> timedelta | None: ...
    @overload
    def get_duration(self, key: str, default: D) -> timedelta | D: ...
    def get_duration(self, key: str, default: Any = None) -> Any:
        """A duration such as ``2D3H4M5S123MS``, or a number of milliseconds."""
        return self._typed(ValueType.Duration, key, default)

    @overload
    def get_date(self, key: str) -> datetime | None: ...
    @overload
    def get_date(self, key: str, default: D) -> datetime | D: ...
    def get_date(self, key: str, default: Any = None) -> Any:
        """A date such as ``2024-01-31 23:59:59``, in this machine's time zone.

        A date without a time zone is in that of ``castalia.time-zone``.
        """
        return self._typed(ValueType.Date, key, default)

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
        """Splits at a delimiter, without empty parts at the end; ``trim`` removes white space."""
        text = self.get(key)
        return default if text is None else _native.parse_list(text, delimiter, trim)

    def get_json(self, key: str, default: Any = None) -> Any:
        """The value as JSON, a new object each time; ``None`` for ``null``."""
        try:
            return self._parsed(key, _json, "JSON", default, _NOTHING)
        except ParseError:
            return default

    @overload
    def get_enum(self, key: str, enum: type[E]) -> E | None: ...
    @overload
    def get_enum(self, key: str, enum: type[E], default: D) -> E | D: ...
    def get_enum(self, key: str, enum: type[E], default: Any = None) -> Any:
        """The member of an enumeration that has exactly the value as its name."""
        return self.get_with(key, enum.__members__.get, default)

    def get_with(self, key: str, parse: Callable[[str], T | None], default: D) -> T | D:
        """The value parsed by a function; ``None`` and exceptions mean that it is malformed."""
        callable_or_refused(parse, "parse")
        try:
            value: T | D = self._parsed(key, parse, "what it is read as", default)
        except ParseError:
            return default
        return value

    def try_get_int(self, key: str) -> int | None:
        """Like ``get_int``."""
        return self._read(ValueType.Int, key)

    def try_get_long(self, key: str) -> int | None:
        """Like ``get_long``."""
        return self._read(ValueType.Long, key)

    def try_get_float(self, key: str) -> float | None:
        """Like ``get_float``."""
        return self._read(ValueType.Float, key)

    def try_get_bool(self, key: str) -> bool | None:
        """Like ``get_bool``."""
        return self._read(ValueType.Bool, key)

    def try_get_duration(self, key: str) -> timedelta | None:
        """Like ``get_duration``."""
        return self._read(ValueType.Duration, key)

    def try_get_date(self, key: str) -> datetime | None:
        """Like ``get_date``."""
        return self._read(ValueType.Date, key)

    def try_get_json(self, key: str) -> Any:
        """Like ``get_json``."""
        return self._parsed(key, _json, "JSON", malformed=_NOTHING)

    def try_get_enum(self, key: str, enum: type[E]) -> E | None:
        """Like ``get_enum``."""
        members = enum.__members__
        member: E | None = self._parsed(key, members.get, f"one of {', '.join(members)}")
        return member

    @abstractmethod
    def _read(self, value_type: ValueType[T], key: str) -> T | None:
        """The value by type; ``None`` if it is missing, ``ParseError`` if it is malformed."""

    @abstractmethod
    def _malformed(self, key: str, text: str) -> Error:
        """The error of a value that was parsed here; it is logged and counted."""

    def _typed(self, value_type: ValueType[Any], key: str, default: Any) -> Any:
        try:
            value = self._read(value_type, key)
        except ParseError:
            return default
        return default if value is None else value

    def _parsed(
        self,
        key: str,
        parse: Callable[[str], Any],
        what: str,
        default: Any = None,
        malformed: Any = None,
    ) -> Any:
        """The value by a parser that raises or returns ``malformed`` if it is that."""
        text = self.get(key)
        if text is None:
            return default
        value, cause = malformed, None
        try:
            value = parse(text)
        except Exception as error:
            cause = error
        if value is malformed:
            raise self._malformed(key, f"the value is not {what}") from cause
        return value


_NOTHING = object()
"""What no parser returns."""


def _json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")
