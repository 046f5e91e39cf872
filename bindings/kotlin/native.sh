#!/usr/bin/env bash
# Builds the native library and checks that its Kotlin half is up to date; called by Maven. BUILT is a
# directory with an existing library.
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
  cargo build --quiet --profile "$1" "${packages[@]}"
fi
./generate.sh check

machine=$(uname -m)
case $(uname -s) in
  Linux) library=libcastalia_kotlin.so platform=linux-${machine/arm64/aarch64} ;;
  Darwin) library=libcastalia_kotlin.dylib platform=macos-${machine/arm64/aarch64} ;;
  *) library=castalia_kotlin.dll platform=windows-$machine ;;
esac
if compgen -G '/lib/ld-musl-*' >/dev/null && ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then platform+=-musl; fi

out=${2:?name a folder for the library}
rm -rf "$out/native"
mkdir -p "$out/native/$platform"
cp "$BUILT/$library" "$out/native/$platform/"
strip -x "$out/native/$platform/$library"
