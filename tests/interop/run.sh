#!/usr/bin/env bash
# Builds the programs of the interop suite with the official client and mock server. Idempotent;
# downloads from the Maven registry on the first run.
set -euo pipefail
cd "$(dirname "$0")/java"
command -v mvn >/dev/null || { echo "mvn is missing: install Maven (Debian: apt-get install maven)" >&2; exit 1; }
if [ ! -f target/interop.jar ] || [ -n "$(find pom.xml src -newer target/interop.jar)" ]; then
  mvn -B -q -ntp package
fi
echo "interop: the official Java clients and the mock server are ready: $(ls target/lib | grep -E "^apollo-(client|openapi)-" | tr "\n" " ")"
