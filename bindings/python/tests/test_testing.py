"""The fake client for tests of applications."""

from __future__ import annotations

import asyncio
import pickle
import sys
import tempfile
import threading
from pathlib import Path

import castalia
import pytest
from castalia.testing import AsyncFakeClient, FakeClient
from conftest import eventually


def test_a_fake_client_returns_what_a_test_sets() -> None:
    odd = {"a b=c": " x\\y\n", "ä": "\U0001f600", "n": "5"}
    with FakeClient({"application": odd}) as client:
        config = client.config("application")
        assert dict(config) == odd
        client.set("application", {"n": "6", "ä": None})
        assert config.get_int("n") == 6 and "ä" not in config and config["a b=c"] == " x\\y\n"
        client.publish("application", {"only": "1"})
        assert dict(config) == {"only": "1"}
        client.set("later", {"a": "1"})
        assert client.config("later")["a"] == "1"
        assert client.config_file("later").content == "a=1\n"


def test_a_fake_client_announces_what_a_test_sets() -> None:
    with FakeClient({"application": {"n": "1"}}) as client:
        config = client.config("application")
        heard: list[castalia.ChangeEvent] = []
        config.on_change(heard.append, keys=["n"])
        watch = config.watch(lambda snapshot: snapshot.get_int("n"))
        client.set("application", {"other": "1"})
        client.set("application", {"n": "2"})
        eventually(lambda: heard and watch.get() == 2)
        assert [list(event.changes) for event in heard] == [["n"]]
        changes = config.changes()
        threading.Timer(0.05, client.set, ["application", {"n": "3"}]).start()
        assert next(changes).snapshot["n"] == "3"


def test_a_fake_client_takes_settings_refuses_other_types_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client = FakeClient({"a": {"on": "yes"}}, settings={"castalia.strict-booleans": "true"})
    assert (client.config("a").get_bool("on"), client.app_id) == (True, "test")
    with pytest.raises(TypeError, match="'n' must be a str"):
        client.publish("a", {"n": 5})  # type: ignore[dict-item]  # pyright: ignore
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(client)
    client.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(castalia.ClosedError):
        client.publish("a", {})


def test_a_test_may_let_a_namespace_fail() -> None:
    with FakeClient() as client:
        client.fail("application")
        config = client.config("application")
        assert (config.source, config.state) == ("none", "Unavailable")
        client.set("application", {"a": "1"})
        assert (config["a"], config.state, config.last_error) == ("1", "Ready", None)
        client.fail("application")
        assert (config["a"], config.state) == ("1", "Transport")
        assert isinstance(config.last_error, castalia.TransportError)


def test_several_values_that_change_in_one_step_are_one_event() -> None:
    with FakeClient({"application": {"a": "1"}}) as client:
        heard: list[castalia.ChangeEvent] = []
        client.config("application").on_change(heard.append)
        client.set("application", {"a": None, "b": "2"})
        eventually(lambda: heard)
        assert sorted(heard[0].changes) == ["a", "b"]


def test_an_async_fake_client_does_the_same() -> None:
    async def run() -> None:
        async with AsyncFakeClient({"application": {"n": "1"}}) as client:
            config = await client.config("application")
            async with config.changes() as changes:
                await client.set("application", {"n": "2"})
                event = await changes.__anext__()
            assert (event.snapshot["n"], config["n"]) == ("2", "2")
            await client.fail("application")
            assert config.state == "Transport"
            await client.publish("application", {})
            assert (dict(config), config.state) == ({}, "Ready")

    asyncio.run(asyncio.wait_for(run(), 240))


def test_namespaces_are_closed_while_others_are_opened() -> None:
    # B148
    errors: list[Exception] = []

    def open_and_close(client: FakeClient, number: int) -> None:
        try:
            for count in range(300):
                client.config(f"{number}-{count % 20}").close()
        except Exception as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    with FakeClient() as client:
        for number in range(500):
            client.config(f"kept-{number}")
        threads = [threading.Thread(target=open_and_close, args=(client, n)) for n in range(4)]
        sys.setswitchinterval(1e-5)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
    assert errors == []
