#!/usr/bin/env bash
# Builds the jar, with the native library of this platform in it, and its pom, into a directory (target/package). Libraries of other
# platforms come along from the folders {os}-{arch}[-musl] in CASTALIA_NATIVE. PROFILE names the cargo profile (dist).
# `check` instead builds and runs the example with the packed jar and what Maven has, in an empty folder elsewhere.
# usage: bindings/kotlin/package.sh [check] [DIRECTORY]
set -euo pipefail
mode=build
if [ "${1:-}" = check ]; then mode=check; shift; fi
directory=$(realpath -m "${1:-$(dirname "$0")/../../target/package}")
cd "$(dirname "$0")"
target=$(realpath -m "${CARGO_TARGET_DIR:-../../target}")
name=castalia-client-0.1.0
maven=(mvn --batch-mode --quiet --no-transfer-progress)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

build() {
  "${maven[@]}" package -Dcargo.profile="${PROFILE:-dist}" -Dbuild.folder=target/package -Dmaven.test.skip=true
  if [ -n "${CASTALIA_NATIVE:-}" ]; then
    mkdir "$scratch/native"
    cp -r "$CASTALIA_NATIVE"/* "$scratch/native"
    jar --update --file "target/package/$name.jar" -C "$scratch" native
  fi
  mkdir -p "$directory"
  cp "target/package/$name.jar" "$directory"
  cp pom.xml "$directory/$name.pom"
}

# Waits until a text is in what the example printed.
printed() {
  for _ in {1..600}; do
    if grep -qs "$1" "$scratch/output"; then return; fi
    sleep 0.1
  done
  echo "the example did not print '$1': $(cat "$scratch/output")" >&2
  return 1
}

check() {
  cargo build --quiet --workspace --all-targets
  cp ../../examples/kotlin/* "$scratch"
  cd "$scratch"
  "${maven[@]}" install:install-file -Dfile="$directory/$name.jar" -DpomFile="$directory/$name.pom"
  "${maven[@]}" compile
  coproc "$target/debug/castalia-scripted"
  local server=("${COPROC[@]}") url answer
  read -r _ url <&"${server[0]}"
  echo publish application greeting hello >&"${server[1]}" && read -r answer <&"${server[0]}"
  # The library is unpacked here too, so that nothing of an earlier build is used.
  JAVA_TOOL_OPTIONS="-Dcastalia.native.tmpdir=$scratch" APP_ID=order APOLLO_META=$(printf %b "${url//%/\\x}") \
    APOLLO_CACHE_FILE_ENABLE=false "${maven[@]}" exec:exec >output 2>&1 &
  printed 'greeting = hello (from REMOTE)'
  echo publish application greeting morning >&"${server[1]}" && read -r answer <&"${server[0]}"
  printed 'MODIFIED greeting: hello -> morning'
  wait $!
  echo "the packed jar runs the example: $(du -h "$directory/$name.jar" | cut -f1), $answer"
}

$mode
