#!/usr/bin/env bash
# Measures C, C++, Kotlin, Node and Python: one read, compared with the maps of the language; a
# publish until the listener is called, compared with C; loading the library, and a client with its
# first namespace. Then the sizes of the packages. Prints ns and ratios of one run, and exits with 1
# if a goal is missed. PROFILE is the cargo profile (dist).
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${PROFILE:-dist}
target=$(realpath "${CARGO_TARGET_DIR:-target}")
venv=${CASTALIA_VENV:-.venv}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

packed=$(.ci/portable "$profile")
PREFIX=$scratch/castalia PROFILE=$profile BUILT=$packed ffi/install.sh
strip --strip-all "$scratch/castalia/lib/libcastalia.so"
strip --strip-all -o "$scratch/castalia.node" "$packed/libcastalia_node.so"
cargo build --quiet --profile "$profile" -p castalia-contract --bins --example map
built=$target/$profile
export LD_LIBRARY_PATH=$scratch/castalia/lib
flags=(-O2 -Itests/c -I"$scratch/castalia/include" -L"$scratch/castalia/lib")
cc -std=c11 -D_GNU_SOURCE "${flags[@]}" bench/language/read.c -o "$scratch/read-c" -lcastalia
cc -std=c11 -D_GNU_SOURCE "${flags[@]}" bench/language/notify.c -o "$scratch/notify-c" -lcastalia -pthread
cc -std=c11 -D_GNU_SOURCE "${flags[@]}" bench/language/start.c -o "$scratch/start-c"
c++ -std=c++17 "${flags[@]}" bench/language/read.cpp -o "$scratch/read-cpp" -lcastalia

{
  "$built/examples/map"
  "$built/castalia-scripted" "$scratch/read-c" 2>&1
  "$built/castalia-scripted" "$scratch/read-cpp" 2>&1
  "$built/castalia-scripted" "$scratch/notify-c" 2>&1
  "$built/castalia-scripted" "$scratch/start-c" 2>&1
  if [ -n "$(command -v mvn)" ]; then
    kotlin=bindings/kotlin/target
    PROFILE=$profile bindings/kotlin/package.sh "$scratch" >&2
    mvn --batch-mode --quiet --no-transfer-progress -f bindings/kotlin/pom.xml package -DskipTests >&2
    for program in ReadBenchKt NotifyBenchKt StartBenchKt; do
      "$built/castalia-scripted" java -cp "$scratch/*:$kotlin/libraries/*:$kotlin/test-classes" $program 2>&1
    done
  fi
  bindings/node/build.sh
  for program in read notify start; do
    CASTALIA_NODE_NATIVE_PATH=$scratch/castalia.node "$built/castalia-scripted" node bench/language/$program.mjs 2>&1
  done
  if [ -x "$venv/bin/maturin" ]; then
    VIRTUAL_ENV=$(realpath "$venv") "$venv/bin/maturin" build --quiet --profile "$profile" -m bindings/python/Cargo.toml \
      --interpreter "$venv/bin/python" --out "$scratch" >/dev/null 2>&1
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$scratch/python" "$scratch"/*.whl
    for program in read notify start; do
      PYTHONPATH=$scratch/python "$built/castalia-scripted" "$venv/bin/python" bench/language/$program.py 2>&1
    done
  fi
  stat --printf 'size %s %n\n' "$scratch"/castalia/lib/libcastalia.so* "$scratch"/castalia.node "$scratch"/*.whl \
    "$scratch"/*.jar 2>/dev/null | sed "s,$scratch/,," || true
} | awk '
  $1 == "size" { if ($2 > 1000) printf "%-16s %9.0f kB  %s\n", "size", $2 / 1024, $3; next }
  BEGIN { goal["c-borrowed"] = 1.3; goal["cpp-borrowed"] = 1.3; goal["c-copied"] = 2.5
    goal["kotlin-get"] = 1.6; goal["node-get"] = 1.3; goal["python-get"] = 1.8
    goal["kotlin-notify"] = 1.5; goal["node-notify"] = 1.5; goal["python-notify"] = 1.5
    own["kotlin"] = "kotlin-map-get"; own["node"] = "node-map-get"; own["python"] = "python-dict-get" }
  { language = $1; sub(/-.*/, "", language); time[$1] = $2
    reference = $1 ~ /-(import|start)$/ ? 0 : time[$1 ~ /-notify$/ ? "c-notify" : language in own ? own[language] : "rust-map"] }
  { ratio = reference ? sprintf("%5.2fx", $2 / reference) : "" }
  { verdict = !goal[$1] ? "" : ($2 / reference <= goal[$1]) ? "ok, at most " goal[$1] "x" : "MISSED, at most " goal[$1] "x" }
  { printf "%-16s %9.1f ns %s  %s\n", $1, $2, ratio, verdict; missed += verdict ~ /MISSED/ }
  END { exit missed > 0 }'
