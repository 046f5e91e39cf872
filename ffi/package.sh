#!/usr/bin/env bash
# Packs library, headers and package files for C and C++ into a directory (target/package), and proves that they work: unpacked
# elsewhere, both examples build with pkg-config and run. PROFILE names the cargo profile (dist).
# usage: ffi/package.sh [DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
directory=$(realpath -m "${1:-target/package}")
profile=${PROFILE:-dist}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
name=castalia-c-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

built=$(.ci/portable "$profile")
PREFIX=$scratch/$name BUILT=$built ffi/install.sh
[ "$profile" = dev ] || strip --strip-debug "$scratch/$name/lib/libcastalia.a"
strip --strip-all "$scratch/$name/lib/libcastalia.so"
cp LICENSE ffi/README.md "$scratch/$name"
mkdir -p "$directory"
tar -C "$scratch" -czf "$directory/$name.tar.gz" "$name"

mkdir "$scratch/elsewhere"
tar -C "$scratch/elsewhere" -xzf "$directory/$name.tar.gz"
export PKG_CONFIG_PATH=$scratch/elsewhere/$name/lib/pkgconfig LD_LIBRARY_PATH=$scratch/elsewhere/$name/lib
cp examples/c/hello.c examples/cpp/hello.cpp "$scratch/elsewhere"
cd "$scratch/elsewhere"
read -ra flags <<<"$(pkg-config --cflags --libs castalia)"
"${CC:-cc}" hello.c -o hello-c "${flags[@]}"
"${CXX:-c++}" -std=c++17 hello.cpp -o hello-cpp "${flags[@]}"
for program in hello-c hello-cpp; do
  "$root/examples/check.sh" "./$program"
done
echo "$name.tar.gz: $(du -h "$directory/$name.tar.gz" | cut -f1), runs the C and C++ examples"
