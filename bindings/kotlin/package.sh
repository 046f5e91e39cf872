#!/usr/bin/env bash
# Builds the jar, with the native library of this platform in it, the starter for Spring Boot, and their poms, sources and javadoc, into a
# directory (target/package). Libraries of other
# platforms come along from the folders {os}-{arch}[-musl] in CASTALIA_NATIVE. PROFILE names the cargo profile (dist).
# With LIBC=musl there is only the library for Alpine, in musl/native of the directory.
# `check` instead builds and runs the examples with the packed jars and what Maven has, in empty folders elsewhere.
# usage: bindings/kotlin/package.sh [check] [DIRECTORY]
set -euo pipefail
mode=build
if [ "${1:-}" = check ]; then mode=check; shift; fi
directory=$(realpath -m "${1:-$(dirname "$0")/../../target/package}")
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
target=$(realpath -m "${CARGO_TARGET_DIR:-../../target}")
name=castalia-client-0.1.0
starter=castalia-spring-boot-starter-0.1.0
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
  local more=()
  # Dokka is a large download, and nothing runs what it makes: only what is to be published has it.
  [ -n "${PROFILE:-}" ] || more+=(-Pjavadoc)
  "${maven[@]}" --file ../pom.xml package "${more[@]}" -Dbuild.folder=target/package -Dmaven.test.skip=true
  if [ -n "${CASTALIA_NATIVE:-}" ]; then
    mkdir "$scratch/native"
    cp -r "$CASTALIA_NATIVE"/* "$scratch/native"
    jar --update --file "target/package/$name.jar" -C "$scratch" native
  fi
  mkdir -p "$directory"
  cp target/package/$name*.jar ../spring/target/package/$starter*.jar "$directory"
  cp pom.xml "$directory/$name.pom"
  cp ../spring/pom.xml "$directory/$starter.pom"
}

check() {
  cargo build --quiet --workspace --all-targets
  for packed in $name $starter; do
    "${maven[@]}" install:install-file -Dfile="$directory/$packed.jar" -DpomFile="$directory/$packed.pom"
  done
  # The library is unpacked here too, so that nothing of an earlier build is used.
  export JAVA_TOOL_OPTIONS="-Dcastalia.native.tmpdir=$scratch" CARGO_TARGET_DIR=$target
  for example in kotlin spring; do
    cp -r ../../examples/$example "$scratch/$example"
    rm -rf "$scratch/$example/target"
    (cd "$scratch/$example" && "${maven[@]}" compile && "$root/examples/check.sh" "${maven[@]}" exec:exec)
  done
  echo "the packed jars run the examples: $(cd "$directory" && du -h $name.jar $starter.jar | tr '\t\n' '  ')"
}

$mode
