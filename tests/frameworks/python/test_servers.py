"""Every worker of a web server follows the server of Castalia, and ends when its framework does."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from conftest import LISTENING, Framework, Place, get

# A worker that does not end must outlast the deadline instead of being killed without a word.
GUNICORN = ["gunicorn", "--bind", "127.0.0.1:0", "--graceful-timeout", "600", "--timeout", "600"]
UVICORN = ["uvicorn", "fastapi_site:app"]
PRELOADED = [*GUNICORN, "--workers", "2", "--preload"]
ASGI = ["--worker-class", "uvicorn_worker.UvicornWorker"]

COMMANDS = {
    "gunicorn": [*GUNICORN, "--workers", "2", "flask_site:app"],
    "gunicorn-preload": [*PRELOADED, "flask_site:app"],
    "gunicorn-gthread": [*PRELOADED, "--worker-class", "gthread", "flask_site:app"],
    "gunicorn-gevent": [*GUNICORN, "--workers", "2", "--worker-class", "gevent", "flask_site:app"],
    "gunicorn-gevent-preload": [*PRELOADED, "--worker-class", "gevent", "flask_site:app"],
    "gunicorn-django": [*GUNICORN, "--workers", "2", "django_site"],
    "gunicorn-django-preload": [*PRELOADED, "django_site"],
    "gunicorn-fastapi": [*GUNICORN, "--workers", "2", *ASGI, "fastapi_site:app"],
    "uvicorn": [*UVICORN, "--port", "0"],
    # It does not say which free port it has chosen.
    "uvicorn-workers": [*UVICORN, "--workers", "2", "--fd", LISTENING],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_worker_follows(
    name: str, place: Place, start: Callable[[list[str]], Framework]
) -> None:
    workers = 1 if name == "uvicorn" else 2
    place.publish("hello")
    framework = start(COMMANDS[name])
    url = framework.url()
    before = framework.shows(workers, lambda: get(url), "hello", [])
    place.publish("good morning")
    after = framework.shows(workers, lambda: get(url), "good morning", ["good morning"])
    assert before == after
    # Uvicorn ends itself with the signal that it received.
    framework.stop(codes=(0, -signal.SIGTERM) if name == "uvicorn" else (0,))


def test_a_worker_that_replaces_another_follows(
    place: Place, start: Callable[[list[str]], Framework]
) -> None:
    place.publish("hello")
    framework = start([*PRELOADED, "flask_site:app"])
    url = framework.url()
    before = framework.shows(2, lambda: get(url), "hello", [])
    place.publish("good morning")
    framework.shows(2, lambda: get(url), "good morning", ["good morning"])

    def shows(greeting: str) -> bool:
        return any(
            answer["worker"] not in before and answer["greeting"] == greeting for answer in get(url)
        )

    os.kill(min(before), signal.SIGTERM)
    framework.until("a new worker shows good morning", lambda: shows("good morning"))
    place.publish("good night")
    framework.until("a new worker shows good night", lambda: shows("good night"))
    framework.stop()
