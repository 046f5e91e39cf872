"""The cases that hold in every language."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import TARGET

DRIVER = Path(__file__).with_name("contract_driver.py")


def test_every_case_of_the_contract_holds() -> None:
    runner = [str(TARGET / "debug" / "castalia-contract"), sys.executable, str(DRIVER)]
    done = subprocess.run(runner, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout
