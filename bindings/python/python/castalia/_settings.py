"""What a client is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One effective setting: which value counts, and why."""

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
    """Settings by property name, such as ``app.id``; they are checked when a client is made."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        """These values alone; nothing is read from the environment."""
        self.values: dict[str, str] = dict(values or {})
        self.with_env = False

    @classmethod
    def from_env(cls) -> Settings:
        """Those of the surroundings: environment, ``server.properties``, ``app.properties``."""
        settings = cls()
        settings.with_env = True
        return settings

    @classmethod
    def of(cls, settings: Settings | Mapping[str, str] | None) -> Settings:
        """What a client takes: settings, values, or ``None`` for those of the surroundings."""
        if settings is None:
            return cls.from_env()
        return settings if isinstance(settings, Settings) else cls(settings)

    def set(self, name: str, value: str) -> Settings:
        """Sets a value, and gives the settings back."""
        self.values[name] = value
        return self

    def __repr__(self) -> str:
        # Names alone: values may be secrets.
        return f"Settings({sorted(self.values)}, with_env={self.with_env})"
