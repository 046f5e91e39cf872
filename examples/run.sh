#!/usr/bin/env bash
# Builds and runs the example of a language against the server of `make run`. PROFILE is the cargo
# profile (release).
# usage: examples/run.sh c|cpp|kotlin|node|python|rust|spring
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${PROFILE:-release}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
built=$target/${profile/#dev/debug}
places=$target/examples
cargo_build() { # package and its options
  # Tests always build the whole workspace: a part of it unifies other features and would compile
  # the dependencies twice.
  [ "$profile" != dev ] || set -- --workspace --all-targets
  cargo build --quiet --profile "$profile" "$@"
}
export APP_ID=${APP_ID:-sample-app} APOLLO_META=${APOLLO_META:-http://127.0.0.1:8080}
build() { # compiler, source, name
  cargo_build -p castalia-ffi
  mkdir -p "$places"
  # The soname of the library, for which cargo creates no file.
  ln -sf "$built/libcastalia.so" "$places/libcastalia.so.1"
  $1 -Iinclude "$2" -L"$built" -lcastalia -Wl,-rpath,"$places" -o "$places/hello-$3"
  exec "$places/hello-$3"
}
case ${1:?name a language: c, cpp, kotlin, node, python, rust or spring} in
  c) build "${CC:-cc}" examples/c/hello.c c ;;
  cpp) build "${CXX:-c++} -std=c++17" examples/cpp/hello.cpp cpp ;;
  kotlin | spring)
    mvn=(mvn --batch-mode --quiet --no-transfer-progress)
    folder=target/$profile
    "${mvn[@]}" -f bindings/pom.xml install -Dcargo.profile="$profile" -Dbuild.folder="${folder%/dev}" -Dmaven.test.skip=true
    exec "${mvn[@]}" -f "examples/$1/pom.xml" compile exec:exec
    ;;
  node)
    rm -rf "$places/node"
    mkdir -p "$places/node"
    cargo_build -p castalia-node
    cp "$built/libcastalia_node.so" "$places/castalia.node"
    node bindings/node/pack.mjs "$places/castalia.node" "$places/node"
    cp examples/node/hello.mjs "$places/node"
    cd "$places/node"
    npm install --silent --offline --no-audit --no-fund --prefix . ./*.tgz
    exec node hello.mjs
    ;;
  python)
    cargo_build -p castalia-python
    rm -rf "$places/python"
    mkdir -p "$places/python"
    cp -r bindings/python/python/castalia "$places/python"
    cp "$built/lib_native.so" "$places/python/castalia/_native.abi3.so"
    PYTHONPATH=$places/python exec python3 examples/python/hello.py
    ;;
  rust)
    cargo_build -p castalia-core --example hello
    exec "$built/examples/hello"
    ;;
  *) echo "no example in $1; there are c, cpp, kotlin, node, python, rust and spring" >&2; exit 2 ;;
esac
