#!/usr/bin/env bash
# Packs library, headers and package files for C and C++ into a directory (target/package), then
# checks them: unpacked elsewhere, both examples build with pkg-config and run. PROFILE is the cargo
# profile (dist). With LIBC=musl the archive is for Alpine; the C example is then tested if musl-gcc
# is installed (Debian: apt-get install musl-tools).
# usage: ffi/package.sh [DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
directory=$(realpath -m "${1:-target/package}")
profile=${PROFILE:-dist}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
name=castalia-c-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)${LIBC:+-$LIBC}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

built=$(.ci/portable "$profile")
PREFIX=$scratch/$name BUILT=$built ffi/install.sh
[ "$profile" = dev ] || strip --strip-debug "$scratch/$name/lib/libcastalia.a"
strip --strip-all "$scratch/$name/lib/libcastalia.so"
.ci/parts write "$directory"
cp LICENSE ffi/README.md "$scratch/$name"
cp "$directory/castalia-client-third-party.txt" "$scratch/$name/THIRD-PARTY.txt"
tar -C "$scratch" -czf "$directory/$name.tar.gz" "$name"

mkdir "$scratch/elsewhere"
tar -C "$scratch/elsewhere" -xzf "$directory/$name.tar.gz"
export PKG_CONFIG_PATH=$scratch/elsewhere/$name/lib/pkgconfig LD_LIBRARY_PATH=$scratch/elsewhere/$name/lib
cp examples/c/hello.c examples/cpp/hello.cpp "$scratch/elsewhere"
cd "$scratch/elsewhere"
read -ra flags <<<"$(pkg-config --cflags --libs castalia)"
tried=()
try() { # language, compiler and its options
  local language=$1
  shift
  "$@" -o "hello-$language" "${flags[@]}"
  "$root/examples/check.sh" "./hello-$language"
  tried+=("$language")
}
if [ "${LIBC:-}" != musl ]; then
  try c "${CC:-cc}" hello.c
  try cpp "${CXX:-c++}" -std=c++17 hello.cpp
elif [ -n "$(command -v musl-gcc)" ]; then
  try c musl-gcc hello.c
fi
echo "$name.tar.gz: $(du -h "$directory/$name.tar.gz" | cut -f1), runs the examples in: ${tried[*]}"
