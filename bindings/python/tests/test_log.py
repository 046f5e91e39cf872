"""Log records of the client in Python."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import castalia
import pytest
from conftest import Scripted, eventually, run_program


@pytest.fixture(autouse=True)
def silence_afterwards() -> Iterator[None]:
    yield
    castalia.set_log(None)


def read_malformed(scripted: Scripted) -> None:
    """Makes the client log a warning about a value."""
    scripted.publish(n="x")
    with castalia.Client(scripted.settings()) as client:
        assert client.config("application").get_int("n") is None


def test_records_reach_logging_with_their_fields(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    # F170
    castalia.set_log(level="WARNING")

    def warned() -> list[logging.LogRecord]:
        return [record for record in caplog.records if "malformed" in record.getMessage()]

    with caplog.at_level(logging.WARNING, logger="castalia"):
        read_malformed(scripted)
        record = eventually(warned)[0]
    assert (record.name, record.levelno) == ("castalia", logging.WARNING)
    assert vars(record)["fields"] == {"namespace": "application", "key": "n"}
    assert vars(record)["target"].startswith("castalia_core::")
    assert "key=n" in record.getMessage()


def test_a_function_takes_records_instead(scripted: Scripted) -> None:
    taken: list[tuple[str, str, str, dict[str, str]]] = []

    def take(level: str, target: str, text: str, fields: dict[str, str]) -> None:
        taken.append((level, target, text, fields))

    castalia.set_log(take, "WARN")
    read_malformed(scripted)
    level, target, text, fields = eventually(lambda: [one for one in taken if "key" in one[3]])[0]
    assert (level, target.split(":")[0], fields["key"]) == ("WARN", "castalia_core", "n")
    assert "malformed value" in text
    assert {one[0] for one in taken} <= {"WARN", "ERROR"}


# Until what is logged has been written: a thread of the client passes it on.
UNTIL = """
class Written:
    text = ""

    def write(self, text):
        Written.text += text
        return sys.__stderr__.write(text)

    def flush(self):
        sys.__stderr__.flush()

def until(text):
    for _ in range(6000):
        if text in Written.text:
            break
        time.sleep(0.01)

sys.stderr = Written()
"""


def test_warnings_reach_logging_although_the_program_chose_nothing(scripted: Scripted) -> None:
    scripted.publish(n="x")
    program = run_program(
        scripted,
        UNTIL
        + """
import logging
assert config.get_int("n") is None
until("key=n")
""",
    )
    assert "malformed value" in program.stderr and "key=n" in program.stderr


def test_a_program_may_choose_silence(scripted: Scripted) -> None:
    scripted.publish(n="x")
    silent = "castalia.set_log(None)\nassert config.get_int('n') is None\ntime.sleep(0.3)\n"
    assert run_program(scripted, silent).stderr == ""


def test_a_forked_child_logs_as_well(scripted: Scripted) -> None:
    scripted.publish(a="x", b="x")
    program = run_program(
        scripted,
        UNTIL
        + """
config.get_int("a")
until("key=a")
child = os.fork()
if child == 0:
    config.get_int("b")
    until("key=b")
    os._exit(0)
os.waitpid(child, 0)
""",
    )
    assert "key=a" in program.stderr and "key=b" in program.stderr


def test_a_namespace_that_nothing_is_loaded_for_is_warned_of_once(scripted: Scripted) -> None:
    program = run_program(
        scripted,
        UNTIL
        + """
client = castalia.Client(app_id="order", meta="http://127.0.0.1:9", cache_dir="/nowhere")
config = client.config("missing")
assert (config.source, len(config)) == ("none", 0) and config.state != "Ready"
until("namespace=missing")
time.sleep(0.3)
""",
    )
    lines = [line for line in program.stderr.splitlines() if "namespace=missing" in line]
    assert len(lines) == 1 and "the namespace is empty" in lines[0], program.stderr
