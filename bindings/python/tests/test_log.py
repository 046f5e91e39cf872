"""Log records of the client in Python."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import castalia
import pytest
from conftest import Scripted, eventually


@pytest.fixture(autouse=True)
def silence_afterwards() -> Iterator[None]:
    yield
    castalia.set_log(None)


def read_malformed(scripted: Scripted) -> None:
    """Makes the client warn of one value."""
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
