#!/usr/bin/env bash
# Builds the wheel into a directory (target/package), and proves that it works: installed into a new environment elsewhere it runs
# the example. PROFILE names the cargo profile (dist).
# usage: bindings/python/package.sh [DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
directory=$(realpath -m "${1:-target/package}")
venv=${CASTALIA_VENV:-$root/.venv}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

bindings/python/environment.sh
VIRTUAL_ENV=$venv "$venv/bin/maturin" build --quiet --profile "${PROFILE:-dist}" -m bindings/python/Cargo.toml \
  --interpreter "$venv/bin/python" --out "$scratch" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
wheel=$(basename "$scratch"/castalia-*.whl)
[[ $wheel == *-cp39-abi3-* ]] || { echo "bindings/python/package.sh: $wheel is not for Python 3.9 and later" >&2; exit 1; }
mkdir -p "$directory"
rm -f "$directory"/castalia-*.whl
cp "$scratch/$wheel" "$directory"

python3 -m venv "$scratch/elsewhere"
"$scratch/elsewhere/bin/pip" install --quiet --disable-pip-version-check --no-index "$directory/$wheel"
cp examples/python/hello.py "$scratch"
cd "$scratch"
"$root/examples/check.sh" elsewhere/bin/python -u hello.py
echo "$wheel: $(du -h "$directory/$wheel" | cut -f1), runs the Python example"
