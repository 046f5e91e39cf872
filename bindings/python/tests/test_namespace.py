"""State and last error of an open namespace, and closing it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path
from typing import Any, Union

import castalia
import pytest
from conftest import Scripted, eventually

AnyNamespace = Union[
    castalia.Config, castalia.ConfigFile, castalia.AsyncConfig, castalia.AsyncConfigFile
]


def open_namespaces(client: castalia.Client) -> list[str]:
    return [one.namespace for one in client.metrics().namespaces]


def test_all_kinds_tell_of_themselves_alike(scripted: Scripted) -> None:
    # F156
    scripted.publish(n="1")

    def told(one: AnyNamespace) -> tuple[Any, ...]:
        assert one.last_error is None
        return (one.app_id, one.cluster, one.namespace, one.source, one.state)

    async def run() -> None:
        async with castalia.AsyncClient(scripted.settings()) as client:
            config = await client.config("application")
            file = await client.config_file("application")
            assert told(config) == told(file) == expected
            assert (client.app_id, client.env) == ("order", "UNKNOWN")
            scripted.order("fail", "config", "404")
            for one in (config, file):
                with pytest.raises(castalia.NotFoundError):
                    await one.refresh()
                assert isinstance(one.last_error, castalia.NotFoundError)
                assert one.state == "NotFound"

    expected = ("order", "default", "application", "remote", "Ready")
    with castalia.Client(scripted.settings(env="fat")) as client:
        assert (client.app_id, client.env) == ("order", "FAT")
        assert told(client.config("application")) == expected
        assert told(client.config_file("application")) == expected
    asyncio.run(run())


def test_the_source_is_that_of_now_although_no_value_changed(
    scripted: Scripted, tmp_path: Path
) -> None:
    scripted.publish(n="1")
    settings = scripted.settings(apollo__cache__file__enable="true")
    settings["apollo.cache-dir"] = str(tmp_path)
    with castalia.Client(settings) as client:
        client.config("application")
    # Closing does not wait for a disk that is slower than five seconds.
    cache = tmp_path / "order" / "config-cache" / "order+default+application.properties"
    eventually(cache.exists)
    scripted.order("fail", "config", "500")
    with castalia.Client(settings) as client:
        config = client.config("application")
        assert (config["n"], config.source) == ("1", "local")
        scripted.order("fail", "config", "200")
        eventually(lambda: config.source == "remote", 180)
        assert config.snapshot().source == "remote"


def test_a_closed_config_answers_reads_and_refuses_all_else(
    scripted: Scripted, client: castalia.Client
) -> None:
    # F159
    config = client.config("application")
    heard: list[castalia.ChangeEvent] = []
    config.on_change(heard.append)
    changes = config.changes()
    config.close()
    config.close()
    assert (config["timeout"], config.get_int("timeout"), len(config)) == ("100", 100, 2)
    assert (config.snapshot().get_int("timeout"), config.source) == (100, "remote")
    assert (config.namespace, config.state) == ("application", "Closed")
    assert isinstance(config.last_error, castalia.ClosedError)
    assert list(changes) == []
    for refused in (config.refresh, lambda: config.on_change(print), config.changes):
        with pytest.raises(castalia.ClosedError):
            refused()
    assert open_namespaces(client) == []

    again = client.config("application")
    assert again is not config
    fresh: list[castalia.ChangeEvent] = []
    again.on_change(fresh.append)
    scripted.order("held", "1")
    scripted.publish(timeout="200")
    eventually(lambda: fresh)
    assert (again["timeout"], config["timeout"], heard) == ("200", "100", [])


def test_a_namespace_closes_when_its_last_handle_does(
    scripted: Scripted, client: castalia.Client
) -> None:
    config, file = client.config("application"), client.config_file("application")
    heard: list[castalia.ChangeEvent] = []
    told: list[castalia.ChangeEvent] = []
    config.on_change(heard.append)
    file.on_change(told.append)
    config.close()
    assert open_namespaces(client) == ["application"]
    scripted.order("held", "1")
    scripted.publish(timeout="200")
    eventually(lambda: told)
    assert (file.content, config["timeout"], heard) == ("timeout=200\n", "100", [])
    file.close()
    file.close()
    assert open_namespaces(client) == []
    assert (file.content, file.source, file.state) == ("timeout=200\n", "remote", "Closed")
    assert isinstance(file.last_error, castalia.ClosedError)
    for refused in (file.refresh, lambda: file.on_change(print), file.changes):
        with pytest.raises(castalia.ClosedError):
            refused()


def test_a_listener_may_close_its_namespace(scripted: Scripted, client: castalia.Client) -> None:
    config = client.config("application")
    heard: list[str] = []

    def close(event: castalia.ChangeEvent) -> None:
        heard.append(event.snapshot["timeout"])
        config.close()

    # Both close while the other may be running.
    config.on_change(close)
    config.on_change(lambda event: close(event))
    scripted.order("held", "1")
    scripted.publish(timeout="200")
    eventually(lambda: config.state == "Closed" and not open_namespaces(client))
    assert set(heard) == {"200"}
    assert config["timeout"] == "200"


def test_a_closed_config_is_forgotten(client: castalia.Client) -> None:
    config = client.config("application")
    config.close()
    alive = weakref.ref(config)
    del config

    def gone() -> bool:
        gc.collect()
        return alive() is None

    eventually(gone)


def test_a_closed_client_opens_nothing(client: castalia.Client) -> None:
    config = client.config("application")
    client.close()
    assert config["mode"] == "a"
    with pytest.raises(castalia.ClosedError):
        client.config("application")


def test_namespaces_of_a_loop_are_closed_as_well(scripted: Scripted) -> None:
    scripted.publish(n="1")

    async def run() -> None:
        async with castalia.AsyncClient(scripted.settings()) as client:
            config = await client.config("application")
            file = await client.config_file("application")
            subscription = config.on_change(print)
            config.close()
            file.close()
            assert (config["n"], file.content, config.state) == ("1", "n=1\n", "Closed")
            for one in (config, file):
                with pytest.raises(castalia.ClosedError):
                    await one.refresh()
            await asyncio.wait([subscription._task], timeout=60)
            assert subscription._task.done() and client.metrics().namespaces == []
            again = await client.config("application")
            assert again is not config and again["n"] == "1"

    asyncio.run(run())


def test_a_listener_of_a_loop_may_close_its_namespace(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.publish(n="1")

    async def run() -> None:
        async with castalia.AsyncClient(scripted.settings()) as client:
            config = await client.config("application")

            async def close(_: castalia.ChangeEvent) -> None:
                config.close()
                await asyncio.sleep(0)
                raise RuntimeError("and goes on")

            subscription = config.on_change(close)
            await asyncio.to_thread(scripted.order, "held", "1")
            scripted.publish(n="2")
            await asyncio.wait_for(subscription._task, 60)
            assert (config["n"], config.state) == ("2", "Closed")

    asyncio.run(run())
    assert "and goes on" in caplog.text
