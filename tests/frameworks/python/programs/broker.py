"""A broker that consists of files, for the worker and for who sends it tasks."""

from pathlib import Path

from celery import Celery


def connected(folder: str) -> Celery:
    """An application whose messages and results are in this folder."""
    queue, control, results = (Path(folder, name) for name in ("queue", "control", "results"))
    for path in (queue, control, results):
        path.mkdir(exist_ok=True)
    app = Celery("tasks", broker="filesystem://", backend=results.as_uri())
    app.conf.broker_transport_options = {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(control),
        # Seconds between two looks at the folders.
        "polling_interval": 0.05,
    }
    app.conf.worker_hijack_root_logger = False
    return app
