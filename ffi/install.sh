#!/usr/bin/env bash
# Installs library, headers and package files. PREFIX (/usr/local) is the final location, DESTDIR is
# prepended to it. PROFILE is the cargo profile (dist); BUILT is a directory with existing
# libraries.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${DESTDIR:-}${PREFIX:-/usr/local}
profile=${PROFILE:-dist}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
# Libraries that a program with the static library has to link, as printed by `rustc --print
# native-static-libs`.
native="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"

if [ -z "${BUILT:-}" ]; then
  BUILT=${CARGO_TARGET_DIR:-target}/$([ "$profile" = dev ] && echo debug || echo "$profile")
  # Tests always build the whole workspace: a part of it unifies other features and would compile
  # the dependencies twice.
  packages=(-p castalia-ffi)
  [ "$profile" != dev ] || packages=(--workspace --all-targets)
  cargo build --quiet --profile "$profile" "${packages[@]}"
fi

fill() { # template, destination
  sed "s|@VERSION@|$version|g; s|@MAJOR@|${version%%.*}|g; s|@NATIVE_LIBRARIES@|$native|g" "$1" >"$2"
  chmod 644 "$2"
}

install -d "$prefix"/{include/castalia,lib/pkgconfig,lib/cmake/castalia}
install -m 644 include/castalia.h include/castalia.hpp "$prefix/include"
install -m 644 include/castalia/*.hpp "$prefix/include/castalia"
install -m 755 "$BUILT/libcastalia.so" "$prefix/lib/libcastalia.so.$version"
install -m 644 "$BUILT/libcastalia.a" "$prefix/lib"
ln -sf "libcastalia.so.$version" "$prefix/lib/libcastalia.so.1"
ln -sf libcastalia.so.1 "$prefix/lib/libcastalia.so"
fill include/castalia.pc.in "$prefix/lib/pkgconfig/castalia.pc"
fill include/castalia-config.cmake.in "$prefix/lib/cmake/castalia/castalia-config.cmake"
fill include/castalia-config-version.cmake.in "$prefix/lib/cmake/castalia/castalia-config-version.cmake"
