"""Settings of a client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from castalia import _native
from castalia._arguments import settings_or_refused


@dataclass(frozen=True)
class Setting:
    """One effective setting and its origin."""

    name: str
    """Property name."""
    value: str
    """Value; a secret is ``***``, and empty means unset."""
    origin: str
    """Where the value came from."""
    found_as: str
    """The name under which it was found there."""
    meaning: str
    """What it is for, with its unit."""


class Settings:
    """Settings by property name, such as ``app.id``; validated when a client is created."""

    def __init__(
        self, values: Mapping[str, str] | None = None, *, pickle_secret: bool = False
    ) -> None:
        """Only these values; the environment is not read.

        Pickled settings omit secrets, user and password of addresses, and addresses that clients
        refuse because a password in them is not percent-encoded; the reader takes these settings
        from its own environment.
        """
        self.values: dict[str, str] = settings_or_refused(values or {})
        self.with_env = False
        self.pickle_secret = pickle_secret

    @classmethod
    def from_env(cls) -> Settings:
        """From the environment, ``server.properties`` and ``app.properties``."""
        settings = cls()
        settings.with_env = True
        return settings

    @classmethod
    def of(
        cls, settings: Settings | Mapping[str, str] | None, overrides: Mapping[str, str | None]
    ) -> Settings:
        """From settings, values, or ``None`` for those of the environment.

        Overrides that are not ``None`` take precedence.
        """
        base = settings if isinstance(settings, Settings) else cls._of_values(settings)
        given = {name: value for name, value in overrides.items() if value is not None}
        if not given:
            return base
        merged = cls({**base.values, **given}, pickle_secret=base.pickle_secret)
        merged.with_env = base.with_env
        return merged

    @classmethod
    def _of_values(cls, values: Mapping[str, str] | None) -> Settings:
        if values is None:
            return cls.from_env()
        if not isinstance(values, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            kind = type(values).__name__
            raise TypeError(f"settings must be Settings, a mapping or None, not {kind}")
        return cls(values)

    def set(self, name: str, value: str) -> Settings:
        """Sets a value, and returns the settings."""
        self.values.update(settings_or_refused({name: value}))
        return self

    def client(self) -> _native.Client:
        """A client with these settings."""
        return _native.Client(self.values, self.with_env)

    def __reduce__(self) -> tuple[Any, ...]:
        public = self.values if self.pickle_secret else _public(self.values)
        replaced = [name for name, value in self.values.items() if public.get(name) != value]
        return _restored, (public, self.with_env, self.pickle_secret, replaced)

    def __eq__(self, other: object) -> bool:
        # With secrets: configs that were pickled with equal settings share a client.
        return isinstance(other, Settings) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def _parts(self) -> tuple[Any, ...]:
        return frozenset(self.values.items()), self.with_env, self.pickle_secret

    def __repr__(self) -> str:
        # Only names: values may be secrets.
        return f"Settings({sorted(self.values)}, with_env={self.with_env})"


def _public(values: dict[str, str]) -> dict[str, str]:
    """The values without secrets, and addresses without users and passwords."""
    shown = {name: _native.public_value(name, value) for name, value in values.items()}
    return {name: value for name, value in shown.items() if value is not None}


def _restored(
    values: dict[str, str], with_env: bool, pickle_secret: bool, replaced: list[str]
) -> Settings:
    settings = Settings(values, pickle_secret=pickle_secret)
    settings.with_env = with_env
    for name in replaced:
        value = os.environ.get(_native.variable_of(name))
        if value is not None:
            settings.set(name, value)
    return settings
