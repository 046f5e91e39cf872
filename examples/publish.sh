#!/usr/bin/env bash
# Sets `greeting` of the sample app and publishes it through OpenAPI v1, as a user's script would.
# usage: examples/publish.sh VALUE [DATA_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
value=${1:?say which value to publish}
data=${2:-./data}
portal=${EXAMPLE_PORTAL:-http://127.0.0.1:8070}
# The newest build of the server. target/doc/castalia is a directory, so it is excluded.
binary=
for built in target/*/castalia; do
  if [ -f "$built" ] && [ "$built" -nt "$binary" ]; then binary=$built; fi
done
token=$("$binary" token create --log-level warn --name examples --app sample-app --data-dir "$data" | awk '{print $NF}')
namespace="$portal/openapi/v1/envs/DEV/apps/sample-app/clusters/default/namespaces/application"
call() { curl -fsS -H "Authorization: $token" -H 'Content-Type: application/json' "$@"; }
json=$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$value")
call -X PUT "$namespace/items/greeting?createIfNotExists=true" \
  -d "{\"key\":\"greeting\",\"value\":$json,\"dataChangeCreatedBy\":\"apollo\",\"dataChangeLastModifiedBy\":\"apollo\"}"
at=$EPOCHREALTIME
call -X POST "$namespace/releases" -d '{"releaseTitle":"example","releasedBy":"apollo"}' >/dev/null
echo "published greeting=$value at $at"
