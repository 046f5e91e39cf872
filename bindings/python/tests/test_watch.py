"""A watched value never remains on an old release, whenever a newer one lands."""

from __future__ import annotations

import random
import sys
import threading
import time

import castalia
import pytest
from castalia.testing import FakeClient
from conftest import Scripted, eventually

ROUNDS = 40


def fast_client(scripted: Scripted) -> castalia.Client:
    fast = {"apollo.loadConfigQPS": "100000", "apollo.longPollQPS": "100000"}
    return castalia.Client({**scripted.settings(), **fast})


def test_a_watch_finds_the_release_that_lands_while_it_parses_for_the_first_time(
    scripted: Scripted,
) -> None:
    scripted.publish(n="0")
    with fast_client(scripted) as client:
        config = client.config("application")
        for number in range(1, 6):
            scripted.order("held", "1")
            parsed: list[str] = []

            def parse(
                snapshot: castalia.Snapshot, parsed: list[str] = parsed, n: int = number
            ) -> str:
                if not parsed:
                    parsed.append("first")
                    scripted.publish(n=str(n))
                    eventually(lambda: config["n"] == str(n))
                    # The listener has been called for these values by now.
                    time.sleep(0.05)
                return snapshot["n"]

            watch = config.watch(parse)
            eventually(lambda watch=watch, n=number: watch.get() == str(n))  # type: ignore[misc]


def test_a_watch_finds_a_release_that_lands_at_any_moment(scripted: Scripted) -> None:
    scripted.publish(n="0")
    with fast_client(scripted) as client:
        config = client.config("application")

        def parse(snapshot: castalia.Snapshot) -> str:
            time.sleep(random.uniform(0, 0.01))
            return snapshot["n"]

        for number in range(1, ROUNDS + 1):
            publisher = threading.Timer(
                random.uniform(0, 0.006), scripted.publish, kwargs={"n": str(number)}
            )
            publisher.start()
            time.sleep(random.uniform(0, 0.006))
            watch = config.watch(parse)
            publisher.join()
            eventually(lambda watch=watch, n=number: watch.get() == str(n))  # type: ignore[misc]
            assert watch.last_error is None


def test_a_watch_ends_with_its_namespace_and_keeps_its_value(
    scripted: Scripted, client: castalia.Client
) -> None:
    config = client.config("application")
    watch = config.watch(lambda snapshot: snapshot.get_int("timeout"))
    config.close()
    again = client.config("application")
    scripted.order("held", "1")
    scripted.publish(timeout="200")
    eventually(lambda: again["timeout"] == "200")
    assert watch.get() == 100


def test_a_watch_whose_parser_exits_keeps_its_value_and_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # B30
    def parse(snapshot: castalia.Snapshot) -> str:
        if snapshot["n"] == "exits":
            sys.exit(3)
        return snapshot["n"]

    with FakeClient({"application": {"n": "0"}}) as client:
        watch = client.config("application").watch(parse)
        client.set("application", {"n": "exits"})
        eventually(lambda: "cannot be parsed (SystemExit)" in caplog.text)
        assert watch.get() == "0" and isinstance(watch.last_error, SystemExit)
        client.set("application", {"n": "1"})
        eventually(lambda: watch.last_error is None)
        assert watch.get() == "1"
