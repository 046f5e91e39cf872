"""Values as a mapping, as other types, and in other processes."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from datetime import datetime, timedelta, timezone
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import castalia
import pytest
from castalia.testing import FakeClient
from conftest import Scripted

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def opened(scripted: Scripted, **values: str) -> castalia.Config:
    scripted.publish(**values)
    return castalia.Client(scripted.settings()).config("application")


def test_a_config_is_a_mapping(scripted: Scripted) -> None:
    config = opened(scripted, a="1", empty="")
    assert ("a" in config, "b" in config, len(config)) == (True, False, 2)
    assert (list(config), sorted(config.items())) == (["a", "empty"], [("a", "1"), ("empty", "")])
    assert (config.get("empty"), config.get("b"), config.get("b", "x")) == ("", None, "x")
    assert config == {"a": "1", "empty": ""}
    assert "1" not in repr(config).replace("127.0.0.1", "")
    with pytest.raises(TypeError):
        config[[]]  # type: ignore[index]  # pyright: ignore


def test_threads_read_on_and_never_go_back(scripted: Scripted) -> None:
    settings = scripted.settings(apollo__loadConfigQPS="1000", apollo__longPollQPS="1000")
    scripted.publish(n="0")
    config = castalia.Client(settings).config("application")
    ended = threading.Event()
    seen: list[list[int]] = [[] for _ in range(4)]

    def read(values: list[int]) -> None:
        while not ended.is_set():
            values.append(int(config["n"]))

    threads = [threading.Thread(target=read, args=[values]) for values in seen]
    for thread in threads:
        thread.start()
    for n in range(1, 20):
        scripted.publish(n=str(n))
        config.refresh()
        assert config["n"] == str(n)
    ended.set()
    for thread, values in zip(threads, seen):
        thread.join()
        assert values == sorted(values)
        assert int(config["n"]) == 19


def test_reads_by_type_fall_back_and_try_reads_tell_why(scripted: Scripted) -> None:
    texts = {"l": "a,b,,", "spaced": "a , b, ", "j": '{"x": 1}', "bad": "x", "f": " 1.5f"}
    config = opened(scripted, n="7", big="3000000000", t="5S", **texts)
    assert config.get_int("n", None) == 7
    assert (config.get_int("big", 5), config.get_long("big", 5)) == (5, 3000000000)
    assert config.get_duration("t") == timedelta(seconds=5)
    assert config.get_list("l") == ["a", "b"]
    assert config.get_list("spaced") == ["a ", " b", " "]
    assert config.get_list("spaced", [], trim=True) == ["a", "b"]
    assert config.get_json("j") == {"x": 1}
    assert config.get_float("f") == 1.5
    assert config.get_with("n", lambda text: text * 2, "") == "77"
    assert config.get_with("bad", int, 3) == 3
    assert (config.get_int("bad"), config.get_int("absent", 5)) == (None, 5)
    assert config.try_get_int("absent") is None
    context = {"namespace": "application", "key": "bad"}
    for read in (config.try_get_int, config.try_get_duration, config.try_get_json):
        with pytest.raises(castalia.ParseError) as caught:
            read("bad")
        assert (caught.value.context, caught.value.code) == (context, 9)
    assert config.snapshot().get_int("n") == 7


def test_a_key_with_a_lone_surrogate_is_missing() -> None:
    # B29
    key = "\udcff"
    with FakeClient({"application": {"n": "1"}}) as client:
        config = client.config("application")
        snapshot = config.snapshot()
        for reads in (config, snapshot, pickle.loads(pickle.dumps(snapshot))):
            assert key not in reads and reads.get(key, "x") == "x"
            assert (reads.get_int(key, 5), reads.try_get_int(key)) == (5, None)
            assert reads.get_json(key, 5) == reads.get_list(key, 5) == 5
            with pytest.raises(KeyError):
                reads[key]


def test_json_is_what_the_standard_says(scripted: Scripted) -> None:
    # B17
    texts = {"null": " null ", "nan": "NaN", "list": "[1, -Infinity]", "inner": '{"a": null}'}
    config = opened(scripted, **texts)
    snapshot = config.snapshot()
    for reads in (config, snapshot, pickle.loads(pickle.dumps(snapshot))):
        assert (reads.get_json("null", 5), reads.try_get_json("null")) == (None, None)
        assert (reads.get_json("absent", 5), reads.try_get_json("absent")) == (5, None)
        assert reads.get_json("inner") == {"a": None}
        for key in ("nan", "list"):
            assert reads.get_json(key, 5) == 5
            with pytest.raises(castalia.ParseError, match="is not JSON"):
                reads.try_get_json(key)


class Level(Enum):
    """Of a thing."""

    LOW = 1
    HIGH = 2


def test_enums_are_read_by_exact_name(scripted: Scripted) -> None:
    # F132
    config = opened(scripted, level="HIGH", small="high")
    assert config.get_enum("level", Level) is Level.HIGH
    assert (config.get_enum("small", Level), config.get_enum("absent", Level)) == (None, None)
    assert config.get_enum("small", Level, Level.LOW) is Level.LOW
    assert config.try_get_enum("level", Level) is Level.HIGH
    assert config.try_get_enum("absent", Level) is None
    with pytest.raises(castalia.ParseError, match=r"LOW, HIGH \(namespace=application, key=small"):
        config.try_get_enum("small", Level)


def test_every_exception_of_a_parser_means_malformed(scripted: Scripted) -> None:
    # F138
    config = opened(scripted, a="1")

    def parse(_: str) -> int:
        raise KeyError("of any kind")

    def nothing(_: str) -> None:
        return None

    pickled: castalia.Snapshot = pickle.loads(pickle.dumps(config.snapshot()))
    for reads in (config, config.snapshot(), pickled):
        assert reads.get_with("a", parse, 7) == reads.get_with("a", nothing, 7) == 7
        with pytest.raises(KeyboardInterrupt):
            reads.get_with("a", interrupt, 7)


def interrupt(_: str) -> int:
    raise KeyboardInterrupt


def test_malformed_values_are_counted_once_for_each_release(scripted: Scripted) -> None:
    # F128, F137: all of these are answered from the client's own copy of the values.
    scripted.publish(n="x", j="{", good="5")
    with castalia.Client(scripted.settings()) as client:
        config = client.config("application")
        snapshot = config.snapshot()
        for _ in range(3):
            for reads in (config, snapshot):
                assert (reads.get_int("n", 5), reads.get_json("j", 5)) == (5, 5)
                assert reads.get_int("good", 7) == 5
                with pytest.raises(castalia.ParseError):
                    reads.try_get_json("j")
            assert pickle.loads(pickle.dumps(snapshot)).get_int("n", 5) == 5
        assert client.metrics().namespaces[0].malformed_reads == 2
        scripted.publish(n="x", j="1")
        config.refresh()
        assert (config.get_int("n", 5), config.get_json("j")) == (5, 1)
        assert client.metrics().namespaces[0].malformed_reads == 3


def test_what_python_cannot_represent_is_malformed_and_counted_once(scripted: Scripted) -> None:
    # B19
    scripted.publish(huge="1000000000D", late="12021-01-01 00:00:00.00")
    with castalia.Client({**scripted.settings(), "castalia.lenient-dates": "true"}) as client:
        config = client.config("application")
        snapshot = config.snapshot()
        for _ in range(2):
            for reads in (config, snapshot):
                assert (reads.get_duration("huge", 5), reads.get_date("late", 6)) == (5, 6)
                for key, read in (("huge", reads.try_get_duration), ("late", reads.try_get_date)):
                    with pytest.raises(castalia.ParseError, match="out of range") as caught:
                        read(key)
                    assert caught.value.context == {"namespace": "application", "key": key}
        assert pickle.loads(pickle.dumps(snapshot)).get_duration("huge", 5) == 5
        assert client.metrics().namespaces[0].malformed_reads == 2


def test_the_settings_say_how_values_are_read(scripted: Scripted) -> None:
    # F130, F133
    values = {"date": "1970-01-01 08:00:00", "odd": "1970-02-30", "yes": "Yes", "no": "42"}
    scripted.publish(**values, early="1969-12-31T23:59:59Z", huge="99999999999999999D")
    rules = {
        "castalia.time-zone": "+08:00",
        "castalia.lenient-dates": "true",
        "castalia.strict-booleans": "true",
    }
    with castalia.Client({**scripted.settings(), **rules}) as client:
        config = client.config("application")
        snapshot = config.snapshot()
        for reads in (config, snapshot, pickle.loads(pickle.dumps(snapshot))):
            assert reads.get_date("date") == EPOCH
            assert reads.get_date("odd") == EPOCH + timedelta(days=60, hours=-8)
            assert reads.get_date("early") == EPOCH - timedelta(seconds=1)
            assert (reads.get_bool("yes"), reads.get_bool("no", None)) == (True, None)
            assert reads.get_duration("huge") is None
            assert reads.try_get_date("absent") is None
            with pytest.raises(castalia.ParseError, match="boolean"):
                reads.try_get_bool("no")
    config = opened(scripted, **values)
    date = config.try_get_date("date")
    assert date is not None and date.astimezone().strftime("%F %T") == values["date"]
    assert (config.get_date("odd", 7), config.get_bool("yes")) == (7, False)


def test_texts_come_through_whole(scripted: Scripted) -> None:
    # T06, C127
    config = opened(scripted, nul="a\0b", emoji="😀", large="x" * (1 << 20))
    assert (config["nul"], config["emoji"], len(config["large"])) == ("a\0b", "😀", 1 << 20)
    scripted.publish("many", **{f"k{i}": str(i) for i in range(10_000)})
    many = castalia.Client(scripted.settings()).config("many")
    assert dict(many) == {f"k{i}": str(i) for i in range(10_000)}


def test_contents_and_events_are_pickled_by_value(scripted: Scripted) -> None:
    config = opened(scripted, a="1")
    changes = config.changes()
    # The stream starts with the first wait, so that wait and publish run concurrently.
    snapshot = config.snapshot()
    copied = pickle.loads(pickle.dumps(snapshot))
    assert (copied, copied.release_key) == (snapshot, snapshot.release_key)
    assert copied.loaded_at == snapshot.loaded_at
    scripted.order("held", "1")
    scripted.publish(a="2")
    event = next(changes)
    again = pickle.loads(pickle.dumps(event))
    assert again.changes == event.changes == {"a": castalia.Change("1", "2", "MODIFIED")}
    assert again.snapshot == {"a": "2"}
    assert (again.sequence, again.source) == (1, "remote")


def test_clients_are_pickled_as_recipes_without_secrets(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.publish(a="1")
    settings = castalia.Settings(scripted.settings()).set("apollo.access-key.secret", "hidden")
    config = castalia.Client(settings).config("application")
    assert copy.copy(config) is config
    pickled = pickle.dumps(config)
    assert b"hidden" not in pickled and b"hidden" not in repr(settings).encode()
    assert pickle.loads(pickled)["a"] == "1"
    monkeypatch.setenv("APOLLO_ACCESS_KEY_SECRET", "from here")
    restored = pickle.loads(pickle.dumps(settings))
    assert restored.values["apollo.access-key.secret"] == "from here"
    opted = castalia.Settings(settings.values, pickle_secret=True)
    assert pickle.loads(pickle.dumps(opted)).values == settings.values
    with pytest.raises(TypeError):
        pickle.dumps(config.on_change(print))


def test_settings_tell_where_they_come_from(scripted: Scripted) -> None:
    # C014
    settings = castalia.Settings(scripted.settings()).set("apollo.access-key.secret", "hidden")
    told = {setting.name: setting for setting in castalia.Client(settings).settings()}
    assert told["apollo.access-key.secret"].value == "***"
    assert (told["app.id"].value, told["app.id"].origin) == ("order", "code")
    with pytest.raises(castalia.InvalidArgumentError, match=r"app\.id"):
        castalia.Client({})


def test_every_kind_of_error_has_a_class() -> None:
    from castalia import _errors, _native

    for name, code in _native.error_kinds():
        assert getattr(_errors, f"{name}Error").code == code
        assert getattr(castalia, f"{name}Error") is getattr(_errors, f"{name}Error")
    error = castalia.TimeoutError("late", "wait", {"a": "b"})
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.context, isinstance(again, OSError)) == ("late", {"a": "b"}, True)


def test_files_metrics_and_watches(scripted: Scripted) -> None:
    scripted.publish("db.json", content='{"a": 1}')
    scripted.publish(n="1")
    with castalia.Client(scripted.settings()) as client:
        file = client.config_file("db.json")
        assert (file.content, file.state) == ('{"a": 1}', "Ready")
        config = client.config("application")
        watch = config.watch(lambda snapshot: int(snapshot["n"]) * 10)
        assert watch.get() == 10
        metrics = {one.namespace: one for one in client.metrics().namespaces}
        assert (metrics["application"].items, metrics["application"].state) == (1, "Ready")
        assert "apollo_client" in client.metrics_text()


def test_metrics_tell_of_requests_threads_and_errors(scripted: Scripted) -> None:
    # F167
    scripted.publish(n="1")
    client = castalia.Client(scripted.settings())
    assert client.metrics().threads is None
    with client:
        config = client.config("application")
        scripted.order("fail", "config", "404")
        with pytest.raises(castalia.NotFoundError):
            config.refresh()
        metrics = client.metrics()
        requests = {(one.endpoint, one.status): one for one in metrics.http}
        loaded, refused = requests["configs", 200], requests["configs", 404]
        assert loaded.count == 1 and loaded.time > timedelta(0) and refused.count >= 1
        assert metrics.threads is not None and metrics.threads.workers > 0
        one = metrics.namespaces[0]
        assert isinstance(one.last_error, castalia.NotFoundError)
        assert isinstance(metrics.errors[-1], castalia.NotFoundError)
        assert one.first_load is not None and one.contacted_at is not None
        assert one.updated_at <= one.contacted_at <= datetime.now(timezone.utc)
        assert (one.poll_timed_out, one.malformed_reads) == (False, 0)


class Recorder(BaseHTTPRequestHandler):
    """Knows no path, and records how requests were signed."""

    signatures: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        Recorder.signatures.append(self.headers.get("Authorization", "none"))
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_an_access_key_may_change_at_run_time() -> None:
    # F162
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    settings = {
        "app.id": "order",
        "apollo.config-service": url,
        "apollo.cache.file.enable": "false",
    }
    with castalia.Client(settings) as client:
        config = client.config("application")
        assert set(Recorder.signatures) == {"none"}
        client.set_access_key("order", "0123456789abcdef")
        with pytest.raises(castalia.NotFoundError):
            config.refresh()
        assert Recorder.signatures[-1].startswith("Apollo order:")
    server.shutdown()
    server.server_close()


def test_a_validator_refuses_a_release(scripted: Scripted) -> None:
    scripted.publish(n="1")
    with castalia.Client(scripted.settings()) as client:
        client.validate("application", lambda new: None if "n" in new else "n is missing")
        config = client.config("application")
        scripted.publish(m="2")
        with pytest.raises(castalia.ParseError, match="n is missing"):
            config.refresh()
        assert dict(config) == {"n": "1"}
        assert client.metrics().namespaces[0].refusals >= 1


def test_a_validator_that_fails_is_named_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    # B20
    def judge(new: castalia.Snapshot) -> None:
        if "none" not in new:
            new["absent"]
        if new["none"] == "exits":
            sys.exit(3)

    with FakeClient({"application": {"none": "1"}}) as client:
        client.validate("application", judge)
        config = client.config("application")
        for values, reason in (
            ({"n": "1"}, "KeyError: 'absent'"),
            ({"none": "exits"}, "SystemExit: 3"),
        ):
            caplog.clear()
            with pytest.raises(castalia.ParseError, match=reason):
                client.publish("application", values)
            assert "in judge" in caplog.text and reason in caplog.text
        assert dict(config) == {"none": "1"}


def test_a_validator_that_returns_an_empty_text_accepts_the_release() -> None:
    # B33
    with FakeClient({"application": {"a": "1"}}) as client:
        client.validate("application", lambda new: "; ".join(key for key in new if key != "a"))
        config = client.config("application")
        client.publish("application", {"a": "2"})
        with pytest.raises(castalia.ParseError, match="b; c"):
            client.publish("application", {"b": "", "c": ""})
        assert dict(config) == {"a": "2"}
