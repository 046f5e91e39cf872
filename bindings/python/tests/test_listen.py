"""Listeners and streams: in order, one at a time, free to call anything, silent after cancel."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
import weakref
from functools import partial

import castalia
import pytest
from castalia.testing import AsyncFakeClient, FakeClient
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


def test_a_listener_that_exits_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # B21
    def leaves(_: castalia.ChangeEvent) -> None:
        sys.exit("leaving")

    def interrupts(_: castalia.ChangeEvent) -> None:
        raise KeyboardInterrupt

    with FakeClient({"application": {"n": "0"}}) as client:
        config = client.config("application")
        config.on_change(leaves)
        config.on_change(interrupts)
        client.set("application", {"n": "1"})
        eventually(lambda: client.metrics().namespaces[0].listener_failures == 2)
    assert "SystemExit: leaving" in caplog.text and "KeyboardInterrupt" in caplog.text
    assert "in leaves" in caplog.text and "in interrupts" in caplog.text


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
        leave.wait(600)

    subscription = config.on_change(slow)
    other: list[castalia.ChangeEvent] = []
    second.on_change(other.append)
    scripted.order("held", "1")
    scripted.publish(timeout="1")
    assert entered.wait(60)
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


def test_a_listener_lives_although_the_program_keeps_nothing(scripted: Scripted) -> None:
    scripted.publish(n="0")
    seen: list[str] = []
    clients: list[weakref.ref[castalia.Client]] = []

    def listen() -> None:
        client = castalia.Client(scripted.settings())
        clients.append(weakref.ref(client))
        client.config("application").on_change(lambda event: seen.append(event.snapshot["n"]))
        client.config_file("application").on_change(lambda event: seen.append(event.namespace))

    listen()
    gc.collect()
    for number in ("1", "2"):
        scripted.order("held", "1")
        scripted.publish(n=number)
        eventually(lambda number=number: seen.count("application") == int(number))  # type: ignore[misc]
        eventually(lambda number=number: number in seen)  # type: ignore[misc]
    gc.collect()
    assert clients[0]() is None, "the program really keeps nothing"


def test_a_listener_that_was_cancelled_keeps_no_client(scripted: Scripted) -> None:
    scripted.publish(n="0")

    def polls_again() -> bool:
        before = scripted.order("requests", "poll")
        scripted.publish(n=before)
        time.sleep(0.2)
        return scripted.order("requests", "poll") != before

    subscription = castalia.Client(scripted.settings()).config("application").on_change(print)
    scripted.order("held", "1")
    gc.collect()
    eventually(polls_again)
    subscription.cancel()
    eventually(lambda: not polls_again())


def test_an_iterator_and_a_loop_keep_their_client(scripted: Scripted) -> None:
    scripted.publish(n="0")
    changes = castalia.Client(scripted.settings()).config("application").changes()
    gc.collect()
    scripted.order("held", "1")
    scripted.publish(n="1")
    assert next(changes).snapshot["n"] == "1"

    async def run() -> None:
        heard = asyncio.Event()

        async def listen() -> None:
            config = await castalia.AsyncClient(scripted.settings()).config("application")
            config.on_change(lambda _: heard.set())

        await listen()
        gc.collect()
        await asyncio.sleep(0)
        gc.collect()
        await asyncio.to_thread(scripted.order, "held", "2")
        scripted.publish(n="2")
        await asyncio.wait_for(heard.wait(), 60)

    asyncio.run(run())


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
            await asyncio.wait_for(heard.wait(), 60)
            heard.clear()
        subscription.cancel()
        await config.refresh()
        await client.close()
        assert config["n"] == "2"

    asyncio.run(run())


def test_a_listener_is_registered_once_and_taken_off_by_itself(
    scripted: Scripted, client: castalia.Client
) -> None:
    # F146
    config, file = client.config("application"), client.config_file("application")

    class Equal:
        """Listeners that are equal but not identical."""

        def __init__(self) -> None:
            self.seen: list[castalia.ChangeEvent] = []

        def __call__(self, event: castalia.ChangeEvent) -> None:
            self.seen.append(event)

        def heard(self, event: castalia.ChangeEvent) -> None:
            self.seen.append(event)

        def __eq__(self, _: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]  # pyright: ignore

    one, other, method, builtin = Equal(), Equal(), Equal(), Equal()
    assert config.on_change(one) is config.on_change(one)
    config.on_change(other)
    for _ in range(2):
        config.on_change(method.heard)
        config.on_change(builtin.seen.append)
        file.on_change(one)
    listeners = [one, other, method, builtin]
    scripted.order("held", "1")
    scripted.publish(timeout="1")
    eventually(lambda: [len(each.seen) for each in listeners] == [2, 1, 1, 1])

    assert config.off(other) and config.off(method.heard) and config.off(builtin.seen.append)
    assert not config.off(other) and not config.off(print) and file.off(one)
    scripted.order("held", "1")
    scripted.publish(timeout="2")
    eventually(lambda: len(one.seen) == 3)
    assert [len(each.seen) for each in listeners] == [3, 1, 1, 1]


def test_a_decorated_listener_stays_what_it_is(client: castalia.Client) -> None:
    config, file = client.config("application"), client.config_file("application")

    @config.on_change(keys=["timeout"])
    @file.on_change()
    def listener(_: castalia.ChangeEvent) -> str:
        return "itself"

    assert listener(None) == "itself"  # type: ignore[arg-type]  # pyright: ignore
    assert config.off(listener) and file.off(listener)


def test_listeners_of_a_loop_are_counted_and_taken_off(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    # F149, F146
    scripted.publish(n="0")

    async def run() -> None:
        async with castalia.AsyncClient(scripted.settings()) as client:
            config = await client.config("application")
            file = await client.config_file("application")
            seen: list[int] = []

            def raising(_: castalia.ChangeEvent) -> None:
                raise RuntimeError("at once")

            @config.on_change()
            @file.on_change()
            async def late(_: castalia.ChangeEvent) -> None:
                await asyncio.sleep(0)
                raise RuntimeError("later")

            async def cancelling(event: castalia.ChangeEvent) -> None:
                subscription.cancel()
                await asyncio.sleep(0)
                seen.append(event.sequence)

            def failures() -> bool:
                return client.metrics().namespaces[0].listener_failures == 3

            assert config.on_change(raising) is config.on_change(raising)
            subscription = config.on_change(cancelling)
            await asyncio.to_thread(scripted.order, "held", "1")
            scripted.publish(n="1")
            while not (failures() and seen):
                await asyncio.sleep(0.002)
            assert config.off(late) and config.off(raising) and file.off(late)
            assert not config.off(late) and not config.off(cancelling)
            await asyncio.to_thread(scripted.order, "held", "1")
            scripted.publish(n="2")
            async with config.changes() as changes:
                await asyncio.to_thread(scripted.order, "held", "1")
                scripted.publish(n="3")
                await changes.__anext__()
            assert failures() and seen == [1]

    asyncio.run(asyncio.wait_for(run(), 240))
    assert "at once" in caplog.text and "later" in caplog.text


def test_a_listener_of_a_loop_may_close_the_client(scripted: Scripted) -> None:
    scripted.publish(n="0")

    async def run() -> None:
        async with castalia.AsyncClient(scripted.settings()) as client:
            config = await client.config("application")
            closed = asyncio.Event()

            async def close(_: castalia.ChangeEvent) -> None:
                await client.close()
                closed.set()

            config.on_change(close)
            await asyncio.to_thread(scripted.order, "held", "1")
            scripted.publish(n="1")
            await closed.wait()

    asyncio.run(asyncio.wait_for(run(), 240))


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


def test_a_listener_of_a_loop_whose_own_wait_is_cancelled_has_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []

    async def replaces_a_worker(event: castalia.ChangeEvent) -> None:
        heard.append(event.snapshot["n"])
        worker = asyncio.ensure_future(asyncio.Event().wait())
        worker.cancel()
        await worker

    def raises(_: castalia.ChangeEvent) -> None:
        raise asyncio.CancelledError

    async def run() -> None:
        async with AsyncFakeClient({"application": {"n": "0"}}) as client:
            config = await client.config("application")
            subscription = config.on_change(replaces_a_worker)
            config.on_change(raises)
            for number in (1, 2):
                await client.set("application", {"n": str(number)})
                while client.metrics().namespaces[0].listener_failures != 2 * number:
                    await asyncio.sleep(0.002)
            assert config.on_change(replaces_a_worker) is subscription

    asyncio.run(asyncio.wait_for(run(), 240))
    assert heard == ["1", "2"] and caplog.text.count("it remains registered") == 4


def test_a_listener_of_a_loop_whose_task_is_cancelled_can_be_registered_again() -> None:
    async def run() -> None:
        async with AsyncFakeClient({"application": {"n": "0"}}) as client:
            config = await client.config("application")
            heard: list[str] = []

            async def listener(event: castalia.ChangeEvent) -> None:
                heard.append(event.snapshot["n"])
                await asyncio.Event().wait()

            unbegun = config.on_change(listener)
            unbegun._task.cancel()
            await asyncio.wait([unbegun._task])
            for number in ("1", "2"):
                subscription = config.on_change(listener)
                await client.set("application", {"n": number})
                while heard[-1:] != [number]:
                    await asyncio.sleep(0.002)
                subscription._task.cancel()
                await asyncio.wait([subscription._task])
                assert subscription._task.cancelled() and not config.off(listener)
            assert client.metrics().namespaces[0].listener_failures == 0

    asyncio.run(asyncio.wait_for(run(), 240))


def test_a_listener_is_registered_again_on_another_loop() -> None:
    client = AsyncFakeClient({"application": {"n": "0"}})
    heard: list[tuple[asyncio.AbstractEventLoop, str]] = []

    def listener(event: castalia.ChangeEvent) -> None:
        heard.append((asyncio.get_running_loop(), event.snapshot["n"]))

    async def listen(number: str, waits: bool = True) -> None:
        config = await client.config("application")
        assert config.on_change(listener) is config.on_change(listener)
        await client.set("application", {"n": number})
        while waits and (asyncio.get_running_loop(), number) not in heard:
            await asyncio.sleep(0.002)

    # A loop that is idle meanwhile, one that is closed although the task is pending, and one that
    # ends as it should.
    idle, left = asyncio.new_event_loop(), asyncio.new_event_loop()
    idle.run_until_complete(asyncio.wait_for(listen("1"), 240))
    left.run_until_complete(listen("2", waits=False))
    left.close()
    asyncio.run(asyncio.wait_for(listen("3"), 240))
    idle.run_until_complete(asyncio.wait_for(listen("4"), 240))
    idle.run_until_complete(client.close())
    idle.close()
    assert [number for _, number in heard if number != "2"] == ["1", "3", "4"]
    # The warning of asyncio about the pending task belongs to this test.
    gc.collect()
