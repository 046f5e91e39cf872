"""Every worker that Celery forked follows the server of Castalia, and ends when Celery does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from conftest import DEADLINE, PROGRAMS, Answer, Framework, Place

sys.path.append(str(PROGRAMS))
from broker import connected

WORKER = ["celery", "-A", "celery_tasks", "worker", "--pool", "prefork", "--concurrency", "2"]


def test_every_worker_of_celery_follows(
    place: Place, start: Callable[[list[str]], Framework], tmp_path: Path
) -> None:
    place.publish("hello")
    sender = connected(str(tmp_path))
    celery = start(WORKER)

    def read() -> list[Answer]:
        tasks = [sender.send_task("celery_tasks.read") for _ in range(4)]
        return [task.get(timeout=DEADLINE, interval=0.02) for task in tasks]

    before = celery.shows(2, read, "hello", [])
    place.publish("good morning")
    assert celery.shows(2, read, "good morning", ["good morning"]) == before
    celery.stop()
