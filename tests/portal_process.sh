#!/usr/bin/env bash
# The cases of the portal against a `castalia serve` process for each, on SQLite or on the database that
# `CASTALIA_TEST_ON` names: with `cases` first only the tests of the numbered cases of Apollo's API.
# `process.txt` lists the tests that need the inside of the process. Other arguments go to the test program.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=server/tests/portal

# The tests whose comments have the number of a case, such as A14.
cases() {
  awk '/^(async )?fn / { name = $0; sub(/.*fn /, "", name); sub(/\(.*/, "", name) }
    /\/\/ A[0-9]/ { file = FILENAME; gsub(/.*\/|\.rs$/, "", file); print "portal::" file "::" name }' $tests/*.rs | sort -u
}

chosen=()
if [ "${1:-}" = cases ]; then
  shift
  mapfile -t chosen < <(cases)
  [ ${#chosen[@]} -gt 0 ]
  chosen+=(--exact)
fi
while read -r test _; do
  chosen+=(--skip "$test")
done < <(grep -v '^#' $tests/process.txt)
export CASTALIA_TEST_PROCESS=1
cargo test --quiet --workspace --test portal -- "${chosen[@]}" "$@"
