"""Shared fixtures: the scripted config service, a process that is controlled by lines of text."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, TypeVar
from urllib.parse import quote, unquote

import castalia
import pytest

T = TypeVar("T")

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[3] / "target"))
SCRIPTED = TARGET / "debug" / "castalia-scripted"

# Milliseconds that this machine does not exceed, although it may stop for seconds.
PATIENT = {
    "apollo.connectTimeout": "60000",
    "apollo.readTimeout": "60000",
    "apollo.discoveryConnectTimeout": "60000",
    "apollo.discoveryReadTimeout": "60000",
    "castalia.start-timeout": "60000",
}

# A shell that starts pytest in the background ignores this signal, and child processes inherit
# that.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Scripted:
    """A scripted config service."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(SCRIPTED)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.url = self._answer()

    def publish(self, namespace: str = "application", **values: str) -> None:
        """Publishes these values."""
        pairs = [word for pair in values.items() for word in pair]
        self.order("publish", namespace, *pairs)

    def order(self, *words: str) -> str:
        """Sends a command and waits until it was carried out."""
        assert self._process.stdin is not None
        print(*(quote(word, safe="") for word in words), file=self._process.stdin)
        return self._answer()

    def settings(self, **more: str) -> dict[str, str]:
        """Settings of a client of this service; double underscores in names become dots."""
        return {
            "app.id": "order",
            "apollo.meta": self.url,
            "apollo.cache.file.enable": "false",
            "apollo.longPollingInitialDelayInMills": "0",
            **PATIENT,
            **{name.replace("__", "."): value for name, value in more.items()},
        }

    def stop(self) -> None:
        """Ends the service."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        status, *rest = map(unquote, self._process.stdout.readline().split())
        assert status == "ok", rest
        return rest[0] if rest else ""


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    yield server
    server.stop()


@pytest.fixture
def client(scripted: Scripted) -> Iterator[castalia.Client]:
    """A client of a service that has published `timeout` and `mode`."""
    scripted.publish(timeout="100", mode="a")
    with castalia.Client(scripted.settings()) as client:
        yield client


def quickest(limit: float, attempt: Callable[[], float]) -> float:
    """Seconds of the quickest of some attempts, each of which returns its own.

    Other programs may have the processors during the others. One within the limit suffices.
    """
    best = float("inf")
    for _ in range(10):
        best = min(best, attempt())
        if best < limit:
            break
    return best


def eventually(holds: Callable[[], T], patience: float = 60.0) -> T:
    """Waits for a condition and returns its value; fails after a timeout."""
    end = time.monotonic() + patience
    while True:
        value = holds()
        if value or time.monotonic() > end:
            assert value
            return value
        time.sleep(0.002)


def run_program(scripted: Scripted, script: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a program that has `client` and `config`."""
    prelude = f"""
        import atexit, os, signal, sys, threading, time
        import castalia
        client = castalia.Client({ {**scripted.settings(), "apollo.loadConfigQPS": "100000"}!r})
        config = client.config("application")
    """
    program = textwrap.dedent(prelude) + textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **more},
    )
