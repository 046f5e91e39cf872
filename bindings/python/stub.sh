#!/usr/bin/env bash
# Writes python/castalia/_native.pyi, the types of the native half, as its Rust code declares them;
# with "check" it only compares.
# usage: stub.sh [check]
set -euo pipefail
cd "$(dirname "$0")"
built=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/debug
kept=python/castalia/_native.pyi
# All targets of the workspace: a part of them unifies other features and would compile the dependencies twice.
cargo build --quiet --workspace --all-targets --features castalia-python/stub
described=$("$built/stub" "$built/lib_native.so")
if [ "${1:-}" != check ]; then echo "$described" >"$kept"; exit; fi
if [ "$described" != "$(cat "$kept")" ]; then
  echo "bindings/python/$kept is not what the source says; run make stub" >&2
  exit 1
fi
