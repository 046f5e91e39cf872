#!/usr/bin/env bash
# Builds the Node package, then formats, lints, type-checks and tests it. Needs nothing but Rust and Node.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
built=$(cd "$root" && realpath -m "${CARGO_TARGET_DIR:-target}")/debug

if [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --silent --no-audit --no-fund
fi
# The whole workspace, since a part of it would be compiled with other features, and so once more.
make --silent -C "$root" build
mkdir -p build
# In one step, for those who have the old one open.
cp "$built/libcastalia_node.so" build/castalia.node.new
mv build/castalia.node.new build/castalia.node

npm run --silent lint
npm run --silent types
# Faults on purpose are told in one line.
RUST_BACKTRACE=0 node --test --test-reporter=spec test/*.test.mjs
