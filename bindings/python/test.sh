#!/usr/bin/env bash
# Builds the Python package into .venv, then formats, lints, type-checks and tests it.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
venv=${CASTALIA_VENV:-$root/.venv}
pinned=(maturin==1.16.0 mypy==2.4.1 pyright==1.1.414 pytest==9.2.0 ruff==0.17.5)

if [ "$(cat "$venv/castalia-pinned" 2>/dev/null)" != "${pinned[*]}" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "${pinned[@]}"
  echo "${pinned[*]}" >"$venv/castalia-pinned"
fi
export VIRTUAL_ENV=$venv PATH="$venv/bin:$PATH" PYRIGHT_PYTHON_IGNORE_WARNINGS=1

cargo build --quiet -p castalia-contract
maturin develop --quiet >"$venv/maturin.log" 2>&1 || { cat "$venv/maturin.log"; exit 1; }
ruff format --quiet --check .
ruff check --quiet .
mypy --no-error-summary
pyright >"$venv/pyright.log" || { cat "$venv/pyright.log"; exit 1; }
pytest
