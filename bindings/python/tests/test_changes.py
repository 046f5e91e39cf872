"""Iterators of changes: what ends a wait and what it leaves, and readers that share one."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator
from concurrent.futures import Future

import castalia
import pytest
from castalia._async_changes import _Waiter
from castalia._changes import Events
from castalia.testing import AsyncFakeClient, FakeClient
from conftest import eventually


async def read(changes: AsyncIterator[castalia.ChangeEvent], heard: list[str]) -> None:
    async for event in changes:
        heard.append(event.snapshot["n"])


def test_a_close_ends_a_wait() -> None:
    # B15
    async def run() -> None:
        async with AsyncFakeClient({"application": {"n": "0"}}) as client:
            config = await client.config("application")
            heard: list[str] = []
            changes = config.changes()
            reader = asyncio.ensure_future(read(changes, heard))
            await asyncio.sleep(0)
            changes.close()
            await reader
            await read(changes, heard)

            file = await client.config_file("application")
            async with file.changes() as texts, config.changes() as values:
                readers = [asyncio.ensure_future(anext_of(one)) for one in (texts, values)]
                await asyncio.sleep(0)
            for reading in readers:
                with pytest.raises(StopAsyncIteration):
                    await reading
            assert heard == []

    asyncio.run(asyncio.wait_for(run(), 240))


async def anext_of(changes: AsyncIterator[castalia.ChangeEvent]) -> castalia.ChangeEvent:
    return await changes.__anext__()


def test_of_several_readers_each_event_has_one() -> None:
    # B16
    numbers = [str(number) for number in range(1, 21)]

    async def run() -> None:
        async with AsyncFakeClient({"application": {"n": "0"}}) as client:
            config = await client.config("application")
            heard: list[str] = []
            async with config.changes() as changes:
                readers = [asyncio.ensure_future(read(changes, heard)) for _ in range(3)]
                for number in numbers:
                    await client.set("application", {"n": number})
                while len(heard) < len(numbers):
                    await asyncio.sleep(0.002)
            await asyncio.gather(*readers)
            assert heard == numbers

    asyncio.run(asyncio.wait_for(run(), 240))


def test_a_cancelled_wait_leaves_its_event_for_the_next_one() -> None:
    async def run() -> None:
        async with AsyncFakeClient({"application": {"n": "0"}}) as client:
            changes = (await client.config("application")).changes()
            for number in ("1", "2"):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(changes.__anext__(), 0.01)
                await client.set("application", {"n": number})
                assert (await changes.__anext__()).snapshot["n"] == number

    asyncio.run(asyncio.wait_for(run(), 240))


def test_an_iterator_that_is_dropped_while_it_waits_leaves_nothing() -> None:
    # B25
    async def run() -> None:
        async with AsyncFakeClient({"application": {"n": "0"}}) as client:
            changes = (await client.config("application")).changes(keys=["rare"])
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(changes.__anext__(), 0.01)
            assert changes._next is not None
            # Owned by the task that has the subscription.
            waiting = weakref.ref(changes._next)
            del changes

            def is_gone() -> bool:
                gc.collect()
                return waiting() is None

            while not is_gone():
                await asyncio.sleep(0.002)

    asyncio.run(asyncio.wait_for(run(), 240))


def test_waits_that_are_cancelled_leave_nothing_behind() -> None:
    # B28
    async def run() -> None:
        async with AsyncFakeClient({"application": {"n": "0"}}) as client:
            changes = (await client.config("application")).changes()
            for _ in range(50):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(changes.__anext__(), 0.001)
            assert changes._next is not None
            assert len(vars(changes._next)["_done_callbacks"]) == 1
            await client.set("application", {"n": "1"})
            assert (await changes.__anext__()).snapshot["n"] == "1"

    asyncio.run(asyncio.wait_for(run(), 240))


def test_a_late_callback_of_an_earlier_wait_ends_no_other() -> None:
    # B28
    async def run() -> None:
        waiter = _Waiter()
        earlier: Future[None] = Future()
        later: Future[None] = Future()
        later.add_done_callback(waiter.wake)
        waiting = asyncio.ensure_future(waiter.wait(later))
        await asyncio.sleep(0)
        woken = waiter._woken
        assert woken is not None
        # As the thread does that ended the earlier one: after the later wait has begun.
        waiter.wake(earlier)
        while waiter._woken is woken:
            await asyncio.sleep(0)
        assert not waiting.done()
        later.set_result(None)
        await waiting

    asyncio.run(asyncio.wait_for(run(), 240))


def test_an_iterator_without_a_loop_may_be_closed_while_it_waits() -> None:
    with FakeClient({"application": {"n": "0"}}) as client:
        changes = client.config("application").changes()
        assert isinstance(changes, Events)
        heard: list[str] = []

        def read_all() -> None:
            for event in changes:
                heard.append(event.snapshot["n"])

        reader = threading.Thread(target=read_all)
        reader.start()
        client.set("application", {"n": "1"})
        eventually(lambda: heard)
        changes.close()
        reader.join(240)
        assert not reader.is_alive() and heard == ["1"] and list(changes) == []
