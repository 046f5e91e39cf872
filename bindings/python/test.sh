#!/usr/bin/env bash
# Builds the Python package into .venv, then formats, lints, type-checks and tests it.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
venv=${CASTALIA_VENV:-$root/.venv}

./environment.sh
export VIRTUAL_ENV=$venv PATH="$venv/bin:$PATH" PYRIGHT_PYTHON_IGNORE_WARNINGS=1

cargo build --quiet --workspace --all-targets
maturin develop --quiet >"$venv/maturin.log" 2>&1 || { cat "$venv/maturin.log"; exit 1; }
ruff format --quiet --check .
ruff check --quiet .
mypy --no-error-summary
pyright >"$venv/pyright.log" || { cat "$venv/pyright.log"; exit 1; }
pytest
