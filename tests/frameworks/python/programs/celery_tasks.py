"""Opens its client when it is imported, before Celery forks its workers."""

import os
import time
from typing import Any

import castalia
from broker import connected

app = connected(os.environ["BROKER_FOLDER"])
config = castalia.Client().config("application")
heard: list[str] = []


@config.on_change(keys=["greeting"])
def _(event: castalia.ChangeEvent) -> None:
    heard.append(event.changes["greeting"].new_value or "")


@app.task
def read() -> dict[str, Any]:
    """Busy for a moment, so that another worker takes the next task."""
    time.sleep(0.05)
    return {"worker": os.getpid(), "greeting": config["greeting"], "heard": heard}
