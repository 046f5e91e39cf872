#!/usr/bin/env bash
# Writes generated/, the Kotlin half of the native library, as its Rust code declares it. The generator takes
# a minute to compile, so "check" only compares a checksum of what it reads.
# usage: generate.sh [check]
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
kept=generated/io/castalia/ffi/castalia.kt
read -r sources _ < <({ cat src/*.rs uniffi.toml; grep -A 1 '^name = "uniffi' "$root/Cargo.lock"; } | cksum)
if [ "${1:-}" = check ]; then
  # The library of a package would not be loaded: generated/ is written for a debug build.
  if grep -n 'cfg(.*debug_assertions' src/*.rs; then
    echo "bindings/kotlin: debug and release builds must have the same functions" >&2
    exit 1
  fi
  if ! grep -qx "// Generated from sources with the checksum $sources; make kotlin-calls writes it." $kept; then
    echo "bindings/kotlin/$kept is not what the source says; run make kotlin-calls" >&2
    exit 1
  fi
  exit
fi
built=${CARGO_TARGET_DIR:-$root/target}/debug
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The whole workspace: a part of it unifies other features and would compile the dependencies twice.
cargo build --quiet --workspace --all-targets
cargo build --quiet --workspace --features castalia-kotlin/bindgen --bin bindgen
"$built/bindgen" generate --language kotlin --no-format --out-dir "$scratch" "$built/libcastalia_kotlin.so"
mkdir -p "$(dirname $kept)"
{
  echo "// Generated from sources with the checksum $sources; make kotlin-calls writes it."
  # io/castalia/ffi/Waiting.kt has its own versions of the two names of kotlinx.coroutines that the
  # generated code uses, so that the jar runs without that library.
  sed '/^import kotlinx\.coroutines\./d' "$scratch/io/castalia/ffi/castalia.kt"
} >$kept
