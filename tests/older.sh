#!/usr/bin/env bash
# A rolling upgrade from an older commit to this checkout and back, on each database (REL-19).
#
#   tests/older.sh COMMIT
#
# Builds the server of the commit, unoptimised, in target/older, which takes some minutes the first
# time; each commit has a directory of sources there. The tests take less than a minute.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "older.sh: $*" >&2; exit 1; }

[ $# = 1 ] || fail "usage: older.sh COMMIT"
commit=$(git rev-parse --verify --quiet "$1^{commit}") || fail "there is no commit $1"
older=$(realpath -m "${CARGO_TARGET_DIR:-target}")/older
sources=$older/$commit

# Into another directory first, so that an interrupted extraction is not taken for the sources.
if [ ! -d "$sources" ]; then
    rm -rf "$sources.part"
    # The server embeds the web UI, which no test of these needs.
    mkdir -p "$sources.part/server/web/dist"
    git archive "$commit" | tar -x -C "$sources.part"
    mv "$sources.part" "$sources"
fi
(cd "$sources" && CARGO_TARGET_DIR=$older/target cargo build --locked --quiet -p castalia-server)

mkdir -p server/web/dist
cargo build --quiet --workspace --bin castalia
CASTALIA_TEST_OLDER=$older/target/debug/castalia \
    cargo test --quiet --workspace --test suite server::upgrade:: -- --nocapture
