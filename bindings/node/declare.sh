#!/usr/bin/env bash
# Generates `index.d.cts`, the types of the package, from the sources in `lib`. With `check` it only
# fails if the file does not match them.
# usage: bindings/node/declare.sh [check]
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

{
  echo '// Types of the package, the same for `import` and `require`. Generated from `lib` by `npm run declare`.'
  npx --no-install dts-bundle-generator --silent --no-banner --project tsconfig.json --export-referenced-types=false \
    --out-file "$scratch/index.d.cts" lib/index.cts
  # With this member a class would only accept its own instances, and no stand-in of an application's test.
  sed '/^\s*#private;$/d' "$scratch/index.d.cts"
} | npx --no-install prettier --stdin-filepath index.d.cts >"$scratch/formatted"

if [ "${1:-}" != check ]; then
  cp "$scratch/formatted" index.d.cts
elif ! diff -u index.d.cts "$scratch/formatted" >&2; then
  echo "bindings/node/index.d.cts does not match lib/*.cts: run 'npm run declare' in bindings/node" >&2
  exit 1
fi
