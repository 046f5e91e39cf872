"""The OpenFeature provider, called through the SDK."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import castalia
import pytest
from conftest import Scripted, eventually

pytest.importorskip("openfeature")

from castalia.openfeature import CastaliaProvider
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

VALUES = {"on": "True", "off": "false", "n": "7", "x": "2.5", "list": "[1]", "word": "a"}


@pytest.fixture
def flags(scripted: Scripted) -> Iterator[OpenFeatureClient]:
    scripted.publish(**VALUES)
    with castalia.Client(scripted.settings()) as client:
        api.set_provider(CastaliaProvider(client.config("application")))
        yield api.get_client()
        api.shutdown()


def test_flags_are_values_by_type(flags: OpenFeatureClient) -> None:
    assert flags.get_boolean_value("on", False) and not flags.get_boolean_value("off", True)
    assert (flags.get_integer_value("n", 0), flags.get_float_value("x", 0.0)) == (7, 2.5)
    assert flags.get_string_value("word", "") == "a"
    assert flags.get_object_value("list", {}) == [1]
    details = flags.get_boolean_details("on", False)
    assert details.reason == Reason.STATIC
    assert details.flag_metadata["namespace"] == "application"


def test_a_flag_that_is_missing_or_malformed_has_its_default_and_says_why(
    flags: OpenFeatureClient,
) -> None:
    missing = flags.get_boolean_details("missing", True)
    assert (missing.value, missing.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    malformed = flags.get_integer_details("word", 3)
    assert (malformed.value, malformed.error_code) == (3, ErrorCode.PARSE_ERROR)
    for mismatch in (flags.get_boolean_details("word", True), flags.get_object_details("n", {})):
        assert mismatch.error_code == ErrorCode.TYPE_MISMATCH


def test_changes_are_announced_until_the_provider_is_shut_down(
    scripted: Scripted, flags: OpenFeatureClient
) -> None:
    changed: list[EventDetails] = []
    heard = threading.Event()

    def hear(details: EventDetails) -> None:
        changed.append(details)
        heard.set()

    flags.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, hear)
    scripted.order("held", "1")
    scripted.publish(**{**VALUES, "on": "false"})
    assert heard.wait(60)
    assert changed[0].flags_changed == ["on"]
    eventually(lambda: flags.get_boolean_value("on", True) is False)
