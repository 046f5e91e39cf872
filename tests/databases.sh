#!/usr/bin/env bash
# MariaDB and PostgreSQL for tests, from Debian's packages, with their own data directory and ports.
# Installs OpenLDAP and PgBouncer as well, which tests start themselves.
#
#   tests/databases.sh up              install what is missing and start both, unless they are
# running (also: up mysql, up postgres)
#   tests/databases.sh url mysql       print the URL of a user that may create databases (also:
# postgres)
#                                      (castalia_rows with the same password may read and write rows, and nothing else;
#                                      castalia_marked has a password that tests recognise in logs)
#   tests/databases.sh down            stop both and delete their data
#
# CASTALIA_TEST_DIR is the data directory, /tmp/castalia-databases by default.
set -euo pipefail

dir=${CASTALIA_TEST_DIR:-/tmp/castalia-databases}
mysql_port=${CASTALIA_TEST_MYSQL_PORT:-33306}
postgres_port=${CASTALIA_TEST_POSTGRES_PORT:-55432}
# As in tests/server/secret.rs.
marked=marked-database-password-41c6e0b27d95

fail() { echo "databases.sh: $*" >&2; exit 1; }

# The first line of the file is the id of a running process.
alive() { [ -s "$1" ] && kill -0 "$(head -n 1 "$1")" 2>/dev/null; }

# Repeats the command until it succeeds, for at most half a minute.
eventually() {
    for _ in $(seq 300); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    fail "gave up waiting for: $*"
}

postgres_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }

mysql_root() { mariadb --no-defaults --socket="$dir/run/sock" -uroot "$@"; }

postgres_root() { runuser -u postgres -- psql -X -q -h "$dir/pg" -p "$postgres_port" -d postgres "$@"; }

install_packages() {
    local missing=()
    command -v mariadbd >/dev/null || missing+=(mariadb-server)
    [ -x "$(postgres_bin)/initdb" ] || missing+=(postgresql)
    [ -x /usr/sbin/slapd ] || missing+=(slapd)
    command -v pgbouncer >/dev/null || missing+=(pgbouncer)
    command -v strace >/dev/null || missing+=(strace)
    [ ${#missing[@]} -eq 0 ] && return
    # Without this the package starts a server with an empty directory.
    [ "$(id -u)" != 0 ] || echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
    "$(dirname "${BASH_SOURCE[0]}")/../.ci/apt" "${missing[@]}"
}

make_directories() {
    install -d -m 755 "$dir"
    install -d -o mysql -g mysql -m 700 "$dir/my"
    install -d -o mysql -g mysql -m 755 "$dir/run"
    install -d -o postgres -g postgres -m 700 "$dir/pg"
}

# Commits reach the operating system but not the disk: a killed server loses nothing, and tests are
# faster.
start_mysql() {
    [ -d "$dir/my/mysql" ] || mariadb-install-db --no-defaults --user=mysql --datadir="$dir/my" \
        --auth-root-authentication-method=socket --skip-test-db >&2
    if ! alive "$dir/run/pid"; then
        setsid mariadbd --no-defaults --user=mysql --datadir="$dir/my" \
            --socket="$dir/run/sock" --pid-file="$dir/run/pid" --log-error="$dir/run/error.log" \
            --port="$mysql_port" --bind-address=127.0.0.1 --skip-name-resolve \
            --innodb-flush-log-at-trx-commit=2 --debug-no-sync --innodb-flush-method=nosync \
            --skip-innodb-doublewrite --skip-sync-frm --max-connections=500 \
            --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci \
            </dev/null >/dev/null 2>&1 9>&- &
    fi
    eventually mysql_root -e 'SELECT 1'
    mysql_root -e "CREATE DATABASE IF NOT EXISTS castalia;
        CREATE USER IF NOT EXISTS 'castalia'@'127.0.0.1' IDENTIFIED BY 'castalia';
        GRANT ALL ON *.* TO 'castalia'@'127.0.0.1' WITH GRANT OPTION;
        CREATE USER IF NOT EXISTS 'castalia_rows'@'127.0.0.1' IDENTIFIED BY 'castalia';
        GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO 'castalia_rows'@'127.0.0.1';
        CREATE USER IF NOT EXISTS 'castalia_marked'@'127.0.0.1' IDENTIFIED BY '$marked';
        GRANT ALL ON *.* TO 'castalia_marked'@'127.0.0.1';"
}

# No autovacuum, because its connection prevents a database from being removed.
start_postgres() {
    local bin
    bin=$(postgres_bin)
    [ -s "$dir/pg/PG_VERSION" ] || runuser -u postgres -- "$bin/initdb" -D "$dir/pg" -E UTF8 \
        --locale=C.UTF-8 -U postgres --auth-local=peer --auth-host=md5 >&2
    alive "$dir/pg/postmaster.pid" || runuser -u postgres -- "$bin/pg_ctl" -s -D "$dir/pg" -w -t 60 \
        -l "$dir/pg/log" -o "-p $postgres_port -c listen_addresses=127.0.0.1 \
            -c unix_socket_directories=$dir/pg -c fsync=off -c max_connections=500 -c autovacuum=off" start >&2 9>&-
    eventually postgres_root -c 'SELECT 1'
    [ -n "$(postgres_root -tc "SELECT 1 FROM pg_roles WHERE rolname = 'castalia'")" ] ||
        postgres_root -c "SET password_encryption = 'md5'; CREATE ROLE castalia LOGIN CREATEDB PASSWORD 'castalia'"
    [ -n "$(postgres_root -tc "SELECT 1 FROM pg_roles WHERE rolname = 'castalia_rows'")" ] ||
        postgres_root -c "CREATE ROLE castalia_rows LOGIN PASSWORD 'castalia'"
    [ -n "$(postgres_root -tc "SELECT 1 FROM pg_roles WHERE rolname = 'castalia_marked'")" ] ||
        postgres_root -c "CREATE ROLE castalia_marked LOGIN PASSWORD '$marked' IN ROLE castalia"
    [ -n "$(postgres_root -tc "SELECT 1 FROM pg_database WHERE datname = 'castalia'")" ] ||
        postgres_root -c 'CREATE DATABASE castalia OWNER castalia'
}

up() {
    install_packages
    mkdir -p "$dir"
    # Two concurrent runs would start two servers. Children must not inherit the lock, or it
    # outlives the script.
    exec 9>"$dir/.lock"
    flock 9
    make_directories
    case "${1:-}" in
        mysql) start_mysql ;;
        postgres) start_postgres ;;
        *) start_mysql && start_postgres ;;
    esac
}

down() {
    if alive "$dir/run/pid"; then
        local pid
        pid=$(head -n 1 "$dir/run/pid")
        kill "$pid"
        eventually eval "! kill -0 $pid"
    fi
    if alive "$dir/pg/postmaster.pid"; then
        runuser -u postgres -- "$(postgres_bin)/pg_ctl" -s -D "$dir/pg" -m fast -w stop >&2
    fi
    rm -rf "$dir"
}

case "${1:-}" in
    up) up "${2:-}" ;;
    down) down ;;
    url)
        case "${2:-}" in
            mysql) echo "mysql://castalia:castalia@127.0.0.1:$mysql_port/castalia" ;;
            postgres) echo "postgres://castalia:castalia@127.0.0.1:$postgres_port/castalia" ;;
            *) fail "usage: databases.sh url mysql|postgres" ;;
        esac
        ;;
    *) fail "usage: databases.sh up [mysql|postgres]|down|url mysql|url postgres" ;;
esac
