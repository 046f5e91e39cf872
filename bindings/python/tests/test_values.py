"""Values as a mapping, as other types, and in other processes."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import castalia
import pytest
from conftest import Scripted


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
    for read in (config.try_get_int, config.try_get_duration, config.try_get_json):
        with pytest.raises(castalia.ParseError) as caught:
            read("bad")
        assert (caught.value.context, caught.value.code) == ({"key": "bad"}, 9)
    assert config.snapshot().get_int("n") == 7


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
    # The stream begins with the first wait for it, so that it is asked for beside the publishing.
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
