#!/usr/bin/env bash
# The black-box suites against Apollo itself: its config and admin service on a temporary MariaDB
# database.
#
#   CASTALIA_TEST_UPSTREAM=DIR tests/upstream.sh [eureka] [conformance] [admin]    all suites unless one is named
#
# DIR is a checkout of Apollo (github.com/apolloconfig/apollo): the 3.0 line, for the eureka suite also
# the 2.5 line. What is not built yet is built there, which takes a JDK 17 and some minutes.
# tests/upstream.differences lists the tests that Apollo is known to fail, which are skipped;
# docs/apollo-differences.md explains them. The admin suite takes half an hour, because Apollo reads
# its settings once a minute; the eureka suite, which starts Apollo's services itself, ten minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

user=castalia
database=upstream_$$
dir=$(mktemp -d)
pids=()

fail() { echo "upstream.sh: $*" >&2; exit 1; }

sql() {
    mariadb --no-defaults --protocol=tcp --host="${mysql%:*}" --port="${mysql#*:}" --user=$user --password=$user \
        --default-character-set=utf8mb4 "$@"
}

# Finds the jar of a service.
jar() { find "$upstream/apollo-$1service/target" -name "apollo-$1service-*.jar" ! -name '*-sources.jar' -print -quit 2>/dev/null; }

build() {
    [ -n "$(jar config)" ] && [ -n "$(jar admin)" ] && return
    (cd "$upstream" && ./mvnw -B -q -DskipTests -pl apollo-configservice,apollo-adminservice -am package)
}

create_database() {
    tests/databases.sh up
    mysql=$(tests/databases.sh url mysql | sed 's,.*@\([^/]*\)/.*,\1,')
    sql -e "CREATE DATABASE $database DEFAULT CHARACTER SET utf8mb4"
    sql $database <"$upstream/scripts/sql/profiles/mysql-database-not-specified/apolloconfigdb.sql"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Starts a service and sets `address`.
start() {
    local port
    port=$(free_port)
    address=http://127.0.0.1:$port
    java -Xmx384m -Duser.timezone=UTC -Djava.io.tmpdir="$dir" -jar "$(jar "$1")" \
        --spring.profiles.active=github,database-discovery \
        --spring.datasource.url="jdbc:mysql://$mysql/$database?characterEncoding=utf8" \
        --spring.datasource.username=$user --spring.datasource.password=$user \
        --server.address=127.0.0.1 --server.port="$port" --apollo.service.registry.uri="$address/" \
        --logging.file.name="$dir/$1.log" </dev/null >"$dir/$1.out" 2>&1 &
    pids+=($!)
    for _ in $(seq 600); do
        if curl -fsS "$address/health" 2>/dev/null | grep -q UP; then return; fi
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 30 "$dir/$1.out" >&2
    fail "Apollo's $1 service did not start"
}

# Starts both services for the suites that call them.
start_services() {
    [ -z "${CASTALIA_TEST_ADMIN_URL:-}" ] || return 0
    start config
    export CASTALIA_TEST_CONFIG_URL=$address
    start admin
    export CASTALIA_TEST_ADMIN_URL=$address
    export CASTALIA_TEST_REREAD=62
}

end() {
    [ ${#pids[@]} -eq 0 ] || { kill "${pids[@]}" && wait "${pids[@]}"; } 2>/dev/null || true
    [ -z "${mysql:-}" ] || sql -e "DROP DATABASE IF EXISTS $database" || true
    rm -rf "$dir"
}

# Known differences of a suite, as arguments that skip them.
left_out() { sed -n "s/^$1 \([a-z0-9_:]*\) .*/--skip \1/p" tests/upstream.differences; }

# shellcheck disable=SC2046 # two words for each test
run_eureka() {
    local version
    version=$(sed -n 's,.*<revision>\([0-9]*\)\..*,\1,p' "$upstream/pom.xml")
    CASTALIA_TEST_CONFIG_JAR=$(jar config) CASTALIA_TEST_ADMIN_JAR=$(jar admin) \
        cargo test --quiet --workspace --test suite -- --ignored --nocapture --test-threads=1 \
        interop::eureka::apollo:: $(left_out "eureka-$version")
}

# shellcheck disable=SC2046 # two words for each test
run_conformance() { start_services && cargo test --quiet --workspace --test suite -- conformance:: $(left_out conformance); }

# shellcheck disable=SC2046 # two words for each test
run_admin() { start_services && cargo test --quiet --workspace --test admin -- --test-threads=1 $(left_out admin); }

[ $# -gt 0 ] || set -- eureka conformance admin
for suite in "$@"; do
    [[ $suite =~ ^(eureka|conformance|admin)$ ]] || fail "unknown suite $suite"
done
[ -n "${CASTALIA_TEST_UPSTREAM:-}" ] || fail "set CASTALIA_TEST_UPSTREAM to a checkout of github.com/apolloconfig/apollo"
upstream=$(cd "$CASTALIA_TEST_UPSTREAM" && pwd)
trap end EXIT
build
cargo test --quiet --workspace --no-run --test suite --test admin
create_database
export CASTALIA_TEST_CONFIG_DB=mysql://$user:$user@$mysql/$database
failed=()
# The first one needs a database that no other service uses.
for suite in eureka conformance admin; do
    [[ " $* " != *" $suite "* ]] || "run_$suite" || failed+=("$suite")
done
[ ${#failed[@]} -eq 0 ] || fail "failed: ${failed[*]}"
