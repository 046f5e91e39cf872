#!/usr/bin/env bash
# Packs the Node package and the native half of this platform into a directory (target/package),
# then checks them: the example runs with both packages installed into an empty directory. PROFILE
# is the cargo profile (dist).
# With LIBC=musl only the native half for Alpine is packed, for a later run to include.
# usage: bindings/node/package.sh [DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/../.."
directory=$(realpath -m "${1:-target/package}")
profile=${PROFILE:-dist}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

.ci/parts write "$directory"
cargo build --quiet --workspace --all-targets
built=$(.ci/portable "$profile")
strip --strip-all -o "$scratch/castalia.node" "$built/libcastalia_node.so"
if [ "${LIBC:-}" = musl ]; then
  # This process cannot load a musl library, so it packs with the one built for its own C library.
  cp "$(LIBC='' .ci/portable "$profile")/libcastalia_node.so" "$scratch/loaded.node"
  CASTALIA_NODE_NATIVE_PATH=$scratch/loaded.node node bindings/node/pack.mjs "$scratch/castalia.node" "$directory" musl
  exit
fi
node bindings/node/pack.mjs "$scratch/castalia.node" "$directory"

CASTALIA_NODE_NATIVE_PATH=$scratch/castalia.node CASTALIA_PACKAGES=$directory \
  node --test --test-reporter=spec bindings/node/test/package.test.mjs
