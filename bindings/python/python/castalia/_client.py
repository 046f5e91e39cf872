"""The common part of clients with and without an event loop."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Generic, TypeVar
from weakref import WeakValueDictionary

from castalia import _native
from castalia._arguments import callable_or_refused, names_of
from castalia._content import Snapshot, Validator
from castalia._log import log_by_default, logger
from castalia._monitor import Metrics, metrics_of
from castalia._namespace import Configs
from castalia._settings import Setting, Settings

C = TypeVar("C")


class AnyClient(Generic[C]):
    """The calls of a client that do not wait.

    ``settings`` is an object, values by property name, or ``None`` for those of the environment.
    """

    def __init__(
        self,
        settings: Settings | Mapping[str, str] | None = None,
        *,
        app_id: str | None = None,
        meta: str | None = None,
        cluster: str | None = None,
        env: str | None = None,
        label: str | None = None,
        access_key: str | None = None,
        cache_dir: str | None = None,
        namespaces: Iterable[str] | None = None,
        required: bool | None = None,
    ) -> None:
        """Opens no socket. Raises ``InvalidArgumentError`` that lists every invalid setting.

        The keywords take precedence over ``settings``. With ``required=True``, opening a namespace
        raises ``NotReadyError`` if neither a server nor a cache file has it; otherwise it is
        empty, which is logged as a warning.
        """
        policies = {None: None, True: "require-all", False: "best-effort"}
        overrides = {
            "app.id": app_id,
            "apollo.meta": meta,
            "apollo.cluster": cluster,
            "env": env,
            "apollo.label": label,
            "apollo.access-key.secret": access_key,
            "apollo.cache-dir": cache_dir,
            "castalia.namespaces": names_of(namespaces),
            "castalia.start-policy": policies[required],
        }
        self._settings = Settings.of(settings, overrides)
        log_by_default()
        self._native = self._settings.client()
        self._about = self._report("about")
        self._configs: Configs[C] = Configs()
        # Those that may have listeners, by identity.
        self._opened: WeakValueDictionary[int, Any] = WeakValueDictionary()

    @property
    def app_id(self) -> str:
        """The client's app id."""
        app_id: str = self._about["app_id"]
        return app_id

    @property
    def env(self) -> str:
        """The environment as it was recognized, such as ``DEV``; ``UNKNOWN`` if it is unset."""
        env: str = self._about["env"]
        return env

    def settings(self) -> list[Setting]:
        """Every effective setting and its origin."""
        return [Setting(**one) for one in self._report("settings")]

    def set_access_key(self, app_id: str, secret: str) -> None:
        """Signs requests for an app id with another secret; a blank one ends signing."""
        self._native.set_access_key(app_id, secret)

    def validate(self, namespace: str, validator: Validator) -> None:
        """Calls a function before a release of a namespace of the client's app is applied.

        A string that it returns, unless it is empty, or an exception rejects the release. So it may
        return ``"; ".join(problems)``.
        """
        self._native.validate(namespace, _guarded(callable_or_refused(validator, "validator")))

    def metrics(self) -> Metrics:
        """State and counters."""
        return metrics_of(self._report("metrics"))

    def metrics_text(self) -> str:
        """The same as OpenMetrics text."""
        text: str = self._report("metrics_text")
        return text

    def _report(self, name: str) -> Any:
        """A report of the native half, by its name."""
        return json.loads(self._native.report(name))


def _guarded(validator: Validator) -> Callable[[_native.View], str | None]:
    """A validator whose failure is logged before the native half rejects the release."""

    def call(view: _native.View) -> str | None:
        try:
            # Without the view: nothing that a validator reads is counted.
            return validator(Snapshot(*view.parts(), fallback=view.text))
        except BaseException:
            logger.exception("a validator failed, which rejects the release")
            raise

    return call
