#!/usr/bin/env bash
# Runs an example against a scripted config service, publishes once while it waits, and checks that
# it prints both values.
# usage: examples/check.sh COMMAND [ARGUMENT...]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
scripted=$(realpath "${CARGO_TARGET_DIR:-$root/target}")/debug/castalia-scripted
fail() { echo "examples/check.sh: $*" >&2; exit 1; }

coproc SERVICE { exec "$scripted"; }
read -r ok url <&"${SERVICE[0]}"
[ "$ok" = ok ] || fail "the scripted service does not start"
asked() {
  echo "$*" >&"${SERVICE[1]}"
  read -r ok rest <&"${SERVICE[0]}"
  [ "$ok" = ok ]
}
order() { asked "$@" || fail "$*: $rest"; }

order publish application greeting hello
export APP_ID=order APOLLO_META=${url//%3A/:} APOLLO_CACHE_FILE_ENABLE=false
export APOLLO_META=${APOLLO_META//%2F/\/} APOLLO_LONG_POLLING_INITIAL_DELAY_IN_MILLS=0
# In milliseconds: a busy machine may stop for seconds.
export APOLLO_CONNECT_TIMEOUT=60000 APOLLO_READ_TIMEOUT=60000 APOLLO_DISCOVERY_CONNECT_TIMEOUT=60000
export APOLLO_DISCOVERY_READ_TIMEOUT=60000 CASTALIA_START_TIMEOUT=60000
# A refresh must not replace a push that is lost.
export CASTALIA_REFRESH_INTERVAL=3600000
shown=$(mktemp)
trap 'rm -f "$shown"' EXIT
timeout 900 "$@" >"$shown" &
# The service waits for a minute, and a program may take longer to start.
until asked held 1; do
  kill -0 $! 2>/dev/null || fail "$* ended early: $(cat "$shown")"
done
# Waits for the first value: the poll starts before the program has read it.
until grep -q hello "$shown"; do
  kill -0 $! 2>/dev/null || fail "$* ended early: $(cat "$shown")"
  sleep 0.05
done
order publish application greeting good%20morning
wait $! || fail "$* failed: $(cat "$shown")"
grep -q hello "$shown" && grep -q 'good morning' "$shown" || fail "$* shows: $(cat "$shown")"
