#!/usr/bin/env bash
# Builds and runs the example of a language against the server of `make run`.
# usage: examples/run.sh c|cpp|python
set -euo pipefail
cd "$(dirname "$0")/.."
export APP_ID=${APP_ID:-sample-app} APOLLO_META=${APOLLO_META:-http://127.0.0.1:8080}
build() { # compiler, source
  cargo build --quiet --release -p castalia-ffi
  mkdir -p target/examples
  $1 -Iinclude "$2" -Ltarget/release -lcastalia -Wl,-rpath,"$PWD/target/release" -o "target/examples/hello"
  exec target/examples/hello
}
case ${1:?name a language: c, cpp or python} in
  c) build "${CC:-cc}" examples/c/hello.c ;;
  cpp) build "${CXX:-c++} -std=c++17" examples/cpp/hello.cpp ;;
  python)
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/pip install --quiet ./bindings/python
    exec .venv/bin/python examples/python/hello.py
    ;;
  *) echo "no example in $1; there are c, cpp and python" >&2; exit 2 ;;
esac
