"""The OpenFeature provider, called through the SDK."""

from __future__ import annotations

import asyncio
import doctest
import queue
import re
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import castalia
import pytest
from castalia.testing import AsyncFakeClient, FakeClient
from conftest import Scripted, eventually

pytest.importorskip("openfeature")

import castalia.openfeature
from castalia.openfeature import CastaliaProvider
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

VALUES = {"on": "True", "off": "false", "n": "7", "x": "2.5", "list": "[1]", "word": "a"}


@pytest.fixture
def flags(scripted: Scripted) -> Iterator[OpenFeatureClient]:
    scripted.publish(**VALUES)
    with castalia.Client(scripted.settings()) as client:
        api.set_provider_and_wait(CastaliaProvider(client.config("application")))
        yield api.get_client()
        api.shutdown()


def test_the_documented_lines_wait_until_flags_have_their_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # B142
    threads: list[int] = []
    initialize = CastaliaProvider.initialize

    def recorded(provider: CastaliaProvider, context: EvaluationContext) -> None:
        threads.append(threading.get_ident())
        initialize(provider, context)

    monkeypatch.setattr(CastaliaProvider, "initialize", recorded)
    with FakeClient({"application": {"new-checkout": "true"}}) as client:
        finder = doctest.DocTestFinder(recurse=False)
        (lines,) = finder.find(castalia.openfeature, globs={"client": client})
        assert doctest.DocTestRunner().run(lines) == (0, len(lines.examples))
        api.shutdown()
    assert threads == [threading.get_ident()]


def test_the_oldest_sdk_that_the_extra_allows_is_the_one_that_is_tested() -> None:
    # B142
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    oldest = re.search(r"openfeature-sdk>=([\d.]+)", project)
    assert oldest and version("openfeature-sdk").startswith(f"{oldest[1]}.")


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


def test_changes_of_a_config_of_an_event_loop_are_announced() -> None:
    # B142
    changed: queue.SimpleQueue[EventDetails] = queue.SimpleQueue()

    async def run() -> None:
        async with AsyncFakeClient({"application": {"on": "true"}}) as client:
            config = await client.config("application")
            # As `set_provider` does it, whose thread has no event loop.
            await asyncio.to_thread(api.set_provider_and_wait, CastaliaProvider(config))
            flags = api.get_client()
            flags.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, changed.put)
            await client.set("application", {"on": "false"})
            details = await asyncio.to_thread(changed.get, timeout=60)
            assert details.flags_changed == ["on"]
            assert flags.get_boolean_value("on", True) is False
            api.shutdown()

    asyncio.run(asyncio.wait_for(run(), 240))


def test_a_closed_config_announces_nothing_although_its_namespace_is_open() -> None:
    # B142
    announced: list[object] = []

    def announce(*event: object) -> None:
        announced.append(event)

    async def run() -> None:
        async with AsyncFakeClient({"application": {"on": "true"}}) as client:
            config = await client.config("application")
            file = await client.config_file("application")
            provider = CastaliaProvider(config)
            provider.attach(announce)
            provider.initialize(EvaluationContext())
            config.close()
            await client.set("application", {"on": "false"})
            assert file.content == "on=false\n"
        # The close of the client has waited for listeners.

    asyncio.run(asyncio.wait_for(run(), 240))
    assert announced == []


def test_a_flag_may_be_an_environment_variable(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    # B143
    monkeypatch.setenv("CASTALIA_PYTHON_TEST", "true")
    given = scripted.settings(**{"castalia.env-fallback": "true"})
    with castalia.Client(castalia.Settings.of(castalia.Settings.from_env(), given)) as client:
        api.set_provider_and_wait(CastaliaProvider(client.config("application")))
        details = api.get_client().get_boolean_details("CASTALIA_PYTHON_TEST", False)
        api.shutdown()
    assert (details.value, details.error_code) == (True, None)
