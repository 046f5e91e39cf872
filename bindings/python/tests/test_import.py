"""What `import castalia` loads and shows."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata

import castalia
import pytest


def run(script: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *flags, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)


def test_asyncio_is_loaded_when_it_is_used() -> None:
    loaded = run("import castalia", "-X", "importtime").stderr
    assert "castalia._sync" in loaded and "asyncio" not in loaded
    script = "import castalia, sys; castalia.AsyncClient; print('asyncio' in sys.modules)"
    assert run(script).stdout == "True\n"


def test_every_public_name_can_be_had() -> None:
    assert set(castalia.__all__) <= set(dir(castalia))
    for name in castalia.__all__:
        assert getattr(castalia, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'asyncClient'"):
        _ = castalia.asyncClient


def test_internal_names_begin_with_an_underscore() -> None:
    mapping = {"get", "items", "keys", "values"}
    reads = {name for name in dir(castalia.Snapshot) if name.startswith(("get_", "try_get_"))}
    common = {"app_id", "changes", "close", "cluster", "last_error", "namespace", "off"}
    common |= {"on_change", "refresh", "snapshot", "source", "state"}
    shown = {
        castalia.Config: common | mapping | reads | {"watch"},
        castalia.AsyncConfig: common | mapping | reads | {"watch"},
        castalia.ConfigFile: common | {"content"},
        castalia.AsyncConfigFile: common | {"content"},
        castalia.Subscription: {"cancel"},
        castalia.AsyncSubscription: {"cancel"},
    }
    for kind, names in shown.items():
        assert {name for name in dir(kind) if not name.startswith("_")} == names, kind


@pytest.mark.skipif(importlib.util.find_spec("tomllib") is None, reason="tomllib is of 3.11")
def test_the_metadata_names_places_authors_and_systems() -> None:
    from pathlib import Path

    import tomllib

    folder = Path(__file__).parents[1]
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert {"Homepage", "Source", "Issues", "Changelog"} <= set(project["urls"])
    assert project["authors"] and (folder / project["license-files"][0]).is_file()
    assert "Operating System :: OS Independent" not in project["classifiers"]
    try:
        installed = metadata("castalia")
    except PackageNotFoundError:
        return
    assert installed["Name"] == "castalia"
