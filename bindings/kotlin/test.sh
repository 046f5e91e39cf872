#!/usr/bin/env bash
# Builds the native library, the jar and the Spring Boot starter, then checks the style and runs the
# tests. Arguments are passed to Maven.
set -euo pipefail
cd "$(dirname "$0")"
if [ -z "${CASTALIA_TEST_BIN:-}" ]; then cargo build --quiet --workspace --all-targets; fi
mvn --batch-mode --quiet --no-transfer-progress --file ../pom.xml install "$@"
./matrix.sh quick
