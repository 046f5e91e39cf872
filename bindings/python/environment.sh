#!/usr/bin/env bash
# Creates .venv with the pinned tools that build, lint and test the Python package; does nothing if
# it has them.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${CASTALIA_VENV:-.venv}
pinned=(cargo-zigbuild==0.24.0 maturin==1.16.0 mypy==2.4.1 openfeature-sdk==0.10.0 pyright==1.1.414 pytest==9.2.0 ruff==0.17.5 schemathesis==4.32.5 ziglang==0.17.0)
if [ "$(cat "$venv/castalia-pinned" 2>/dev/null)" != "${pinned[*]}" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "${pinned[@]}"
  echo "${pinned[*]}" >"$venv/castalia-pinned"
fi
