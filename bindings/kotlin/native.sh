#!/usr/bin/env bash
# Builds the native library and generates its Kotlin half; called by Maven. BUILT is a directory
# with an existing library.
# usage: native.sh dev|dist FOLDER
set -euo pipefail
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}
if [ -z "${BUILT:-}" ]; then
  case ${1:?name a cargo profile: dev or dist} in
    dev)
      # The whole workspace: a part of it unifies other features and would compile the dependencies
      # twice.
      BUILT=$target/debug packages=(--workspace --all-targets) ;;
    *) BUILT=$target/$1 packages=(-p castalia-kotlin) ;;
  esac
  # The generator reads symbols; the copy in the jar is stripped.
  CARGO_PROFILE_DIST_STRIP=none cargo build --quiet --profile "$1" "${packages[@]}"
fi
cargo build --quiet --workspace --features castalia-kotlin/bindgen --bin bindgen

machine=$(uname -m)
case $(uname -s) in
  Linux) library=libcastalia_kotlin.so platform=linux-${machine/arm64/aarch64} ;;
  Darwin) library=libcastalia_kotlin.dylib platform=macos-${machine/arm64/aarch64} ;;
  *) library=castalia_kotlin.dll platform=windows-$machine ;;
esac
if compgen -G '/lib/ld-musl-*' >/dev/null && ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then platform+=-musl; fi

out=${2:?name a folder for what is generated}
rm -rf "$out/generated" "$out/native"
"$target/debug/bindgen" generate --language kotlin --no-format --out-dir "$out/generated" "$BUILT/$library"
# io/castalia/ffi/Waiting.kt has its own versions of the two names of kotlinx.coroutines that the
# generated code uses, so that the jar runs without that library.
sed -i '/^import kotlinx\.coroutines\./d' "$out/generated/io/castalia/ffi/castalia.kt"
mkdir -p "$out/native/$platform"
cp "$BUILT/$library" "$out/native/$platform/"
strip -x "$out/native/$platform/$library"
