#!/usr/bin/env bash
# Installs the wheel and the npm packages of `make test-packages` beside the frameworks of their users, and starts
# each framework against one server: every worker reads a value, shows the one that is published then, and ends
# with its framework. Needs target/package-dev (or the directory in CASTALIA_TEST_PACKAGES) and the server, which is
# built unless CASTALIA_TEST_BINARY names one. `tests/frameworks/run.sh install` only installs the frameworks, and
# `python` or `node` selects a language; what is installed is in target/frameworks.
#
# python/ and node/ contain the tests, the list of what they install, and in programs/ what a user would write.
# usage: tests/frameworks/run.sh [install|python|node]
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/frameworks
root=$PWD
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
places=$target/frameworks
programs=$places/node/programs
packages=$(realpath -m "${CASTALIA_TEST_PACKAGES:-target/package-dev}")
tools=$(realpath -m "${CASTALIA_VENV:-.venv}")
fail() { echo "tests/frameworks: $*" >&2; exit 1; }

# Python's frameworks are in an environment, which is complete once it has the list.
install_python() {
  cmp --silent $here/python/requirements.txt "$places/python/requirements.txt" && return
  rm -rf "$places/python"
  python3 -m venv "$places/python"
  "$places/python/bin/pip" install --quiet --disable-pip-version-check -r $here/python/requirements.txt
  cp $here/python/requirements.txt "$places/python"
}

install_node() {
  mkdir -p "$places/node"
  cmp --silent $here/node/package-lock.json "$places/node/package-lock.json" ||
    cp $here/node/package{,-lock}.json "$places/node"
  # Some would compile what their packages also have for this platform.
  npm_config_ignore_scripts=true .ci/npm "$places/node"
}

# The packages are installed anew, because their contents change and their versions do not.
prepare_python() {
  bindings/python/environment.sh
  "$places/python/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps --no-index \
    --find-links "$packages" castalia
  "$tools/bin/ruff" format --no-cache --quiet --check --config bindings/python/pyproject.toml $here
  "$tools/bin/ruff" check --no-cache --quiet --config bindings/python/pyproject.toml $here
}

test_python() { "$places/python/bin/pytest" -q -p no:cacheprovider -c /dev/null --rootdir $here/python $here/python; }

# The programs are in a folder of their own in the one of the frameworks, and find those above.
prepare_node() {
  local bin=$root/bindings/node/node_modules/.bin platform version
  platform=$(node -p 'const { platform, arch } = process; platform + "-" + arch + (platform === "linux" ? "-gnu" : "")')
  version=$(node -p 'require("./bindings/node/package.json").version')
  rm -rf "$programs"
  cp -r $here/node/programs "$programs"
  echo '{ "private": true, "type": "module" }' >"$programs/package.json"
  (
    cd "$programs"
    npm install --silent --no-save --offline --ignore-scripts --no-audit --no-fund \
      "$packages/castalia-$version.tgz" "$packages/castalia-node-$platform-$version.tgz"
  )
  .ci/npm bindings/node
  (
    cd $here/node
    "$bin/eslint" --config "$root/bindings/node/eslint.config.mjs" .
    "$bin/prettier" --config "$root/bindings/node/.prettierrc.json" --log-level warn --check .
  )
}

test_node() { CASTALIA_TEST_PROGRAMS=$programs node --test --test-reporter=spec $here/node/*.test.mjs; }

case ${1:-all} in
  all) languages=(python node) ;;
  python | node) languages=("$1") ;;
  install) install_python; install_node; exit ;;
  *) echo "tests/frameworks: $1 is neither install nor python or node" >&2; exit 2 ;;
esac
for kind in '*.whl' 'node-*.tgz'; do
  compgen -G "$packages/castalia-$kind" >/dev/null || fail "$packages has no castalia-$kind: make test-packages"
done
for language in "${languages[@]}"; do
  "install_$language"
  "prepare_$language"
done
binary=${CASTALIA_TEST_BINARY:-$target/debug/castalia}
# The whole workspace: a part of it unifies other features and would compile the dependencies twice.
[ -n "${CASTALIA_TEST_BINARY:-}" ] || cargo build --quiet --workspace --all-targets

# The server refuses variables that look like settings of it.
unset CASTALIA_VENV

scratch=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ] && kill "$server" 2>/dev/null; then wait "$server" || true; fi
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' INT TERM

# Seconds. At the end of a poll, a change arrives that no push announced.
CASTALIA_LONG_POLLING_TIMEOUT=85 "$binary" serve --data-dir "$scratch/data" \
  --config-port 0 --admin-port 0 --portal-port 0 --log-format json >"$scratch/log" 2>&1 &
server=$!
address() { sed -n "s/.*\"listening\",\"role\":\"$1\",\"address\":\"\([^\"]*\)\".*/http:\/\/\1/p" "$scratch/log"; }
for _ in $(seq 3000); do
  [ -z "$(address portal)" ] || [ -z "$(address config)" ] || break
  kill -0 $server 2>/dev/null || break
  sleep 0.1
done
[ -n "$(address portal)" ] || fail "the server does not start: $(cat "$scratch/log")"

# What the tests publish with.
export CASTALIA_TEST_PORTAL CASTALIA_TEST_TOKEN TMPDIR=$scratch
CASTALIA_TEST_PORTAL=$(address portal)
CASTALIA_TEST_TOKEN=$("$binary" token create --log-level warn --name frameworks --app sample-app \
  --data-dir "$scratch/data" 2>"$scratch/token.log" | awk '{ print $NF }') || fail "no token: $(cat "$scratch/token.log")"
# What the programs open their clients with; each test adds a cluster of its own. Times are in milliseconds: a busy
# machine may stop for seconds, and a refresh must not replace a push that is lost.
export APP_ID=sample-app APOLLO_META APOLLO_CACHE_FILE_ENABLE=false APOLLO_LONG_POLLING_INITIAL_DELAY_IN_MILLS=0
export {APOLLO_{CONNECT,READ,DISCOVERY_CONNECT,DISCOVERY_READ}_TIMEOUT,CASTALIA_START_TIMEOUT}=60000
export CASTALIA_REFRESH_INTERVAL=3600000
APOLLO_META=$(address config)

failed=
for language in "${languages[@]}"; do
  start=$SECONDS
  "test_$language" || failed+=" $language"
  echo "tests/frameworks: $language took $((SECONDS - start)) s"
done
[ -z "$failed" ] || fail "failed:$failed"
