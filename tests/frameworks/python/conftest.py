"""A framework that runs, and the place on the server that its clients read."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(__file__).parent / "programs"
DEADLINE = 120.0
"""Seconds that no condition takes, even on a machine that stops for some of them."""
FAULT = re.compile("Traceback|panicked|Fatal|SIGKILL|SIGABRT|SIGSEGV")
LISTENING = "{listening}"
"""In a command: the number of a socket that listens on a free port."""

Answer = dict[str, Any]


class Place:
    """A cluster of the sample app."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._call("POST", "clusters", {"name": name, "appId": "sample-app"})

    def publish(self, greeting: str) -> None:
        """Publishes a value of the key `greeting`."""
        namespace = f"clusters/{self.name}/namespaces/application"
        item = {"key": "greeting", "value": greeting, "dataChangeLastModifiedBy": "apollo"}
        self._call("PUT", f"{namespace}/items/greeting?createIfNotExists=true", item)
        release = {"releaseTitle": greeting, "releasedBy": "apollo"}
        self._call("POST", f"{namespace}/releases", release)

    def _call(self, method: str, path: str, body: Answer) -> None:
        url = f"{os.environ['CASTALIA_TEST_PORTAL']}/openapi/v1/envs/DEV/apps/sample-app/{path}"
        data = json.dumps({**body, "dataChangeCreatedBy": "apollo"}).encode()
        headers = {"Content-Type": "application/json"}
        headers["Authorization"] = os.environ["CASTALIA_TEST_TOKEN"]
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=DEADLINE):
            pass


class Framework:
    """A process of a framework, with all that it starts."""

    def __init__(self, folder: Path, cluster: str, command: list[str]) -> None:
        self._log = folder / "log"
        environment = {
            **os.environ,
            "APOLLO_CLUSTER": cluster,
            "BROKER_FOLDER": str(folder),
            "PYTHONPATH": str(PROGRAMS),
            # It would be written into the tree.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        program = Path(sys.executable).with_name(command[0])
        with self._log.open("wb") as log, socket.create_server(("127.0.0.1", 0)) as listening:
            number = str(listening.fileno())
            self._process = subprocess.Popen(
                [program, *(number if word == LISTENING else word for word in command[1:])],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[listening.fileno()] if LISTENING in command else [],
            )

    def log(self) -> str:
        """What it has written."""
        return self._log.read_text(errors="replace")

    def until(self, what: str, condition: Callable[[], Any]) -> Any:
        """Waits for a condition while the process runs, and returns what it does."""

        def met() -> Any:
            if self._process.poll() is not None:
                pytest.fail(f"it ended before {what}")
            return condition()

        return self._wait(what, met)

    def url(self) -> str:
        """The address that it says to listen on."""
        address = re.compile(r"(?:http://|socket \(')127\.0\.0\.1(?::|', )(\d+)")
        listening = self.until("it listens", lambda: address.search(self.log()))
        return f"http://127.0.0.1:{listening[1]}"

    def shows(
        self, workers: int, read: Callable[[], list[Answer]], greeting: str, heard: list[str]
    ) -> set[int]:
        """Waits until this many workers answered, each of them last with this; which they are."""
        last: dict[int, Answer] = {}
        expected = {"greeting": greeting, "heard": heard}

        def shown() -> bool:
            last.update((answer.pop("worker"), answer) for answer in read())
            return len(last) >= workers and all(answer == expected for answer in last.values())

        try:
            self.until(f"{workers} workers show {greeting}", shown)
        finally:
            print(f"{greeting}: {last}")
        assert len(last) == workers, "none was replaced"
        return set(last)

    def stop(self, codes: tuple[int, ...] = (0,)) -> None:
        """Asks it to end; fails if a process of it remains, or wrote what looks like a fault."""
        self._process.send_signal(signal.SIGTERM)
        self._wait("the end after SIGTERM", lambda: self._process.poll() is not None)
        self._wait("the end of all its processes", lambda: not self._kill(0))
        assert self._process.returncode in codes
        assert not FAULT.search(self.log())

    def kill(self) -> None:
        """Ends what a failed test left."""
        self._kill(signal.SIGKILL)
        self._process.wait()
        # Which pytest shows if the test failed.
        print(self.log())

    def _kill(self, number: int) -> bool:
        """Sends a signal to all processes; whether there were any."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def _wait(self, what: str, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + DEADLINE
        while not (outcome := condition()):
            if time.monotonic() > deadline:
                pytest.fail(f"waited {DEADLINE} s in vain for {what}")
            time.sleep(0.02)
        return outcome


def get(url: str, requests: int = 4) -> list[Answer]:
    """Answers to requests at the same time, each on its own connection."""

    def one(_: int) -> Answer:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return json.load(answer)

    with ThreadPoolExecutor(requests) as pool:
        return list(pool.map(one, range(requests)))


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """A place of its own for each test."""
    return Place(re.sub(r"\W+", "-", request.node.name).strip("-")[-32:].lstrip("-"))


@pytest.fixture
def start(place: Place, tmp_path: Path) -> Iterator[Callable[[list[str]], Framework]]:
    """Starts a framework whose clients read the place."""
    started: list[Framework] = []

    def begin(command: list[str]) -> Framework:
        started.append(Framework(tmp_path, place.name, command))
        return started[-1]

    yield begin
    for framework in started:
        framework.kill()
