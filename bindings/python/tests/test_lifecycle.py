"""Waits that can be interrupted, and the end of the interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import castalia
import pytest
from conftest import Scripted, eventually, run_program


def test_other_threads_run_while_one_waits(scripted: Scripted) -> None:
    # T23
    scripted.order("fail", "config", "-1")
    client = castalia.Client(scripted.settings())
    counted = 0
    waiting = threading.Thread(target=lambda: client.config("application"))
    waiting.start()
    eventually(lambda: int(scripted.order("requests", "config")) > 0)
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        counted += 1
    assert counted > 1000 and waiting.is_alive()
    with pytest.raises(castalia.TimeoutError):
        client.config("other", timeout=0.05)
    scripted.order("fail", "config", "404")
    client.close()
    waiting.join(20)


def test_ctrl_c_ends_a_wait(scripted: Scripted) -> None:
    # T27
    scripted.order("fail", "config", "-1")
    program = f"""
import castalia, signal, sys, time
client = castalia.Client({scripted.settings()!r})
print("waiting", flush=True)
try:
    client.config("application")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    eventually(lambda: int(scripted.order("requests", "config")) > 0)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - start < 0.3
    assert process.communicate(timeout=5) == ("", "")
    assert process.returncode == 0


ENDS = {
    "by itself": "",
    "after closing": "client.close()",
    "with an exit code": "sys.exit(0)",
    "from a thread": "threading.Thread(target=sys.exit, daemon=True).start()",
    "while a listener sleeps": "config.on_change(lambda _: time.sleep(30))",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_interpreter_ends_quietly_while_events_come(scripted: Scripted, end: str) -> None:
    # T24, C114
    scripted.publish(n="0")
    stop = threading.Event()

    def publish() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            scripted.publish(n=str(number))

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        for _ in range(int(os.environ.get("CASTALIA_TEST_REPEAT", "3"))):
            start = time.monotonic()
            done = run_program(
                scripted, f"config.on_change(lambda _: None)\ntime.sleep(0.05)\n{ENDS[end]}"
            )
            assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
            assert time.monotonic() - start < 5
    finally:
        stop.set()
        publisher.join()


def test_no_signal_handler_is_installed(scripted: Scripted) -> None:
    scripted.publish(n="0")
    script = "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    assert run_program(scripted, script).stdout == "True\n"


def test_sub_interpreters_are_refused(scripted: Scripted) -> None:
    # T28
    program = """
import _xxsubinterpreters as interpreters
interpreter = interpreters.create()
try:
    interpreters.run_string(interpreter, "import castalia")
except Exception as error:
    print("ImportError" in str(error))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if "No module named '_xxsubinterpreters'" in done.stderr:
        pytest.skip("this Python hides its sub-interpreters")
    assert done.stdout == "True\n", done.stderr


def test_descriptors_are_closed_on_exec(scripted: Scripted) -> None:
    # T47
    scripted.publish(n="0")
    script = """
import subprocess
listing = subprocess.run(["ls", "-l", "/proc/self/fd"], close_fds=False,
                         capture_output=True, text=True).stdout
print(sum("socket" in line or "eventpoll" in line for line in listing.splitlines()))
"""
    assert run_program(scripted, script).stdout == "0\n"
