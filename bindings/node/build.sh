#!/usr/bin/env bash
# Compiles `lib` if its sources are newer than the last build.
set -euo pipefail
cd "$(dirname "$0")"
../../.ci/npm .
if [ ! -f lib/index.cjs ] || [ -n "$(find lib/*.cts package.json tsconfig.json -newer lib/index.cjs | head -1)" ]; then
  npm run --silent build
fi
