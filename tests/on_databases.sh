#!/usr/bin/env bash
# The cases of the admin and config services with the server on MariaDB and on PostgreSQL, and those
# of the portal on MariaDB with Apollo's own tables, all at the same time, because they mostly wait. Of
# the portal's, those of sessions, rights, revisions, the audit log, changes that environments miss, event
# streams and consumers run on PostgreSQL as well, and the numbered cases run against processes, on SQLite
# and on MariaDB.
# `cargo test` alone runs them on SQLite.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/databases.sh up
cargo test --quiet --workspace --no-run --test admin --test portal --test suite
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

cases() { # mysql or postgres
  # They share one database, so they run one after the other.
  CASTALIA_TEST_CONFIG_DB=$(tests/databases.sh url "$1") cargo test --quiet --workspace --test admin -- --test-threads=1
  CASTALIA_TEST_ON=$1 cargo test --quiet --workspace --test suite -- conformance::
}

portal() {
  # Statements are counted and rights compared, a third of the time, on SQLite and by `make test-long`.
  CASTALIA_TEST_ON=mysql cargo test --quiet --workspace --test portal -- --test-threads=4 \
    --skip portal::statement_count --skip portal::matrix
  CASTALIA_TEST_ON=postgres cargo test --quiet --workspace --test portal -- --test-threads=4 \
    seal visibility tenant sign_in account stale audit deleted_app fan_out events:: registration:: portal::reads::
}

processes() {
  tests/portal_process.sh cases
  CASTALIA_TEST_ON=mysql tests/portal_process.sh cases --test-threads=4
}

declare -A running
for server in mysql postgres; do
  (cases $server) >"$logs/$server" 2>&1 &
  running[$server]=$!
done
portal >"$logs/portal" 2>&1 &
running[portal]=$!
processes >"$logs/processes" 2>&1 &
running[processes]=$!
failed=()
for server in "${!running[@]}"; do
  wait "${running[$server]}" || { failed+=("$server"); cat "$logs/$server"; }
  echo "on_databases: $server: $(grep -c '^test result: ok' "$logs/$server") suites passed"
done
[ ${#failed[@]} -eq 0 ]
