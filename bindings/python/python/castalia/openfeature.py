"""An OpenFeature provider for a namespace: ``pip install castalia[openfeature]``.

>>> from openfeature import api
>>> from castalia.openfeature import CastaliaProvider
>>> api.set_provider_and_wait(CastaliaProvider(client.config("application")))
>>> api.get_client().get_boolean_value("new-checkout", False)
True

Until a provider is ready, which ``set_provider`` does not wait for, flags have their defaults. The
key of a flag is the key of a value. The server decides by gray release rules which value a
program reads, so the evaluation context has no effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import FlagNotFoundError, ParseError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

import castalia
from castalia._arguments import interest_of
from castalia._namespace import OpenConfig


class CastaliaProvider(AbstractProvider):
    """Evaluates flags from the values of a namespace, and announces changes."""

    def __init__(self, config: OpenConfig[Any]) -> None:
        super().__init__()
        self._config = config
        self._subscription: castalia.Subscription | None = None

    def get_metadata(self) -> Metadata:
        """Name of the provider."""
        return Metadata(name="castalia")

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Listens to changes."""
        # Also a config of an event loop is listened to on a thread of the client: the SDK may call
        # this on a thread without a loop.
        self._subscription = self._config._registered(
            self._announce, interest_of(), castalia.Subscription
        )

    def shutdown(self) -> None:
        """Stops listening; the client stays open."""
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """``true`` or ``false`` in any case; any other value has another type."""
        return self._resolved(flag_key, lambda snapshot: _boolean(snapshot[flag_key]))

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """The value as it is."""
        return self._resolved(flag_key, lambda snapshot: snapshot[flag_key])

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """A 64-bit integer."""
        return self._resolved(flag_key, lambda snapshot: snapshot.try_get_long(flag_key))

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """A floating-point number."""
        return self._resolved(flag_key, lambda snapshot: snapshot.try_get_float(flag_key))

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """A JSON object or list."""
        return self._resolved(flag_key, lambda snapshot: _structure(snapshot, flag_key))

    def _resolved(
        self, key: str, read: Callable[[castalia.Snapshot], Any]
    ) -> FlagResolutionDetails[Any]:
        snapshot = self._config.snapshot()
        if key not in snapshot:
            raise FlagNotFoundError(f"the namespace {snapshot.namespace} has no key {key}")
        try:
            value = read(snapshot)
        except castalia.ParseError as error:
            raise ParseError(str(error)) from error
        metadata = {"namespace": snapshot.namespace, "releaseKey": snapshot.release_key}
        return FlagResolutionDetails(value, reason=Reason.STATIC, flag_metadata=metadata)

    def _announce(self, event: castalia.ChangeEvent) -> None:
        changed = ProviderEventDetails(flags_changed=list(event.changes))
        self.emit_provider_configuration_changed(changed)


def _boolean(text: str) -> bool:
    # Stricter than get_bool: a typing error must not turn a flag off.
    if text.lower() not in ("true", "false"):
        raise TypeMismatchError("the value is neither true nor false")
    return text.lower() == "true"


def _structure(snapshot: castalia.Snapshot, key: str) -> Any:
    value = snapshot.try_get_json(key)
    if not isinstance(value, (dict, list)):
        raise TypeMismatchError("the value is neither a JSON object nor a list")
    return value  # pyright: ignore[reportUnknownVariableType]
