# The commands that one has to know. Each target is short; what is longer is a script beside what it serves.

SHELL := /bin/bash
.DEFAULT_GOAL := help
SECONDS_PER_TARGET ?= 60
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help: ## list these
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: tools
tools: ## say which toolchain is missing, by name and package
	@.ci/tools

.PHONY: web
web: ## build the web UI that the server embeds
	@.ci/tools server
	@.ci/web

.PHONY: run
run: web ## build and start the server with all roles on SQLite in ./data
	cargo build --release -p castalia-server
	@exec $(TARGET)/release/castalia serve

.PHONY: build
build: tools web ## build the whole workspace, debug
	cargo build --workspace --all-targets

.PHONY: check
check: lint build ## what must pass before a commit: linters, and Rust tests on SQLite
	CASTALIA_TEST_DATABASES=sqlite cargo test --workspace --quiet

.PHONY: fmt fmt-check
fmt: ## format everything
	cargo fmt --all
	cd fuzz && cargo fmt
	cd server/web && npm run --silent format

fmt-check: tools ## is everything formatted
	cargo fmt --all --check
	cd fuzz && cargo fmt --check

.PHONY: lint clippy docs server-alone licences
lint: fmt-check clippy docs server-alone licences header-check ## all linters
	cd server/web && npm run --silent lint && npm run --silent typecheck

clippy: web
	cargo clippy --workspace --all-targets --quiet -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet -p castalia-core -p castalia-ffi

# Alone, the server takes the core without its client part: a wrong import breaks this build.
server-alone:
	cargo check --quiet -p castalia-server
	cargo check --quiet -p castalia-core --no-default-features
	cargo check --quiet -p castalia-core --features insecure-tls

licences:
	@.ci/licences

.PHONY: header header-check
header: ## regenerate include/castalia.h
	CASTALIA_TEST_WRITE_HEADER=1 cargo test --quiet -p castalia-ffi --test header

header-check: ## is include/castalia.h what the source says
	cargo test --quiet -p castalia-ffi --test header

.PHONY: test test-rust test-bindings databases test-databases test-interop test-packages test-demo test-upstream
test: lint build test-interop test-bindings test-packages test-demo test-rust test-databases ## every linter, every test of every language
	@echo "MariaDB and PostgreSQL keep running for the next tests; tests/databases.sh down stops them."

test-rust: databases ## Rust: units and black box, on all databases
	cargo test --workspace --quiet
	cd server/web && npm test --silent

test-interop: tools ## build the programs that the interop suite runs
	tests/interop/run.sh

databases: ## install and start MariaDB and PostgreSQL for the tests
	tests/databases.sh up

test-databases: ## the cases of config and admin service on MariaDB and PostgreSQL
	tests/on_databases.sh

test-bindings: web ## every other language
	tests/c/run.sh
	bindings/python/test.sh
	bindings/node/test.sh
	bindings/kotlin/test.sh

test-packages: web ## pack for every language, install elsewhere and run, unoptimised
	PROFILE=dev $(MAKE) package PACKAGES=target/package-dev

test-demo: web ## each example as its readme says, all beside one server, unoptimised
	PROFILE=dev examples/live/run.sh

test-upstream: web ## the cases against Apollo itself, from CASTALIA_TEST_UPSTREAM=its checkout; half an hour
	tests/upstream.sh

.PHONY: install package package-musl demo
install: ## install library, headers and package files for C and C++ into PREFIX (/usr/local)
	ffi/install.sh

PACKAGES ?= target/package
package: web ## build wheel, npm tarballs, jar and C archive into PACKAGES, install each elsewhere and run it
	ffi/package.sh $(PACKAGES)
	bindings/node/package.sh $(PACKAGES)
	CASTALIA_NATIVE=$(abspath $(wildcard $(PACKAGES)/musl/native)) bindings/kotlin/package.sh $(PACKAGES)
	bindings/kotlin/package.sh check $(PACKAGES)
	# After the others: maturin sets up zig in its own way, so that what it shares with them is compiled again.
	bindings/python/package.sh $(PACKAGES)

package-musl: ## the same for Alpine, before `make package`, which takes along what it makes
	LIBC=musl ffi/package.sh $(PACKAGES)
	LIBC=musl bindings/node/package.sh $(PACKAGES)
	LIBC=musl bindings/kotlin/package.sh $(PACKAGES)
	LIBC=musl bindings/python/package.sh $(PACKAGES)

demo: web ## a server and a program in every language: publish once, see each print it
	examples/live/run.sh

.PHONY: fuzz
fuzz: ## each parser of outside bytes for SECONDS_PER_TARGET
	SECONDS_PER_TARGET=$(SECONDS_PER_TARGET) fuzz/run.sh

.PHONY: bench bench-quick
bench: web ## the product against references, as ratios of one run
	cargo build --profile dist -p castalia-server -p castalia-bench
	$(TARGET)/dist/bench all
	bench/language/run.sh

bench-quick: web ## the short form, which CI runs
	cargo build --release -p castalia-server -p castalia-bench
	$(TARGET)/release/bench quick

.PHONY: clean
clean: ## remove everything that was built
	cargo clean
	rm -rf fuzz/target server/web/dist server/web/node_modules tests/interop/java/target .venv data
