#!/usr/bin/env bash
# Tests the web UI in Chromium against a running server on SQLite: the scenarios of users, in both
# themes, on wide and on narrow screens. Needs target/debug/castalia (`make build`)
# or the server in CASTALIA_TEST_BINARY. Arguments select tests: tests/browser/run.sh sign_in
# `tests/browser/run.sh install` only installs what they need.
# `tests/browser/run.sh pictures` takes the pictures of the documentation instead, in both themes and on
# both widths in English, and in Chinese on the wide one; and the pictures of screens with no and with
# much data, which takes minutes; into the directory in CASTALIA_TEST_PICTURES, by default
# tests/browser/pictures/out.
#
# CASTALIA_TEST_CHROMIUM is the browser; by default Debian's package of Chromium without windows, which is
# installed if missing: it renders the same, and needs a fifth less of the processors.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)

fail() { echo "browser: $*" >&2; exit 1; }

export CASTALIA_TEST_CHROMIUM=${CASTALIA_TEST_CHROMIUM:-/usr/bin/chromium-headless-shell}
[ -x "$CASTALIA_TEST_CHROMIUM" ] || "$root/.ci/apt" chromium-headless-shell
"$root/.ci/npm" .
[ "${1:-}" != install ] || exit 0
export CASTALIA_TEST_BINARY=${CASTALIA_TEST_BINARY:-${CARGO_TARGET_DIR:-$root/target}/debug/castalia}
[ -x "$CASTALIA_TEST_BINARY" ] || fail "$CASTALIA_TEST_BINARY is missing: make build"
# A debug build reads the pages from server/web/dist when they are requested.
"$root/.ci/web"
if [ "${1:-}" = pictures ]; then
    # Chinese is otherwise shown as boxes.
    fc-list :lang=zh | grep -q . || "$root/.ci/apt" fonts-wqy-microhei
    npm run --silent pictures
else
    npm test --silent -- "$@"
fi
