#!/usr/bin/env bash
# Builds libcastalia, then builds and runs the C and C++ tests under the address and undefined-behaviour sanitizers.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
built=$target/c-tests
mkdir -p "$built"
cargo build --quiet -p castalia-ffi -p castalia-contract

ln -sf ../debug/libcastalia.so "$built/libcastalia.so.1"
ln -sf ../debug/libcastalia.so "$built/libcastalia.so"
export LD_LIBRARY_PATH=$built RUST_BACKTRACE=0
common=(-g -O1 -Wall -Wextra -Wpedantic -Werror -fsanitize=address,undefined -fno-sanitize-recover=all
  -Iinclude -L"$built")

run() { # name, compiler, flags and sources
  local name=$1
  shift
  "$@" "${common[@]}" -o "$built/$name" -lcastalia -pthread
  "$target/debug/castalia-scripted" "$built/$name" 2>"$built/$name.log" || { cat "$built/$name.log"; exit 1; }
}

c11=(cc -std=c11 -D_GNU_SOURCE)
for test in smoke values misuse listen fork; do
  run "$test-c" "${c11[@]}" "tests/c/$test.c"
done
run smoke-cpp c++ -std=c++17 tests/cpp/smoke.cpp
run smoke-cpp-no-exceptions c++ -std=c++17 -fno-exceptions -fno-rtti tests/cpp/smoke.cpp

contract() { # name, compiler, flags and sources
  local name=$1
  shift
  "$@" "${common[@]}" -o "$built/$name" -lcastalia -pthread
  "$target/debug/castalia-contract" "$built/$name" >"$built/$name.log" || { cat "$built/$name.log"; exit 1; }
}

contract contract-c "${c11[@]}" tests/c/contract.c
contract contract-cpp c++ -std=c++17 tests/cpp/contract.cpp
