#!/usr/bin/env bash
# Fuzzes every target for SECONDS_PER_TARGET (default 60), starting from the stored corpus. `run.sh
# TARGET` runs one. Needs only the toolchain: the flags below are those of cargo-fuzz, whose
# directory layout is used here.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${SECONDS_PER_TARGET:-60}
host=$(rustc -vV | sed -n 's/^host: //p')
# Coverage instrumentation and the address sanitizer are unstable compiler options.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Ccodegen-units=1"
cargo build --release --quiet --target "$host" --bins

fuzz() { # TARGET
  local target=$1 log
  mkdir -p "corpus/$target" "artifacts/$target"
  log=$(mktemp)
  if ! "target/$host/release/$target" "corpus/$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=5 \
      -artifact_prefix="artifacts/$target/" -print_final_stats=1 >"$log" 2>&1; then
    tail -40 "$log"
    echo "fuzz: $target failed; the input is in fuzz/artifacts/$target" >&2
    return 1
  fi
  echo "fuzz: $target ran $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in ${seconds}s without a finding"
  rm -f "$log"
}

export -f fuzz
export host seconds
# One on each processor.
echo "${1:-$(sed -n 's/^name = "\(.*\)"/\1/p' Cargo.toml | grep -v castalia-fuzz)}" |
  xargs -n 1 -P "$(nproc)" bash -c 'fuzz "$1"' fuzz
