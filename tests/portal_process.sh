#!/usr/bin/env bash
# The cases of the portal against a `castalia serve` process for each, on SQLite. `process.txt` lists
# the tests that need the inside of the process. Arguments go to the test program.
set -euo pipefail
cd "$(dirname "$0")/.."
skipped=()
while read -r test _; do
  skipped+=(--skip "$test")
done < <(grep -v '^#' server/tests/portal/process.txt)
export CASTALIA_TEST_PROCESS=1
cargo test --quiet -p castalia-server --test portal -- "${skipped[@]}" "$@"
