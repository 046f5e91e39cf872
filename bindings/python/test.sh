#!/usr/bin/env bash
# Builds the Python package into .venv, then formats, lints, type-checks and tests it.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
venv=${CASTALIA_VENV:-$root/.venv}

./environment.sh
./stub.sh check
export VIRTUAL_ENV=$venv PATH="$venv/bin:$PATH" PYRIGHT_PYTHON_IGNORE_WARNINGS=1

# Not by maturin: it would compile the dependencies again with other features. package.sh tests the
# wheel.
cargo build --quiet --workspace --all-targets
packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
rm -rf "$packages/castalia"
cp -r python/castalia "$packages"
cp "${CARGO_TARGET_DIR:-$root/target}/debug/lib_native.so" "$packages/castalia/_native.abi3.so"
ruff format --quiet --check .
ruff check --quiet .
mypy --no-error-summary
pyright >"$venv/pyright.log" || { cat "$venv/pyright.log"; exit 1; }
pytest
