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

        Pickled settings omit secrets; the reader takes those from its own environment.
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
        left_out = [] if self.pickle_secret else [name for name in self.values if _is_secret(name)]
        values = {name: value for name, value in self.values.items() if name not in left_out}
        return _restored, (values, self.with_env, self.pickle_secret, left_out)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self.with_env, frozenset(self.values.items())))

    def __repr__(self) -> str:
        # Only names: values may be secrets.
        return f"Settings({sorted(self.values)}, with_env={self.with_env})"


def _is_secret(name: str) -> bool:
    return name.endswith("secret")


def _restored(
    values: dict[str, str], with_env: bool, pickle_secret: bool, left_out: list[str]
) -> Settings:
    settings = Settings(values, pickle_secret=pickle_secret)
    settings.with_env = with_env
    for name in left_out:
        value = os.environ.get(name.replace(".", "_").replace("-", "_").upper())
        if value is not None:
            settings.set(name, value)
    return settings
