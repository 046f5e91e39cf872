"""Rejects sub-interpreters: threads of the client only know the main one."""

from __future__ import annotations

import importlib

for _name in ("_interpreters", "_xxsubinterpreters"):
    try:
        _interpreters = importlib.import_module(_name)
    except ImportError:
        continue
    if _interpreters.get_current() != _interpreters.get_main():
        raise ImportError("castalia works in the main interpreter only")
    break
