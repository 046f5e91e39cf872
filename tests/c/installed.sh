#!/usr/bin/env bash
# Installs the library into a new directory, moves that, and builds and runs programs with it as
# users would: with pkg-config and CMake, shared and static. Then checks which symbols the library
# exports and which libraries it needs.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
target=$(realpath "${CARGO_TARGET_DIR:-target}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "tests/c/installed.sh: $*" >&2; exit 1; }

PREFIX=$scratch/first PROFILE=${PROFILE:-dev} ffi/install.sh
mv "$scratch/first" "$scratch/moved"
export PKG_CONFIG_PATH=$scratch/moved/lib/pkgconfig LD_LIBRARY_PATH=$scratch/moved/lib RUST_BACKTRACE=0
smoke=("$root/tests/c/smoke.c" -std=c11 -D_GNU_SOURCE -pthread)

# T61: found by pkg-config, shared and static.
# shellcheck disable=SC2046
cc "${smoke[@]}" -o "$scratch/shared" $(pkg-config --cflags --libs castalia)
# shellcheck disable=SC2046
cc "${smoke[@]}" -o "$scratch/static" $(pkg-config --cflags castalia) "$scratch/moved/lib/libcastalia.a" \
  $(pkg-config --libs --static castalia | sed 's/-lcastalia//')
[[ $(ldd "$scratch/shared") == *'libcastalia.so.1 => '* ]] || fail "the soname is not libcastalia.so.1"
[[ $(ldd "$scratch/static") != *castalia* ]] || fail "the static program needs the shared library"

# T61: found by CMake, shared and static.
cat >"$scratch/CMakeLists.txt" <<EOF
cmake_minimum_required(VERSION 3.16)
project(consumer C CXX)
find_package(castalia 0.1 REQUIRED)
foreach(kind shared static)
  add_executable(c_\${kind} $root/tests/c/smoke.c)
  set_target_properties(c_\${kind} PROPERTIES C_STANDARD 11)
  target_link_libraries(c_\${kind} castalia::\${kind} pthread)
  add_executable(cpp_\${kind} $root/tests/cpp/smoke.cpp)
  set_target_properties(cpp_\${kind} PROPERTIES CXX_STANDARD 17)
  target_link_libraries(cpp_\${kind} castalia::\${kind} pthread)
endforeach()
EOF
cmake -S "$scratch" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/moved" >"$scratch/cmake.log" 2>&1 &&
  cmake --build "$scratch/build" >>"$scratch/cmake.log" 2>&1 || { cat "$scratch/cmake.log"; exit 1; }
for program in shared static build/{c,cpp}_{shared,static}; do
  "$target/debug/castalia-scripted" "$scratch/$program" || fail "$program does not run"
done

# T54: only castalia_* is exported.
library=$scratch/moved/lib/libcastalia.so.1
others=$(nm -D --defined-only "$library" | awk '{print $3}' | grep -v '^castalia_' || true)
[ -z "$others" ] || fail "exported beside castalia_*: $others"

# T55, T46: neither OpenSSL nor any other unexpected library.
needed=$(objdump -p "$library" | awk '/NEEDED/ {print $2}' | grep -vE '^(libc|libm|libgcc_s|libdl|libpthread|librt|ld-linux.*)\.so' || true)
[ -z "$needed" ] || fail "needs $needed"

# T53, T62: a header with another major version, or a newer minor version, is refused.
for version in 131072 65537; do
  mkdir -p "$scratch/doctored"
  sed "s/CASTALIA_ABI_VERSION 65536/CASTALIA_ABI_VERSION $version/" "$scratch/moved/include/castalia.h" >"$scratch/doctored/castalia.h"
  printf '#include "castalia.h"\nint main(void) { return castalia_abi_fits(); }\n' >"$scratch/fits.c"
  cc -I"$scratch/doctored" "$scratch/fits.c" -o "$scratch/fits" -L"$scratch/moved/lib" -lcastalia
  "$scratch/fits" || fail "a header with interface $version fits"
done

# T13: no type whose size depends on the compiler; C99 is enough.
! grep -nwE 'bool|_Bool|long|enum|time_t|size_t \w+\(' "$scratch/moved/include/castalia.h" | grep -v '^[0-9]*: *\*' | grep -v 'castalia_snapshot_get_long' ||
  fail "a type of no fixed size"
cc -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$scratch/moved/include" tests/c/layout.c -o "$scratch/layout" -L"$scratch/moved/lib" -lcastalia
"$scratch/layout"

# T49
cc -std=c11 -D_GNU_SOURCE -Iinclude tests/c/unload.c -o "$scratch/unload" -ldl
"$scratch/unload" "$library"
