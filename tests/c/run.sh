#!/usr/bin/env bash
# Builds libcastalia, then builds and runs the C and C++ tests under the address and
# undefined-behaviour sanitizers (T08: memory is freed by the side that allocated it). `run.sh install`
# only installs what it needs.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
built=$target/c-tests
mkdir -p "$built"

missing=()
for tool in cmake pkg-config valgrind; do
  command -v $tool >/dev/null || missing+=($tool)
done
[ ${#missing[@]} -eq 0 ] || .ci/apt "${missing[@]}"
[ "${1:-}" != install ] || exit 0
# The whole workspace: a part of it unifies other features and would compile the dependencies twice.
cargo build --quiet --workspace --all-targets

ln -sf ../debug/libcastalia.so "$built/libcastalia.so.1"
ln -sf ../debug/libcastalia.so "$built/libcastalia.so"
export LD_LIBRARY_PATH=$built RUST_BACKTRACE=0
# Of the clients, in milliseconds: this machine may stop for seconds, and valgrind is slow.
export APOLLO_CONNECT_TIMEOUT=60000 APOLLO_READ_TIMEOUT=60000 APOLLO_DISCOVERY_CONNECT_TIMEOUT=60000
export APOLLO_DISCOVERY_READ_TIMEOUT=60000 CASTALIA_START_TIMEOUT=60000
common=(-g -O1 -Wall -Wextra -Wpedantic -Werror -fsanitize=address,undefined -fno-sanitize-recover=all
  -Iinclude -L"$built")

build() { # name, compiler, flags and sources
  local name=$1 compiler=$2
  shift 2
  "$compiler" "${common[@]}" "$@" -o "$built/$name" -lcastalia -pthread
}

expect() { # expected exit code, command; prints the log if the code differs
  local expected=$1 code=0
  shift
  "$@" >"$built/log" 2>&1 || code=$?
  [ $code = "$expected" ] || { cat "$built/log"; echo "$* ended with $code"; exit 1; }
}

c11=(cc -std=c11 -D_GNU_SOURCE)
for test in smoke values misuse lifecycle access_key listen exit contract fuzz testing; do
  build "$test-c" "${c11[@]}" "tests/c/$test.c"
done
for test in smoke reads listen exit contract testing; do
  build "$test-cpp" c++ -std=c++17 "tests/cpp/$test.cpp"
done
# T58
for test in smoke reads; do
  build "$test-cpp-no-exceptions" c++ -std=c++17 -fno-exceptions -fno-rtti "tests/cpp/$test.cpp"
done
# Without sanitizers: their allocator may be locked for ever in a forked child.
build fork-c "${c11[@]}" -fno-sanitize=all tests/c/fork.c
build fork-cpp c++ -std=c++17 -fno-sanitize=all tests/cpp/fork.cpp

for test in {smoke,values,misuse,lifecycle,access_key,listen,fork,testing}-c {smoke,reads,listen,fork,testing}-cpp \
  {smoke,reads}-cpp-no-exceptions; do
  expect 0 "$target/debug/castalia-scripted" "$built/$test"
done
for test in contract-c contract-cpp; do
  expect 0 "$target/debug/castalia-contract" "$built/$test"
done
# Random calls; `CASTALIA_TEST_FUZZ=600` for a long run.
expect 0 "$target/debug/castalia-scripted" "$built/fuzz-c" "${CASTALIA_TEST_FUZZ:-3}"

# Programs that exit while events arrive and never close anything.
for _ in $(seq "${CASTALIA_TEST_REPEAT:-10}"); do
  expect 7 "$target/debug/castalia-scripted" "$built/exit-c"
  expect 7 "$target/debug/castalia-scripted" "$built/exit-cpp"
done

# valgrind also checks the Rust side of the border, which the sanitizers do not.
for test in smoke lifecycle; do
  build "plain-$test-c" "${c11[@]}" -fno-sanitize=all "tests/c/$test.c"
  expect 0 "$target/debug/castalia-scripted" valgrind --quiet --error-exitcode=9 --leak-check=full \
    --show-leak-kinds=definite --errors-for-leak-kinds=definite "$built/plain-$test-c"
done

tests/c/installed.sh
