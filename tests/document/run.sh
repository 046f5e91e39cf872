#!/usr/bin/env bash
# Sends requests that schemathesis generates from the OpenAPI document to every operation of the
# portal, for about CASTALIA_TEST_DOCUMENT seconds (default 60), as a super administrator on a
# temporary data directory: no answer is a 5xx, and status, content type and body are those of the
# document. Each run sends the same requests; CASTALIA_TEST_SEED=random sends others, or those of a
# seed that such a run printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=$(realpath -m "${CASTALIA_VENV:-.venv}")
bindings/python/environment.sh
# The whole workspace: a part of it unifies other features and would compile the dependencies twice.
cargo build --quiet --workspace --all-targets
binary=${CASTALIA_TEST_BINARY:-${CARGO_TARGET_DIR:-target}/debug/castalia}
# In memory where there is enough: a request that waits too long for a busy disk is answered with 503.
place=${TMPDIR:-/tmp}
free=$(df --output=avail --block-size=1M /dev/shm 2>/dev/null | tail -n 1 || true)
[ "${free:-0}" -lt 1024 ] || place=/dev/shm
dir=$(mktemp -d -p "$place")
server=
finish() {
    if [ -n "$server" ] && kill "$server" 2>/dev/null; then wait "$server" || true; fi
    rm -rf "$dir"
}
trap finish EXIT

seed=(--seed "${CASTALIA_TEST_SEED:-1}")
[ "${CASTALIA_TEST_SEED:-}" != random ] || seed=()
password="correct horse battery staple"
# A generated request deletes the row of the environments, which a variable overrides.
CASTALIA_APOLLO_PORTAL_ENVS=DEV CASTALIA_ADMIN_PASSWORD=$password env -u CASTALIA_VENV "$binary" serve --data-dir "$dir/data" --log-format json \
    --config-port 0 --admin-port 0 --portal-port 0 >"$dir/log" 2>&1 &
server=$!
address() { sed -n 's/.*"message":"listening".*"role":"portal".*"address":"\([^"]*\)".*/\1/p' "$dir/log"; }
for _ in $(seq 3000); do
    [ -n "$(address)" ] && break
    kill -0 $server 2>/dev/null || { cat "$dir/log"; exit 1; }
    sleep 0.1
done
portal=http://$(address)
[ "$portal" != http:// ] || { echo "document: the portal did not start" >&2; cat "$dir/log"; exit 1; }

curl -sS -o "$dir/answer" -c "$dir/cookies" --data-urlencode username=apollo --data-urlencode "password=$password" "$portal/signin"
cookie=$(awk 'NF == 7 && $6 == "SESSION" { print $6 "=" $7 }' "$dir/cookies")
[ -n "$cookie" ] || { echo "document: cannot sign in" >&2; cat "$dir/answer"; exit 1; }
token=$(curl -sS -o /dev/null -D - -H "cookie: $cookie" "$portal/openapi/v1/user" |
    tr -d '\r' | sed -n 's/^x-csrf-token: //Ip')

# It leaves a cache in the working directory.
root=$PWD
cd "$dir"
curl -fsS -H "cookie: $cookie" "$portal/openapi/openapi.json" -o openapi.json
if ! "$venv/bin/schemathesis" --config-file "$root/tests/document/schemathesis.toml" run openapi.json --url "$portal" \
    --header "cookie: $cookie" --header "x-csrf-token: $token" \
    --max-time "${CASTALIA_TEST_DOCUMENT:-60}" "${seed[@]}" >"$dir/report" 2>&1; then
    cat "$dir/report"
    exit 1
fi
sent=$(grep -A1 '^Test cases:' "$dir/report" | grep -o '[0-9]* generated.*') || { cat "$dir/report"; exit 1; }
echo "document: $sent"
