"""Settings in other processes, and from the environment."""

from __future__ import annotations

import pickle

import castalia
import pytest
from conftest import Scripted


def test_secrets_of_other_apps_are_read_from_their_documented_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # B87
    names = ["apollo.access-key.my-app.secret", "apollo.accesskey.my.App.secret"]
    settings = castalia.Settings(dict.fromkeys(names, "hidden"))
    pickled = pickle.dumps(settings)
    assert b"hidden" not in pickled
    assert pickle.loads(pickled).values == {}
    monkeypatch.setenv("APOLLO_ACCESS_KEY_SECRET_MY_APP", "from here")
    assert pickle.loads(pickled).values == dict.fromkeys(names, "from here")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://gate:hidden@meta:8080", "http://meta:8080"),
        ("https://gate:hid@hidden@a/x, http://hidden@b,http://c", "https://a/x, http://b,http://c"),
        ("gate:hidden@meta", "meta"),
        ("gate:hidden@a, hidden@b,http://c,http://d:hidden@[::1]", "a, b,http://c,http://[::1]"),
    ],
)
def test_addresses_are_pickled_without_user_and_password(
    address: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # B87
    names = ["apollo.meta", "apollo.config-service", "apollo.configService", "dev_meta"]
    settings = castalia.Settings({"app.id": "a@b", **dict.fromkeys(names, address)})
    pickled = pickle.dumps(settings)
    assert b"hidden" not in pickled
    assert pickle.loads(pickled).values == {"app.id": "a@b", **dict.fromkeys(names, shown)}
    monkeypatch.setenv("APOLLO_META", "http://gate:other@meta")
    assert pickle.loads(pickled).values["apollo.meta"] == "http://gate:other@meta"
    opted = castalia.Settings(settings.values, pickle_secret=True)
    assert pickle.loads(pickle.dumps(opted)).values == settings.values


@pytest.mark.parametrize(
    "address",
    [
        "http://gate:hid/hidden@meta,http://host/a@b",
        "http://gate:hid@host/hidden@meta",
        "http://hid/den:hidden@meta",
        "http://gate:hid,hidden@meta",
        "http://other, gate:hid,,hid@meta",
        "gate:hid://hidden@meta",
        "http://host:8080/a@b",
    ],
)
def test_addresses_that_clients_refuse_are_not_pickled(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # B123
    settings = castalia.Settings({"app.id": "order", "apollo.meta": address})
    with pytest.raises(castalia.Error, match="as %2C"):
        settings.client()
    pickled = pickle.dumps(settings)
    assert b"hid" not in pickled
    assert pickle.loads(pickled).values == {"app.id": "order"}
    monkeypatch.setenv("APOLLO_META", "http://gate:other@meta")
    assert pickle.loads(pickled).values["apollo.meta"] == "http://gate:other@meta"


def test_a_path_with_an_at_sign_is_no_user() -> None:
    # B87
    settings = castalia.Settings({"apollo.meta": "http://host/a@b,http://[::1]:80/a@b"})
    assert pickle.loads(pickle.dumps(settings)).values == settings.values


def test_settings_under_deprecated_names_are_read_from_documented_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # B87
    values = {"apollo.accesskey.secret": "hidden", "apollo.configService": "http://a:hidden@b"}
    pickled = pickle.dumps(castalia.Settings(values))
    monkeypatch.setenv("APOLLO_ACCESS_KEY_SECRET", "from here")
    monkeypatch.setenv("APOLLO_CONFIG_SERVICE", "http://a:other@b")
    restored = {"apollo.accesskey.secret": "from here", "apollo.configService": "http://a:other@b"}
    assert pickle.loads(pickled).values == restored


def test_an_address_without_credentials_is_that_of_the_writer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = castalia.Settings({"apollo.meta": "http://meta:8080"})
    monkeypatch.setenv("APOLLO_META", "http://elsewhere")
    assert pickle.loads(pickle.dumps(settings)).values == settings.values


def test_settings_are_equal_if_their_secrets_are() -> None:
    def settings(secret: str) -> castalia.Settings:
        return castalia.Settings({"app.id": "order", "apollo.access-key.secret": secret})

    assert settings("a") == settings("a") and hash(settings("a")) == hash(settings("a"))
    assert settings("a") != settings("b") and len({settings("a"), settings("b")}) == 2


def test_a_snapshot_has_the_environment_variables_that_its_config_has(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    # B143
    key = "CASTALIA_PYTHON_TEST"
    monkeypatch.setenv(key, "5")
    scripted.publish(n="1")
    given = scripted.settings(**{"castalia.env-fallback": "true"})
    validated: list[tuple[str | None, int | None]] = []

    def validator(snapshot: castalia.Snapshot) -> None:
        validated.append((snapshot.get(key), snapshot.get_int(key)))

    with castalia.Client(castalia.Settings.of(castalia.Settings.from_env(), given)) as client:
        client.validate("application", validator)
        config = client.config("application")
        snapshot = config.snapshot()
        for reads in (config, snapshot):
            assert key in reads and (reads[key], reads.get(key, "x")) == ("5", "5")
            assert (reads.get_int(key), reads.get_with(key, int, 0)) == (5, 5)
            assert (reads.get_json(key), reads.get_list(key)) == (5, ["5"])
            assert "missing" not in reads and reads.get("\udcff") is None
            # Variables are no keys of the namespace.
            assert (list(reads), len(reads)) == (["n"], 1)
    assert set(validated) == {("5", 5)}
    elsewhere = pickle.loads(pickle.dumps(snapshot))
    assert (elsewhere["n"], elsewhere.get(key), elsewhere.get_int(key)) == ("1", None, None)
