"""The complete sequence: open, read, listen, change, close."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import castalia
import pytest
from conftest import Scripted, eventually


def test_a_change_is_read_and_heard(scripted: Scripted, client: castalia.Client) -> None:
    # C031, C052, C098
    config = client.config("application")
    assert isinstance(config, Mapping)
    assert dict(config) == {"timeout": "100", "mode": "a"}
    assert (config.get_int("timeout", 5), config.get_int("absent", 5)) == (100, 5)
    assert (config.source, config.state) == ("remote", "Ready")
    with pytest.raises(castalia.ParseError):
        config.try_get_int("mode")
    with pytest.raises(KeyError):
        config["absent"]

    heard: list[castalia.ChangeEvent] = []
    other: list[castalia.ChangeEvent] = []

    @config.on_change()
    def _(event: castalia.ChangeEvent) -> None:
        assert config["timeout"] == "200"
        heard.append(event)

    config.on_change(other.append, prefixes=["mo"])
    scripted.order("held", "1")
    scripted.publish(timeout="200", mode="a")
    eventually(lambda: heard)
    assert heard[0].changes == {"timeout": castalia.Change("100", "200", "MODIFIED")}
    assert heard[0].snapshot["timeout"] == "200"
    assert not other


def test_reads_answer_after_close_and_all_else_is_closed(client: castalia.Client) -> None:
    # C113
    config = client.config("application")
    client.close()
    client.close()
    assert config["mode"] == "a"
    with pytest.raises(castalia.ClosedError):
        config.refresh()
    with pytest.raises(castalia.ClosedError):
        client.config("other")


def test_a_loop_awaits_and_iterates(scripted: Scripted) -> None:
    scripted.publish(timeout="100")

    async def run() -> castalia.ChangeEvent:
        async with castalia.AsyncClient(scripted.settings()) as client:
            config = await client.config("application")
            assert config.get_int("timeout") == 100
            changes = config.changes(keys=["timeout"])
            await asyncio.to_thread(scripted.order, "held", "1")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(changes.__anext__(), 0.01)
            scripted.publish(timeout="200")
            async with changes:
                async for event in changes:
                    assert config.get_int("timeout") == 200
                    return event
        raise AssertionError("the stream ended")

    event = asyncio.run(run())
    assert event.changes["timeout"].new_value == "200"
