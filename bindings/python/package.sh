#!/usr/bin/env bash
# Builds the wheels into a directory (target/package), then checks them: the example runs with them
# installed into a new environment elsewhere. One wheel is for Python 3.9 and later; the other,
# which pip prefers from 3.10 on, has cheaper calls. On Linux both are for glibc 2.17 and later,
# which maturin audits, or with LIBC=musl for Alpine, where they cannot be tested here. PROFILE is
# the cargo profile (dist).
# usage: bindings/python/package.sh [DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
directory=$(realpath -m "${1:-target/package}")
venv=${CASTALIA_VENV:-$root/.venv}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

bindings/python/environment.sh
portable=()
case $(uname -s)-${LIBC:-gnu} in
  Linux-gnu) portable=(--zig --compatibility manylinux2014 --target "$(uname -m)-unknown-linux-gnu") ;;
  Linux-musl)
    portable=(--zig --compatibility musllinux_1_2 --target "$(uname -m)-unknown-linux-musl")
    export RUSTFLAGS="-C target-feature=-crt-static"
    ;;
esac
.ci/parts write "$directory"
# Where maturin finds it.
cp "$directory/castalia-client-third-party.txt" bindings/python/THIRD-PARTY.txt
cp examples/python/hello.py "$scratch"

for version in 39 310; do
  VIRTUAL_ENV=$venv PATH=$venv/bin:$PATH maturin build --quiet --profile "${PROFILE:-dist}" -m bindings/python/Cargo.toml "${portable[@]}" \
    --no-default-features --features python$version --interpreter "$venv/bin/python" --out "$scratch/$version" \
    >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
  wheel=$(basename "$scratch/$version"/castalia-*.whl)
  [[ $wheel == *-cp$version-abi3-* ]] || { echo "bindings/python/package.sh: $wheel is not for $version and later" >&2; exit 1; }
  cp "$scratch/$version/$wheel" "$directory"
  if [ "${LIBC:-}" = musl ]; then continue; fi
  python3 -m venv "$scratch/elsewhere-$version"
  "$scratch/elsewhere-$version/bin/pip" install --quiet --disable-pip-version-check --no-index "$directory/$wheel"
  (cd "$scratch" && "$root/examples/check.sh" "elsewhere-$version/bin/python" -u hello.py)
  echo "$wheel: $(du -h "$directory/$wheel" | cut -f1), runs the Python example"
done
