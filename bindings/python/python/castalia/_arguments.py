"""Checks arguments, so that an invalid one is rejected by the call and not at the next event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

F = TypeVar("F")

Interest = tuple[list[str], list[str]]
"""Keys and prefixes; without any, everything."""


def callable_or_refused(function: F, name: str) -> F:
    """The function; ``TypeError`` if it is not callable."""
    if not callable(function):
        raise TypeError(f"{name} must be callable, not {type(function).__name__}")
    return function


def interest_of(keys: Iterable[str] = (), prefixes: Iterable[str] = ()) -> Interest:
    """Keys and prefixes as lists; ``TypeError`` if they are not iterables of strings."""
    return _texts(keys, "keys"), _texts(prefixes, "prefixes")


def names_of(names: Iterable[str] | None) -> str | None:
    """Names as the value of a setting, separated by commas."""
    return None if names is None else ",".join(_texts(names, "namespaces"))


def settings_or_refused(values: Mapping[Any, Any], what: str = "setting") -> dict[str, str]:
    """The values; ``TypeError`` with the name of the first one that is not a string."""
    for name, value in values.items():
        if not isinstance(name, str):
            raise TypeError(f"the name of a {what} must be a str, not {name!r}")
        if not isinstance(value, str):
            # Only the type: the value may be a secret.
            kind = type(value).__name__
            raise TypeError(f"the {what} {name!r} must be a str, not {kind}")
    return dict(values)


def _texts(words: Iterable[Any], name: str) -> list[str]:
    # A string is an iterable of strings too: of its characters.
    listed = [] if isinstance(words, str) else list(words)
    if isinstance(words, str) or not all(isinstance(word, str) for word in listed):
        raise TypeError(f"{name} must be an iterable of str, such as a list")
    return listed
