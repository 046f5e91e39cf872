"""Checks of arguments, so that a wrong one is refused at the call and not at the next event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

F = TypeVar("F")


def callable_or_refused(function: F, name: str) -> F:
    """The function; ``TypeError`` where it cannot be called."""
    if not callable(function):
        raise TypeError(f"{name} must be callable, not {type(function).__name__}")
    return function


def interest_of(keys: Iterable[str], prefixes: Iterable[str]) -> tuple[list[str], list[str]]:
    """Keys and prefixes as lists; ``TypeError`` where they are not iterables of texts."""
    return _texts(keys, "keys"), _texts(prefixes, "prefixes")


def names_of(names: Iterable[str] | None) -> str | None:
    """Names as a setting has them, with commas between."""
    return None if names is None else ",".join(_texts(names, "namespaces"))


def settings_or_refused(values: Mapping[Any, Any], what: str = "setting") -> dict[str, str]:
    """The values; ``TypeError`` with the name of the first that is not a text."""
    for name, value in values.items():
        if not isinstance(name, str):
            raise TypeError(f"the name of a {what} must be a str, not {name!r}")
        if not isinstance(value, str):
            # The type alone: the value may be a secret.
            kind = type(value).__name__
            raise TypeError(f"the {what} {name!r} must be a str, not {kind}")
    return dict(values)


def _texts(words: Iterable[Any], name: str) -> list[str]:
    # A text is an iterable of texts too, but of its letters.
    listed = [] if isinstance(words, str) else list(words)
    if isinstance(words, str) or not all(isinstance(word, str) for word in listed):
        raise TypeError(f"{name} must be an iterable of str, such as a list")
    return listed
