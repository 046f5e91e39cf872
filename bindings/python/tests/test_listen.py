"""Listeners and streams: in order, one at a time, free to call anything, gone when cancelled."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import weakref
from functools import partial

import castalia
import pytest
from conftest import Scripted, eventually

FAST = {"apollo.loadConfigQPS": "100000", "apollo.longPollQPS": "100000"}


def has_length(seen: list[int], count: int) -> bool:
    return len(seen) == count


def fast_client(scripted: Scripted) -> castalia.Client:
    return castalia.Client({**scripted.settings(), **FAST})


def test_a_listener_that_raises_is_logged_and_counted(
    scripted: Scripted, client: castalia.Client, caplog: pytest.LogCaptureFixture
) -> None:
    # T03, C103
    config = client.config("application")
    seen: list[int] = []

    @config.on_change()
    def _(event: castalia.ChangeEvent) -> None:
        raise RuntimeError("as told")

    config.on_change(lambda event: seen.append(event.sequence))
    with caplog.at_level(logging.ERROR, logger="castalia"):
        for number in (1, 2):
            scripted.order("held", "1")
            scripted.publish(timeout=str(number), mode="a")
            eventually(partial(has_length, seen, number))
        eventually(lambda: client.metrics().namespaces[0].listener_failures == 2)
    assert "as told" in caplog.text


def test_sequences_rise_while_events_pour_in(scripted: Scripted) -> None:
    # T22
    scripted.publish(n="0")
    with fast_client(scripted) as client:
        config = client.config("application")
        seen: list[castalia.ChangeEvent] = []
        config.on_change(seen.append)
        scripted.order("held", "1")
        for number in range(1, 2001):
            scripted.publish(n=str(number))
        eventually(lambda: config["n"] == "2000" and seen and seen[-1].snapshot["n"] == "2000")
    last = 0
    for event in seen:
        assert event.sequence - event.coalesced == last + 1
        last = event.sequence


def test_a_slow_listener_delays_nobody(scripted: Scripted, client: castalia.Client) -> None:
    # T16
    config, second = client.config("application"), client.config("second")
    entered, leave = threading.Event(), threading.Event()

    def slow(_: castalia.ChangeEvent) -> None:
        entered.set()
        leave.wait(30)

    subscription = config.on_change(slow)
    other: list[castalia.ChangeEvent] = []
    second.on_change(other.append)
    scripted.order("held", "1")
    scripted.publish(timeout="1")
    assert entered.wait(10)
    scripted.publish("second", m="1")
    eventually(lambda: other)
    assert second["m"] == "1"
    leave.set()
    subscription.cancel()


def test_a_listener_may_call_anything_that_does_not_wait(
    scripted: Scripted, client: castalia.Client
) -> None:
    # T17, T51
    config = client.config("application")
    outcomes: list[object] = []

    def listener(_: castalia.ChangeEvent) -> None:
        outcomes.append(config.get_int("timeout"))
        outcomes.append(client.config("application") is config)
        for waiting in (config.refresh, lambda: client.config("fresh")):
            with pytest.raises(castalia.InvalidArgumentError):
                waiting()
        config.on_change(print).cancel()
        subscription.cancel()
        client.close()
        outcomes.append("done")

    subscription = config.on_change(listener)
    scripted.order("held", "1")
    scripted.publish(timeout="200")
    eventually(lambda: outcomes[-1:] == ["done"])
    assert outcomes == [200, True, "done"]


def test_cancelling_while_events_come_leaves_no_call_behind(scripted: Scripted) -> None:
    # T15, T25, T26
    scripted.publish(n="0")
    with fast_client(scripted) as client:
        config = client.config("application")
        done = threading.Event()
        failures: list[str] = []

        def storm() -> None:
            while not done.is_set():
                live = [True]

                def listener(_: castalia.ChangeEvent, live: list[bool] = live) -> None:
                    if not live:
                        failures.append("called after cancelling")

                config.on_change(listener).cancel()
                live.clear()
                assert config["n"]

        threads = [threading.Thread(target=storm) for _ in range(8)]
        for thread in threads:
            thread.start()
        for number in range(1, 301):
            scripted.publish(n=str(number))
        eventually(lambda: config["n"] == "300")
        done.set()
        for thread in threads:
            thread.join()
        assert not failures

        def counted(_: castalia.ChangeEvent) -> None: ...

        before = sys.getrefcount(counted)
        for _ in range(100):
            config.on_change(counted).cancel()
        eventually(lambda: config["n"] and sys.getrefcount(counted) == before)


def test_clients_that_their_listeners_hold_are_freed_once_closed(scripted: Scripted) -> None:
    # T14
    scripted.publish(n="0")
    alive: list[weakref.ref[castalia.Client]] = []

    def make_and_close() -> None:
        client = castalia.Client(scripted.settings())
        client.config("application").on_change(lambda _: print(client))
        alive.append(weakref.ref(client))
        client.close()

    for _ in range(50):
        make_and_close()

    def none_lives() -> bool:
        gc.collect()
        return not any(reference() for reference in alive)

    eventually(none_lives)


def test_a_stream_ends_with_the_client(scripted: Scripted, client: castalia.Client) -> None:
    changes = client.config("application").changes()
    timer = threading.Timer(0.05, client.close)
    timer.start()
    assert list(changes) == []
    timer.join()


def test_listeners_of_a_loop_run_on_it(scripted: Scripted) -> None:
    scripted.publish(n="0")

    async def run() -> None:
        client = castalia.AsyncClient(scripted.settings())
        config = await client.config("application")
        loop, heard = asyncio.get_running_loop(), asyncio.Event()

        async def listener(event: castalia.ChangeEvent) -> None:
            assert asyncio.get_running_loop() is loop
            await asyncio.sleep(0)
            heard.set()
            raise RuntimeError("as told")

        subscription = config.on_change(listener)
        for number in (1, 2):
            await asyncio.to_thread(scripted.order, "held", "1")
            scripted.publish(n=str(number))
            await asyncio.wait_for(heard.wait(), 10)
            heard.clear()
        subscription.cancel()
        await config.refresh()
        await client.close()
        assert config["n"] == "2"

    asyncio.run(run())


def test_a_loop_that_ends_first_hangs_nothing(scripted: Scripted) -> None:
    scripted.publish(n="0")

    async def run() -> castalia.AsyncConfig:
        config = await castalia.AsyncClient(scripted.settings()).config("application")
        config.on_change(print)
        await asyncio.sleep(0)
        return config

    config = asyncio.run(run())
    scripted.order("held", "1")
    scripted.publish(n="1")
    eventually(lambda: config["n"] == "1")
