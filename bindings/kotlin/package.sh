#!/usr/bin/env bash
# Builds the jar with the native library of this platform, the Spring Boot starter, and their poms,
# sources and javadoc into a directory (target/package). CASTALIA_NATIVE is a directory with
# libraries of other platforms to include, in subdirectories {os}-{arch}[-musl]. PROFILE is the
# cargo profile (dist); with another one there is no javadoc.
# With LIBC=musl only the library for Alpine is built, in musl/native of the directory.
# `check` looks for licence, sources and javadoc in the packed jars, then builds and runs the examples
# with them and the artifacts in Maven's repository, in empty directories elsewhere.
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

# Dokka is a large download and takes long, so only a release build has javadoc.
is_documented() { [ -z "${PROFILE:-}" ]; }

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
  if is_documented; then more+=(-Pjavadoc); fi
  "${maven[@]}" --file ../pom.xml package "${more[@]}" -Dbuild.folder=target/package -Dmaven.test.skip=true
  if [ -n "${CASTALIA_NATIVE:-}" ]; then
    mkdir "$scratch/native"
    cp -r "$CASTALIA_NATIVE"/* "$scratch/native"
    jar --update --file "target/package/$name.jar" -C "$scratch" native
  fi
  "$root/.ci/parts" write "$directory"
  mkdir "$scratch/META-INF"
  cp "$directory/castalia-client-third-party.txt" "$scratch/META-INF/THIRD-PARTY.txt"
  jar --update --file "target/package/$name.jar" -C "$scratch" META-INF/THIRD-PARTY.txt
  cp target/package/$name*.jar ../spring/target/package/$starter*.jar "$directory"
  cp pom.xml "$directory/$name.pom"
  cp ../spring/pom.xml "$directory/$starter.pom"
}

# Fails unless a packed jar has this file.
contains() { # jar, file
  jar --list --file "$directory/$1" | grep -Fx "$2" >/dev/null || { echo "$1 has no $2" >&2; exit 1; }
}

check() {
  local packed
  for packed in $name $starter; do
    contains "$packed.jar" META-INF/LICENSE
    contains "$packed-sources.jar" META-INF/LICENSE
  done
  contains "$name-sources.jar" io/castalia/Client.kt
  contains "$starter-sources.jar" io/castalia/spring/Bootstrap.java
  if is_documented; then
    contains "$name-javadoc.jar" io/castalia/Client.html
    contains "$starter-javadoc.jar" io/castalia/spring/Bootstrap.html
  fi
  cargo build --quiet --workspace --all-targets
  for packed in $name $starter; do
    "${maven[@]}" install:install-file -Dfile="$directory/$packed.jar" -DpomFile="$directory/$packed.pom"
  done
  # Unpack the native library here too, so that none of an earlier build is used.
  export JAVA_TOOL_OPTIONS="-Dcastalia.native.tmpdir=$scratch" CARGO_TARGET_DIR=$target
  for example in kotlin spring; do
    cp -r ../../examples/$example "$scratch/$example"
    rm -rf "$scratch/$example/target"
    (cd "$scratch/$example" && "${maven[@]}" compile && "$root/examples/check.sh" "${maven[@]}" exec:exec)
  done
  echo "the packed jars run the examples: $(cd "$directory" && du -h $name.jar $starter.jar | tr '\t\n' '  ')"
}

$mode
