"""The process around the client: its exit, forks, and hosts without threads."""

from __future__ import annotations

import atexit
import os
import sys
import warnings

from castalia import _native

_PATIENCE_AT_EXIT = 1.0
"""Seconds that the end of the interpreter waits for listeners that still run."""


def prepare() -> None:
    """Ensures that no thread of the client enters Python after it has ended."""
    atexit.register(_native.shut, _PATIENCE_AT_EXIT)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_native.before_fork,
            after_in_parent=_native.after_fork,
            after_in_child=_native.forked,
        )
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is not None and not getattr(uwsgi, "opt", {}).get("enable-threads"):
        warnings.warn(
            "uWSGI runs without --enable-threads: no change will be heard of", stacklevel=2
        )
