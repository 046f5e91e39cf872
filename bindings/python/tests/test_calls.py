"""Invalid arguments are reported by the call, and a closed client says that it is closed."""

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Callable

import castalia
import pytest
from castalia._calls import result_of
from conftest import Scripted


def test_what_cannot_be_called_is_refused_at_the_call(client: castalia.Client) -> None:
    config: Any = client.config("application")
    file: Any = client.config_file("application")
    any_client: Any = client
    calls: list[Callable[[], object]] = [
        lambda: config.on_change("text"),
        lambda: config.on_change()("text"),
        lambda: file.on_change("text"),
        lambda: config.watch("text"),
        lambda: config.get_with("timeout", "text", None),
        lambda: any_client.validate("application", "text"),
        lambda: castalia.set_log("text"),  # type: ignore[arg-type]  # pyright: ignore
    ]
    for call in calls:
        with pytest.raises(TypeError, match="must be callable, not str"):
            call()
    assert client.metrics().namespaces[0].listener_failures == 0


def test_an_interest_is_an_iterable_of_texts(client: castalia.Client) -> None:
    config: Any = client.config("application")
    for interest in ({"keys": "timeout"}, {"prefixes": "time"}, {"keys": [1]}, {"keys": 5}):
        with pytest.raises(TypeError):
            config.on_change(print, **interest)
        with pytest.raises(TypeError):
            config.changes(**interest)


def test_a_setting_of_a_wrong_type_is_named(scripted: Scripted) -> None:
    settings: Any = {**scripted.settings(), "castalia.start-timeout": 500}
    for make in (castalia.Client, castalia.AsyncClient, castalia.Settings):
        with pytest.raises(TypeError, match=r"'castalia.start-timeout' must be a str, not int"):
            make(settings)
    with pytest.raises(TypeError, match=r"'apollo.access-key.secret' must be a str, not bytes"):
        castalia.Settings().set("apollo.access-key.secret", b"x")  # type: ignore[arg-type]  # pyright: ignore
    with pytest.raises(TypeError, match="not str"):
        castalia.Client("app.id=order")  # type: ignore[arg-type]  # pyright: ignore


def test_keywords_take_precedence_over_settings(scripted: Scripted) -> None:
    scripted.publish(n="1")
    given = castalia.Settings(scripted.settings(app__id="other", apollo__cluster="a"))
    client = castalia.Client(given, app_id="order", cluster="default", namespaces=["application"])
    with client:
        values = {setting.name: setting.value for setting in client.settings()}
        assert (client.app_id, values["apollo.cluster"]) == ("order", "default")
        assert client.config("application")["n"] == "1"
        assert values["castalia.namespaces"] == "application"
    assert given.values["app.id"] == "other", "what was given stays as it is"
    with pytest.raises(TypeError, match=r"'app.id' must be a str, not int"):
        castalia.Client(app_id=5)  # type: ignore[arg-type]  # pyright: ignore
    with pytest.raises(TypeError, match="namespaces must be an iterable"):
        castalia.Client(app_id="order", namespaces="application")


def test_a_client_that_requires_values_refuses_to_start_without_them(scripted: Scripted) -> None:
    unreachable = scripted.settings(apollo__meta="http://127.0.0.1:9")
    client = castalia.Client(unreachable, required=True)
    with pytest.raises(castalia.NotReadyError, match="application"):
        client.config("application")
    client.close()

    async def run() -> None:
        async with castalia.AsyncClient(unreachable, required=True) as other:
            with pytest.raises(castalia.NotReadyError):
                await other.config("application")

    asyncio.run(run())


def test_after_the_client_is_closed_only_reads_answer(
    scripted: Scripted, client: castalia.Client
) -> None:
    config, file = client.config("application"), client.config_file("application")
    config.on_change(print)
    client.close()
    calls: list[Callable[[], object]] = [
        lambda: client.config("application"),
        lambda: client.config("another"),
        lambda: client.config_file("application"),
        lambda: client.validate("application", lambda _: None),
        lambda: client.set_access_key("order", "secret"),
        config.refresh,
        lambda: config.on_change(print),
        lambda: config.on_change()(print),
        config.changes,
        lambda: config.watch(lambda _: 1),
        file.refresh,
        lambda: file.on_change(print),
        file.changes,
    ]
    for call in calls:
        with pytest.raises(castalia.ClosedError):
            call()
    assert config["timeout"] == "100" and config.get_int("timeout") == 100
    assert config.snapshot()["mode"] == "a" and file.content
    assert client.metrics().namespaces and client.settings() and client.app_id == "order"
    client.close()


def test_a_disk_that_does_not_answer_at_the_end_of_a_block_loses_no_result(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    # B117
    def close_late(start: Any, timeout: float | None) -> None:
        raise castalia.TimeoutError(f"not finished within {timeout} s", "wait")

    scripted.publish(n="1")
    client = castalia.Client(scripted.settings())
    with client:
        assert client.config("application")["n"] == "1"
        monkeypatch.setattr("castalia._sync.wait", close_late)
    with pytest.raises(castalia.ClosedError):
        client.config("application")
    with pytest.raises(castalia.TimeoutError):
        client.close()


def test_configs_that_were_pickled_share_one_client(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    # B119
    scripted.publish(n="1")
    made: list[object] = []
    make = castalia.Settings.client

    def counted(settings: castalia.Settings) -> Any:
        made.append(settings)
        return make(settings)

    with castalia.Client(scripted.settings()) as client:
        pickled = pickle.dumps(client.config("application"))
        monkeypatch.setattr(castalia.Settings, "client", counted)
        assert [pickle.loads(pickled)["n"] for _ in range(3)] == ["1"] * 3
    assert len(made) <= 1


def test_after_an_async_client_is_closed_only_reads_answer(scripted: Scripted) -> None:
    scripted.publish(n="1")

    async def run() -> None:
        client = castalia.AsyncClient(scripted.settings())
        config = await client.config("application")
        await client.close()
        for call in (lambda: client.config("application"), config.refresh):
            with pytest.raises(castalia.ClosedError):
                await call()
        with pytest.raises(castalia.ClosedError):
            config.on_change(print)
        with pytest.raises(castalia.ClosedError):
            config.changes()
        assert config["n"] == "1"

    asyncio.run(run())


class Late(Future[Any]):
    """A call that ends when a wait has just timed out."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self._ends_with = error

    def result(self, timeout: float | None = None) -> Any:
        if self.done():
            return super().result(timeout)
        if self._ends_with is None:
            self.set_result("value")
        else:
            self.set_exception(self._ends_with)
        raise FutureTimeoutError


def test_a_call_that_ends_as_a_wait_times_out_has_its_result() -> None:
    # B18
    assert result_of(Late(None)) == result_of(Late(None), 60) == "value"
    for error in (castalia.TimeoutError("its own", "load"), castalia.NotFoundError("none", "load")):
        with pytest.raises(type(error)) as caught:
            result_of(Late(error))
        assert caught.value is error
