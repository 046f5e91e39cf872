"""Opens its client when it is imported: in the workers, or before their fork with --preload."""

import os
import time
from typing import Any

import castalia
from flask import Flask

app = Flask(__name__)
client = castalia.Client()
config = client.config("application")
heard: list[str] = []


@config.on_change(keys=["greeting"])
def _(event: castalia.ChangeEvent) -> None:
    heard.append(event.changes["greeting"].new_value or "")


@app.get("/")
def read() -> dict[str, Any]:
    """Busy for a moment, so that another worker takes the next request."""
    time.sleep(0.05)
    return {"worker": os.getpid(), "greeting": config["greeting"], "heard": heard}
