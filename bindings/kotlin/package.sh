#!/usr/bin/env bash
# Builds the jar, with the native library of this platform in it, and its pom, into a directory (target/package). Libraries of other
# platforms come along from the folders {os}-{arch}[-musl] in CASTALIA_NATIVE. PROFILE names the cargo profile (dist).
# With LIBC=musl there is only the library for Alpine, in musl/native of the directory.
# `check` instead builds and runs the example with the packed jar and what Maven has, in an empty folder elsewhere.
# usage: bindings/kotlin/package.sh [check] [DIRECTORY]
set -euo pipefail
mode=build
if [ "${1:-}" = check ]; then mode=check; shift; fi
directory=$(realpath -m "${1:-$(dirname "$0")/../../target/package}")
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
target=$(realpath -m "${CARGO_TARGET_DIR:-../../target}")
name=castalia-client-0.1.0
maven=(mvn --batch-mode --quiet --no-transfer-progress)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

build() {
  BUILT=$("$root/.ci/portable" "${PROFILE:-dist}")
  export BUILT
  if [ "${LIBC:-}" = musl ]; then
    place=$directory/musl/native/linux-$(uname -m)-musl
    mkdir -p "$place"
    strip -x -o "$place/libcastalia_kotlin.so" "$BUILT/libcastalia_kotlin.so"
    return
  fi
  "${maven[@]}" package -Dbuild.folder=target/package -Dmaven.test.skip=true
  if [ -n "${CASTALIA_NATIVE:-}" ]; then
    mkdir "$scratch/native"
    cp -r "$CASTALIA_NATIVE"/* "$scratch/native"
    jar --update --file "target/package/$name.jar" -C "$scratch" native
  fi
  mkdir -p "$directory"
  cp "target/package/$name.jar" "$directory"
  cp pom.xml "$directory/$name.pom"
}

check() {
  cargo build --quiet --workspace --all-targets
  cp ../../examples/kotlin/{pom.xml,*.kt} "$scratch"
  cd "$scratch"
  "${maven[@]}" install:install-file -Dfile="$directory/$name.jar" -DpomFile="$directory/$name.pom"
  "${maven[@]}" compile
  # The library is unpacked here too, so that nothing of an earlier build is used.
  JAVA_TOOL_OPTIONS="-Dcastalia.native.tmpdir=$scratch" CARGO_TARGET_DIR=$target "$root/examples/check.sh" "${maven[@]}" exec:exec
  echo "the packed jar runs the example: $(du -h "$directory/$name.jar" | cut -f1)"
}

$mode
