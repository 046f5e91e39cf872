#!/usr/bin/env bash
# Builds the Node package, then checks its format, lints, type-checks and tests it. Needs only Rust
# and Node.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
built=$(cd "$root" && realpath -m "${CARGO_TARGET_DIR:-target}")/debug

"$root/.ci/npm" .
# Always the whole workspace: a part of it unifies other features and would compile the dependencies
# twice.
make --silent -C "$root" build
mkdir -p build
# Replaced by a rename, because running processes may have the old file mapped.
cp "$built/libcastalia_node.so" build/castalia.node.new
mv build/castalia.node.new build/castalia.node

npm run --silent lint
npm run --silent types
# Intentional panics are reported in one line.
RUST_BACKTRACE=0 node --test --test-reporter=spec test/*.test.mjs
