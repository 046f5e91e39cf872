#!/usr/bin/env bash
# Builds the native library and the jar, then checks the style and tests the jar. More options go to Maven.
set -euo pipefail
cd "$(dirname "$0")"
if [ -z "${CASTALIA_TEST_BIN:-}" ]; then cargo build --quiet --workspace --all-targets; fi
mvn --batch-mode --quiet --no-transfer-progress verify "$@"
./matrix.sh quick
