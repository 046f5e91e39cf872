#!/usr/bin/env bash
# The black-box suites against Apollo itself: its services on temporary MariaDB databases.
#
#   CASTALIA_TEST_UPSTREAM=DIR tests/upstream.sh [SUITE...]    all suites unless some are named
#
#   eureka       Apollo's services as clients, hosts and successors of our Eureka; ten minutes
#   conformance  the cases of the config service, and both on one database; five minutes
#   admin        the cases of the admin service; half an hour, because Apollo reads its settings once a minute
#   pages        the calls of Apollo's web pages, to Apollo's portal and to ours, and one after the other; ten minutes
#   cli          Apollo's command line, CASTALIA_TEST_APOLLO_CLI, against our portal; needs no checkout
#
# DIR is a checkout of Apollo (github.com/apolloconfig/apollo): the 3.0 line, for the eureka suite also
# the 2.5 line. The services are built there if they are not yet, which takes a JDK 17 and some minutes;
# the portal has to be there. tests/upstream.differences lists the tests that Apollo is known to fail,
# which are skipped; docs/apollo-differences.md explains them.
set -euo pipefail
cd "$(dirname "$0")/.."

user=castalia
database=upstream_$$
dir=$(mktemp -d)
pids=()
databases=()

fail() { echo "upstream.sh: $*" >&2; exit 1; }

sql() {
    mariadb --no-defaults --protocol=tcp --host="${mysql%:*}" --port="${mysql#*:}" --user=$user --password=$user \
        --default-character-set=utf8mb4 "$@"
}

# Finds the jar of a module.
jar() { find "$upstream/apollo-$1/target" -name "apollo-$1-*.jar" ! -name '*-sources.jar' -print -quit 2>/dev/null; }

build() {
    [[ " $* " != *" pages "* ]] || [ -n "$(jar portal)" ] || fail "the module apollo-portal of $upstream is not built"
    [ -n "$(jar configservice)" ] && [ -n "$(jar adminservice)" ] && return
    (cd "$upstream" && ./mvnw -B -q -DskipTests -pl apollo-configservice,apollo-adminservice -am package)
}

# Creates a database from a script of Apollo's. usage: create_database NAME SCRIPT
create_database() {
    sql -e "CREATE DATABASE $1 DEFAULT CHARACTER SET utf8mb4" || fail "cannot create the database $1"
    databases+=("$1")
    sql "$1" <"$upstream/scripts/sql/profiles/mysql-database-not-specified/$2.sql" || fail "$2.sql fails"
}

url() { echo "mysql://$user:$user@$mysql/$1"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Starts a module and sets `address`. usage: start MODULE DATABASE PROFILES
start() {
    local port
    port=$(free_port)
    address=http://127.0.0.1:$port
    java -Xmx384m -Duser.timezone=UTC -Djava.io.tmpdir="$dir" -jar "$(jar "$1")" \
        --spring.profiles.active="$3" \
        --spring.datasource.url="jdbc:mysql://$mysql/$2?characterEncoding=utf8" \
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
    fail "Apollo's $1 did not start"
}

# Creates the database of the suites that need one without apps.
use_database() {
    [ -z "${CASTALIA_TEST_CONFIG_DB:-}" ] || return 0
    create_database "$database" apolloconfigdb
    CASTALIA_TEST_CONFIG_DB=$(url "$database")
    export CASTALIA_TEST_CONFIG_DB
}

# Starts both services for the suites that call them.
start_services() {
    [ -z "${CASTALIA_TEST_ADMIN_URL:-}" ] || return 0
    use_database
    start configservice "$database" github,database-discovery
    export CASTALIA_TEST_CONFIG_URL=$address
    start adminservice "$database" github,database-discovery
    export CASTALIA_TEST_ADMIN_URL=$address
    export CASTALIA_TEST_REREAD=62
}

end() {
    [ ${#pids[@]} -eq 0 ] || { kill "${pids[@]}" && wait "${pids[@]}"; } 2>/dev/null || true
    local name
    for name in "${databases[@]}"; do sql -e "DROP DATABASE IF EXISTS $name" || true; done
    rm -rf "$dir"
}

# Known differences of a suite, as arguments that skip them.
left_out() { sed -n "s/^$1 \([a-z0-9_:]*\) .*/--skip \1/p" tests/upstream.differences; }

# shellcheck disable=SC2046 # two words for each test
run_eureka() {
    local version
    use_database
    version=$(sed -n 's,.*<revision>\([0-9]*\)\..*,\1,p' "$upstream/pom.xml")
    CASTALIA_TEST_CONFIG_JAR=$(jar configservice) CASTALIA_TEST_ADMIN_JAR=$(jar adminservice) \
        cargo test --quiet --workspace --test suite -- --ignored --nocapture --test-threads=1 \
        interop::eureka::apollo:: $(left_out "eureka-$version")
}

# shellcheck disable=SC2046 # two words for each test
run_conformance() { start_services && cargo test --quiet --workspace --test suite -- conformance:: $(left_out conformance); }

# shellcheck disable=SC2046 # two words for each test
run_admin() { start_services && cargo test --quiet --workspace --test admin -- --test-threads=1 $(left_out admin); }

# Both portals have databases of their own; a third one, ours, is beside Apollo's on Apollo's databases.
run_pages() {
    local name=${database}_pages config
    create_database "$name" apolloconfigdb
    create_database "${name}_portal" apolloportaldb
    create_database "${name}_own" apolloconfigdb
    create_database "${name}_own_portal" apolloportaldb
    start configservice "$name" github,database-discovery
    config=$address
    start adminservice "$name" github,database-discovery
    DEV_META=$config start portal "${name}_portal" github,auth
    CASTALIA_TEST_CONFIG_URL=$config CASTALIA_TEST_PORTAL_URL=$address \
        CASTALIA_TEST_CONFIG_DB=$(url "$name") CASTALIA_TEST_PORTAL_DB=$(url "${name}_portal") \
        CASTALIA_TEST_OWN_CONFIG_DB=$(url "${name}_own") CASTALIA_TEST_OWN_PORTAL_DB=$(url "${name}_own_portal") \
        cargo test --quiet --workspace --test suite -- --ignored --nocapture --test-threads=1 interop::pages::
}

run_cli() { cargo test --quiet --workspace --test suite -- --ignored --nocapture interop::command_line::; }

suites=(eureka conformance admin pages cli)
# All but the last one need a checkout.
[ $# -gt 0 ] || set -- "${suites[@]:0:4}"
for suite in "$@"; do
    [[ " ${suites[*]} " == *" $suite "* ]] || fail "unknown suite $suite"
done
if [ "$*" != cli ]; then
    [ -n "${CASTALIA_TEST_UPSTREAM:-}" ] || fail "set CASTALIA_TEST_UPSTREAM to a checkout of github.com/apolloconfig/apollo"
    upstream=$(cd "$CASTALIA_TEST_UPSTREAM" && pwd)
    build "$@"
    tests/databases.sh up
    mysql=$(tests/databases.sh url mysql | sed 's,.*@\([^/]*\)/.*,\1,')
fi
trap end EXIT
cargo test --quiet --workspace --no-run --test suite --test admin
failed=()
# The first one needs a database that no other service uses.
for suite in "${suites[@]}"; do
    [[ " $* " != *" $suite "* ]] || "run_$suite" || failed+=("$suite")
done
[ ${#failed[@]} -eq 0 ] || fail "failed: ${failed[*]}"
