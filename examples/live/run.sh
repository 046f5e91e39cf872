#!/usr/bin/env bash
# Starts a server and the example of every language, publishes once, and prints how long after the
# request each program had printed the new value. Builds what is missing first, which takes some
# minutes. PROFILE is the cargo profile (release).
set -euo pipefail
# Each job is a process group of its own, so that this script can end the processes that the
# examples started.
set -m
cd "$(dirname "$0")/../.."
languages=(rust c cpp python node kotlin)
scratch=$(mktemp -d)
end() {
  trap - EXIT
  for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap end EXIT
trap 'exit 1' INT TERM
fail() { echo "examples/live: $*" >&2; exit 1; }

# Waits until a file has the given number of lines; the timeout allows for a first build.
lines() { # file, count, process
  for _ in $(seq 12000); do
    [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -lt "$2" ] || return 0
    kill -0 "$3" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# Prints the address that a role of the server listens on.
address() { sed -n "s/.*\"listening\",\"role\":\"$1\",\"address\":\"\([^\"]*\)\".*/http:\/\/\1/p" "$scratch/server"; }

listening() { # process
  for _ in $(seq 3000); do
    [ -z "$(address portal)" ] || [ -z "$(address config)" ] || return 0
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

profile=${PROFILE:-release}
packages=(-p castalia-server)
[ "$profile" != dev ] || packages=(--workspace --all-targets)
cargo build --quiet --profile "$profile" "${packages[@]}"
# Seconds. At the end of a poll, a change arrives that no push announced.
CASTALIA_LONG_POLLING_TIMEOUT=85 \
  "${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}/castalia" serve --data-dir "$scratch/data" --config-port 0 --admin-port 0 --portal-port 0 \
    --log-format json >"$scratch/server" 2>"$scratch/server.log" &
listening $! || fail "the server does not start: $(cat "$scratch/server.log")"
export APP_ID=sample-app APOLLO_META EXAMPLE_PORTAL APOLLO_CACHE_DIR=$scratch/cache
APOLLO_META=$(address config)
# Of the clients, in milliseconds: a busy machine may stop for seconds, and a refresh must not
# replace a push that is lost.
patient=(APOLLO_{CONNECT,READ,DISCOVERY_CONNECT,DISCOVERY_READ}_TIMEOUT=60000 CASTALIA_START_TIMEOUT=60000
  CASTALIA_REFRESH_INTERVAL=3600000)
# The shell must not delay the first poll, or the last example would miss the push.
export APOLLO_LONG_POLLING_INITIAL_DELAY_IN_MILLS=0
EXAMPLE_PORTAL=$(address portal)

for language in "${languages[@]}"; do
  : >"$scratch/$language"
  (env "${patient[@]}" examples/run.sh "$language" 2>"$scratch/$language.log" |
    while IFS= read -r line; do echo "$EPOCHREALTIME $line"; done >"$scratch/$language") &
  lines "$scratch/$language" 1 $! || fail "$language does not start: $(cat "$scratch/$language.log")"
  echo "$language: $(cut -d' ' -f2- "$scratch/$language")"
done

published=$(examples/publish.sh "good morning" "$scratch/data")
echo "$published"
deadline=$((SECONDS + 45))
for language in "${languages[@]}"; do
  until [ "$(wc -l <"$scratch/$language")" -ge 2 ] || [ "$SECONDS" -ge "$deadline" ]; do sleep 0.1; done
  read -r moment line <<<"$(sed -n 2p "$scratch/$language")"
  [[ $line == *"good morning"* ]] || fail "$language did not show the change: $line"
  awk -v language="$language" -v from="${published##* }" -v to="$moment" -v line="$line" \
    'BEGIN { printf "%-7s %6.1f ms  %s\n", language, (to - from) * 1000, line }'
done
