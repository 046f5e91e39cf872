#!/usr/bin/env bash
# Builds and installs the programs of the interop suite: Apollo's official client and mock server, and
# other implementations of Eureka. Idempotent; downloads from the package registries on the first run.
set -euo pipefail
cd "$(dirname "$0")"
command -v mvn >/dev/null || { echo "mvn is missing: install Maven (Debian: apt-get install maven)" >&2; exit 1; }

# Whether something has to be built. usage: outdated RESULT SOURCE...
outdated() { [ ! -f "$1" ] || [ -n "$(find "${@:2}" -newer "$1" -print -quit)" ]; }

(
  cd java
  if outdated target/interop.jar pom.xml src; then mvn -B -q -ntp package; fi
)
(
  cd eureka
  if outdated target/built pom.xml ./*/pom.xml ./*/src; then
    mvn -B -q -ntp -T 3 package
    mkdir -p target
    touch target/built
  fi
  pinned=py_eureka_client==0.13.3
  if [ "$(cat python/target/pinned 2>/dev/null)" != "$pinned" ]; then
    python3 -m venv python/target
    python/target/bin/pip install --quiet --disable-pip-version-check "$pinned"
    echo "$pinned" >python/target/pinned
  fi
)
../../.ci/npm eureka/node
echo "interop: the official Java clients, the mock server and the Eureka programs are ready:" \
  "$(cd java/target/lib && echo apollo-client-*.jar apollo-openapi-*.jar)" \
  "$(cd eureka && echo ./*/target/lib/eureka-client-[0-9]*.jar)"
