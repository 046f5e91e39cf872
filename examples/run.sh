#!/usr/bin/env bash
# Builds and runs the example of a language against the server of `make run`.
# usage: examples/run.sh c|cpp|kotlin|node|python|rust
set -euo pipefail
cd "$(dirname "$0")/.."
export APP_ID=${APP_ID:-sample-app} APOLLO_META=${APOLLO_META:-http://127.0.0.1:8080}
build() { # compiler, source, name
  cargo build --quiet --release -p castalia-ffi
  mkdir -p target/examples
  # The name that the library asks to be found under, which cargo does not make.
  ln -sf ../release/libcastalia.so target/examples/libcastalia.so.1
  $1 -Iinclude "$2" -Ltarget/release -lcastalia -Wl,-rpath,"$PWD/target/examples" -o "target/examples/hello-$3"
  exec "target/examples/hello-$3"
}
case ${1:?name a language: c, cpp, kotlin, node, python or rust} in
  c) build "${CC:-cc}" examples/c/hello.c c ;;
  cpp) build "${CXX:-c++} -std=c++17" examples/cpp/hello.cpp cpp ;;
  kotlin)
    mvn=(mvn --batch-mode --quiet --no-transfer-progress)
    "${mvn[@]}" -f bindings/kotlin/pom.xml install -Dcargo.profile=release -Dbuild.folder=target/release \
      -Dmaven.test.skip=true
    exec "${mvn[@]}" -f examples/kotlin/pom.xml compile exec:exec
    ;;
  node)
    rm -rf target/examples/node
    mkdir -p target/examples/node
    cargo build --quiet --release -p castalia-node
    cp target/release/libcastalia_node.so target/examples/castalia.node
    node bindings/node/pack.mjs target/examples/castalia.node target/examples/node
    cp examples/node/hello.mjs target/examples/node
    cd target/examples/node
    npm install --silent --offline --no-audit --no-fund --prefix . ./*.tgz
    exec node hello.mjs
    ;;
  python)
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/pip install --quiet ./bindings/python
    exec .venv/bin/python examples/python/hello.py
    ;;
  rust)
    cargo build --quiet --release -p castalia-core --example hello
    exec target/release/examples/hello
    ;;
  *) echo "no example in $1; there are c, cpp, kotlin, node, python and rust" >&2; exit 2 ;;
esac
