#!/usr/bin/env bash
# The black-box suites against Apollo itself, on a MariaDB database of its own; what was started here is stopped in the end.
# Where Apollo is known to differ from a case, tests/upstream.differences names the test, and it is left out.
#
#   tests/upstream.sh [conformance] [admin] [shared]    all three unless some are named
#
# Apollo is not built here. Whoever has it names
#   CASTALIA_TEST_UPSTREAM_CONFIG_JAR, CASTALIA_TEST_UPSTREAM_ADMIN_JAR   its two services
#   CASTALIA_TEST_UPSTREAM_SQL    its MySQL script for a config database that exists (profile mysql-database-not-specified)
# CASTALIA_TEST_UPSTREAM_DIFFERENCES=run runs the known differences, too.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${CASTALIA_TEST_UPSTREAM_CONFIG_JAR:=}" "${CASTALIA_TEST_UPSTREAM_ADMIN_JAR:=}" "${CASTALIA_TEST_UPSTREAM_SQL:=}"
user=castalia
dir=$(mktemp -d)
database=upstream_$$
pids=()

fail() { echo "upstream.sh: $*" >&2; exit 1; }

mysql_url() { tests/databases.sh url mysql; }

# Host and port of the database server.
mysql_address() { mysql_url | sed 's,.*@\([^/]*\)/.*,\1,'; }

sql() {
    local address
    address=$(mysql_address)
    mariadb --no-defaults --protocol=tcp --host="${address%:*}" --port="${address#*:}" --user=$user --password=$user \
        --default-character-set=utf8mb4 "$@"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Starts a service and leaves its address in `address`.
start() {
    local name=$1 jar=$2 zone=$3 port
    port=$(free_port)
    address=http://127.0.0.1:$port
    java -Xmx384m -Duser.timezone="$zone" -Djava.io.tmpdir="$dir" -jar "$jar" \
        --spring.profiles.active=github,database-discovery \
        --spring.datasource.url="jdbc:mysql://$(mysql_address)/$database?characterEncoding=utf8" \
        --spring.datasource.username=$user --spring.datasource.password=$user \
        --server.address=127.0.0.1 --server.port="$port" --apollo.service.registry.uri="$address/" \
        --logging.file.name="$dir/$name.log" </dev/null >"$dir/$name.out" 2>&1 &
    pids+=($!)
    for _ in $(seq 600); do
        if curl -fsS "$address/health" 2>/dev/null | grep -q UP; then return; fi
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 30 "$dir/$name.out" >&2
    fail "$name did not start"
}

# Starts both services with their clocks in this zone.
start_both() {
    start config "$CASTALIA_TEST_UPSTREAM_CONFIG_JAR" "$1"
    export CASTALIA_TEST_CONFIG_URL=$address
    start admin "$CASTALIA_TEST_UPSTREAM_ADMIN_JAR" "$1"
    export CASTALIA_TEST_ADMIN_URL=$address
}

stop_both() {
    [ ${#pids[@]} -eq 0 ] && return
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
    pids=()
}

end() {
    stop_both
    sql -e "DROP DATABASE IF EXISTS $database" || true
    rm -rf "$dir"
}

# Known differences of a suite as arguments that leave them out.
left_out() {
    [ "${CASTALIA_TEST_UPSTREAM_DIFFERENCES:-}" = run ] && return
    sed -n "s/^$1 \([a-z0-9_:]*\).*/--skip \1/p" tests/upstream.differences
}

run_conformance() {
    start_both UTC
    # shellcheck disable=SC2046 # two words for each test
    cargo test --quiet -p castalia-tests --test suite -- --exact $(left_out conformance) conformance:: || failed+=(conformance)
    stop_both
}
