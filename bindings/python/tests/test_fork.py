"""Forked children read at once, follow the servers again, and leave the parent alone."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import textwrap

import castalia
from conftest import TARGET, Scripted, eventually

# Newer versions of Python warn about every fork of a process with threads.
PYTHON = [sys.executable, "-W", "ignore::DeprecationWarning"]

FOLLOW = """
import os, signal, sys, threading
import castalia

client = castalia.Client({settings!r})
config = client.config("application")
heard = []
config.on_change(lambda event: heard.append(event.sequence))

def say(line):
    # In one write, so that the lines of several processes do not mix.
    os.write(1, f"{{line}}\\n".encode())

def follow(name):
    assert config["n"] == "0", config["n"]
    say(f"{{name}} reads")
    end = threading.Event()
    for _ in range(6000):
        if config["n"] == "1" and heard:
            break
        end.wait(0.01)
    say(f"{{name}} {{config['n']}} {{len(heard)}}")
"""


def follow_in(scripted: Scripted, script: str, processes: int, waiting: int = 0) -> list[str]:
    """Runs a program whose processes follow one publish; what they print, sorted.

    So many more processes have a client that only waits.
    """
    scripted.publish(n="0")
    program = FOLLOW.format(settings=scripted.settings()) + textwrap.dedent(script)
    process = subprocess.Popen(
        [*PYTHON, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    reads = sorted(process.stdout.readline() for _ in range(processes))
    assert all(line.endswith("reads\n") for line in reads), (reads, process.communicate())
    scripted.order("held", str(processes + waiting))
    scripted.publish(n="1")
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    return sorted(output.splitlines())


def test_a_forked_child_and_its_parent_follow(scripted: Scripted) -> None:
    # T41, T45
    script = """
        child = os.fork()
        if child == 0:
            signal.alarm(240)
            follow("child")
            os._exit(0)
        follow("parent")
        assert os.waitpid(child, 0)[1] == 0
    """
    assert follow_in(scripted, script, 2) == ["child 1 1", "parent 1 1"]


def test_a_forked_child_reads_by_type(scripted: Scripted) -> None:
    script = """
        snapshot = config.snapshot()
        assert (config.get_float("n"), snapshot.get_float("n")) == (0, 0)
        child = os.fork()
        if child == 0:
            signal.alarm(240)
            assert (config.get_float("n"), snapshot.get_float("n")) == (0, 0)
            assert config.get_date("n", None) is snapshot.get_date("n", None) is None
            follow("child")
            assert (config.get_float("n"), snapshot.get_float("n")) == (1, 0)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """
    assert follow_in(scripted, script, processes=1, waiting=1) == ["child 1 1"]


def test_a_forked_child_that_reads_nothing_follows(scripted: Scripted) -> None:
    # It only waits for its listener, or only looks at a watch.
    script = """
        watch = config.watch(lambda now: now["n"])
        def wait(name, followed):
            say(f"{name} reads")
            end = threading.Event()
            for _ in range(6000):
                if followed():
                    break
                end.wait(0.01)
            say(f"{name} {followed()}")
        followers = {"listener": lambda: len(heard) == 1, "watch": lambda: watch.get() == "1"}
        children = []
        for name, followed in followers.items():
            child = os.fork()
            if child == 0:
                signal.alarm(240)
                wait(name, followed)
                os._exit(0)
            children.append(child)
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
    """
    assert follow_in(scripted, script, 2, waiting=1) == ["listener True", "watch True"]


def test_workers_of_a_preloaded_program_follow(scripted: Scripted) -> None:
    # Like gunicorn with --preload: the parent opens, forks its workers, then only waits.
    script = """
        import multiprocessing
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=follow, args=(f"worker{i}",)) for i in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        client.close()
    """
    workers = [f"worker{i} 1 1" for i in range(3)]
    assert follow_in(scripted, script, processes=3, waiting=1) == workers


def test_a_spawned_worker_opens_what_was_pickled(scripted: Scripted) -> None:
    scripted.publish(n="7")
    program = f"""
import castalia, multiprocessing

def read(config):
    return config.get_int("n")

if __name__ == "__main__":
    config = castalia.Client({scripted.settings()!r}).config("application")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(read, [config, config]))
"""
    path = TARGET / "spawned.py"
    path.write_text(program)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.returncode) == ("[7, 7]\n", 0), done.stderr


def test_forks_amid_updates_hang_nobody(scripted: Scripted) -> None:
    # T42
    scripted.publish(n="0")
    program = f"""
import os, signal, sys
import castalia

client = castalia.Client({ {**scripted.settings(), "apollo.loadConfigQPS": "100000"}!r})
config = client.config("application")
config.on_change(lambda event: None)
for _ in range(100):
    child = os.fork()
    if child == 0:
        signal.alarm(240)
        assert config["n"]
        config.refresh()
        client.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
    process = subprocess.Popen([*PYTHON, "-c", program], stderr=subprocess.PIPE, text=True)
    number = 0
    while process.poll() is None:
        number += 1
        scripted.publish(n=str(number))
    assert process.stderr is not None
    assert (process.returncode, process.stderr.read()) == (0, "")


def run_forking(program: str) -> None:
    """Runs a program that forks; fails if it fails or writes anything."""
    command = [*PYTHON, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_forks_amid_what_a_test_sets_hang_nobody() -> None:
    # B145
    run_forking("""
import os, signal, threading
from castalia.testing import FakeClient

client = FakeClient()
config = client.config("application")
is_done = threading.Event()

def change():
    number = 0
    while not is_done.is_set():
        number += 1
        client.set("application", {"n": str(number)})

thread = threading.Thread(target=change, daemon=True)
thread.start()
for _ in range(60):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        client.set("application", {"n": "child"})
        os._exit(0 if config["n"] == "child" else 1)
    assert os.waitpid(child, 0)[1] == 0
is_done.set()
thread.join()
client.close()
""")


def test_forks_amid_callbacks_hang_nobody() -> None:
    # B149: a child of CPython 3.11 waits for what a thread held that was entering Python.
    run_forking("""
import os, select, threading
from castalia.testing import FakeClient

clients = [FakeClient() for _ in range(4)]
for client in clients:
    client.config("application").on_change(lambda event: None)
is_done = threading.Event()

def change():
    number = 0
    while not is_done.is_set():
        number += 1
        for client in clients:
            client.set("application", {"n": str(number)})

thread = threading.Thread(target=change, daemon=True)
thread.start()
for _ in range(1500):
    ends, begins = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.close(begins)
    assert select.select([ends], [], [], 60)[0], "the child hangs"
    os.close(ends)
    os.waitpid(child, 0)
is_done.set()
thread.join()
for client in clients:
    client.close()
""")


def test_a_child_that_a_callback_forked_may_wait() -> None:
    # B26
    program = """
import os, signal, time, traceback
import castalia
from castalia.testing import FakeClient

parent = os.getpid()
statuses = {}

def open_one():
    signal.alarm(240)
    with FakeClient({"application": {"n": "7"}}) as client:
        assert client.config("application")["n"] == "7"

def fork(caller):
    # The client continues in the child, where it calls these functions too.
    if os.getpid() != parent or caller in statuses:
        return
    child = os.fork()
    if child == 0:
        status = 1
        try:
            open_one()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    statuses[caller] = os.waitpid(child, 0)[1]

def until_forked_by(caller):
    while caller not in statuses:
        time.sleep(0.002)

castalia.set_log(lambda *_: fork("log"), "WARN")
with FakeClient({"application": {"n": "x"}}) as client:
    client.validate("application", lambda _: fork("validator"))
    config = client.config("application")
    until_forked_by("validator")
    assert config.get_int("n") is None, "which is logged"
    until_forked_by("log")
    config.on_change(lambda _: fork("listener"))
    client.set("application", {"n": "y"})
    until_forked_by("listener")
assert statuses == {"validator": 0, "log": 0, "listener": 0}, statuses
"""
    run_forking(program)


def test_a_child_that_closes_the_client_keeps_no_validator() -> None:
    # B34: neither if the client continued there, nor if it did not.
    program = """
import gc, os, signal, weakref
from castalia.testing import FakeClient

for continues in (True, False):
    with FakeClient({"application": {"n": "0"}}) as client:
        config = client.config("application")
        validator = lambda _: None
        alive = weakref.ref(validator)
        client.validate("application", validator)
        del validator
        child = os.fork()
        if child == 0:
            signal.alarm(240)
            if continues:
                config.refresh()
            assert alive() is not None
            client.close()
            gc.collect()
            assert alive() is None
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
"""
    run_forking(program)


def test_an_iterator_that_was_made_before_a_fork_ends_in_the_child() -> None:
    # B31
    program = """
import asyncio, os, signal, sys, threading, time
from castalia.testing import AsyncFakeClient, FakeClient

def is_waiting(thread):
    frame = sys._current_frames().get(thread.ident)
    while frame is not None and frame.f_code.co_name != "result_of":
        frame = frame.f_back
    return frame is not None

client = FakeClient({"application": {"n": "0"}})
config = client.config("application")
idle, waiting = config.changes(), config.changes()
heard = []
reader = threading.Thread(target=lambda: heard.append(next(waiting).snapshot["n"]))
reader.start()
while not is_waiting(reader):
    time.sleep(0.002)

async def begin():
    config = await AsyncFakeClient().config("application")
    idle, given_up, waiting = config.changes(), config.changes(), config.changes()
    try:
        await asyncio.wait_for(given_up.__anext__(), 0.01)
    except asyncio.TimeoutError:
        pass
    task = asyncio.ensure_future(waiting.__anext__())
    while waiting._next is None:
        await asyncio.sleep(0.002)
    return [idle, given_up, waiting], task

async def rest(changes):
    return [event async for event in changes]

loop = asyncio.new_event_loop()
of_loop, task = loop.run_until_complete(begin())
child = os.fork()
if child == 0:
    signal.alarm(240)
    assert [list(idle), list(waiting)] == [[], []]
    for changes in of_loop:
        assert asyncio.run(rest(changes)) == []
    for changes in (idle, waiting, *of_loop):
        changes.close()
    fresh = config.changes()
    client.set("application", {"n": "1"})
    assert next(fresh).snapshot["n"] == "1"
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
client.set("application", {"n": "2"})
reader.join()
assert heard == ["2"], heard
task.cancel()
loop.run_until_complete(asyncio.wait([task]))
loop.close()
"""
    run_forking(program)


def test_a_child_that_was_forked_during_calls_is_called() -> None:
    # B43
    program = """
import os, signal, threading, time
from castalia.testing import FakeClient

parent = os.getpid()
may_return = threading.Event()
running = {"watch": threading.Event(), "listener": threading.Event()}
heard = []

def block_in_parent(name):
    if os.getpid() == parent:
        running[name].set()
        may_return.wait()

def parse(snapshot):
    if snapshot["n"] == "1":
        block_in_parent("watch")
    return snapshot["n"]

def listen(event):
    block_in_parent("listener")
    heard.append(event.snapshot["n"])

def until(holds):
    while not holds():
        time.sleep(0.002)

with FakeClient({"application": {"n": "0"}}) as client:
    config = client.config("application")
    watch = config.watch(parse)
    subscription = config.on_change(listen)
    client.set("application", {"n": "1"})
    for call in running.values():
        call.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(240)
        until(lambda: watch.get() == "1")
        assert config.on_change(listen) is subscription
        client.set("application", {"n": "2"})
        until(lambda: (watch.get(), heard) == ("2", ["2"]))
        subscription.cancel()
        config.on_change(listen)
        client.set("application", {"n": "3"})
        until(lambda: (watch.get(), heard) == ("3", ["2", "3"]))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    may_return.set()
    assert status == 0, status
    until(lambda: (watch.get(), heard) == ("1", ["1"]))
"""
    run_forking(program)


class Text(ctypes.Structure):
    """Text of the C library."""

    _fields_ = [("ptr", ctypes.c_char_p), ("len", ctypes.c_size_t)]


def test_two_copies_of_the_client_live_in_one_process(scripted: Scripted) -> None:
    # T57, T55: the C library beside the package, in a program with the OpenSSL of Python.
    import ssl

    assert ssl.OPENSSL_VERSION
    library = ctypes.CDLL(str(TARGET / "debug" / "libcastalia.so"))
    library.castalia_settings_new.restype = ctypes.c_void_p
    library.castalia_settings_set.argtypes = [ctypes.c_void_p, Text, Text]
    pointer = ctypes.c_void_p
    library.castalia_client_config.argtypes = [ctypes.c_uint64, Text, ctypes.c_uint32, pointer]
    library.castalia_snapshot_get_long.argtypes = [pointer, Text, pointer, pointer]
    library.castalia_config_snapshot.argtypes = [ctypes.c_uint64, ctypes.c_void_p]
    library.castalia_snapshot_release.argtypes = [ctypes.c_void_p]
    library.castalia_client_close.argtypes = [ctypes.c_uint64, ctypes.c_uint32]

    def text(value: str) -> Text:
        return Text(value.encode(), len(value))

    scripted.publish(n="1")
    settings = library.castalia_settings_new()
    for name, value in scripted.settings().items():
        assert not library.castalia_settings_set(settings, text(name), text(value))
    client, config = ctypes.c_uint64(), ctypes.c_uint64()
    assert not library.castalia_client_new(ctypes.c_void_p(settings), ctypes.byref(client))
    found = ctypes.byref(config)
    assert not library.castalia_client_config(client, text("application"), 60000, found)

    def seen_by_c() -> int:
        snapshot, value = ctypes.c_void_p(), ctypes.c_int64()
        assert not library.castalia_config_snapshot(config, ctypes.byref(snapshot))
        library.castalia_snapshot_get_long(snapshot, text("n"), ctypes.byref(value), None)
        library.castalia_snapshot_release(snapshot)
        return value.value

    with castalia.Client(scripted.settings()) as ours:
        mapping = ours.config("application")
        scripted.order("held", "2")
        scripted.publish(n="2")
        eventually(lambda: mapping["n"] == "2" and seen_by_c() == 2)
    library.castalia_client_close(client, 5000)
