# The common commands. Longer ones are scripts beside what they serve.

SHELL := /bin/bash
.DEFAULT_GOAL := help
SECONDS_PER_TARGET ?= 60
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: tools
tools: ## name missing toolchains and the packages that provide them
	@.ci/tools

.PHONY: web
web: ## build the web UI that the server embeds
	@.ci/tools server
	@.ci/web

.PHONY: run
# An unoptimised server reads the web UI from its directory while it runs, so both are built at the same time.
run: ## build (unoptimised) and start the server with all roles on SQLite in ./data
	@.ci/tools server
	@mkdir -p server/web/dist
	@.ci/web & web=$$!; cargo build -p castalia-server; built=$$?; wait $$web && [ $$built = 0 ]
	@exec $(TARGET)/debug/castalia serve

.PHONY: dist
dist: web ## build the server for production: target/dist/castalia
	.ci/dist castalia-server

.PHONY: reproducible
reproducible: ## check that two builds for production are equal; takes half an hour
	.ci/reproducible

.PHONY: build
# As for `run`: the downloads of npm wait for the network, and compiling for the processors.
build: tools ## build the whole workspace (debug)
	@mkdir -p server/web/dist
	@{ .ci/web && bindings/node/build.sh; } & web=$$!; cargo build --workspace --all-targets; built=$$?; wait $$web && [ $$built = 0 ]

.PHONY: check
check: lint build ## run before a commit: linters, and Rust tests on SQLite
	CASTALIA_TEST_DATABASES=sqlite cargo test --workspace --quiet

.PHONY: fmt fmt-check
fmt: ## format everything
	cargo fmt --all
	cd fuzz && cargo fmt
	cd server/web && npm run --silent format
	.ci/npm tests/browser && cd tests/browser && npm run --silent format

fmt-check: tools ## check the formatting
	cargo fmt --all --check
	cd fuzz && cargo fmt --check

.PHONY: lint lint-patiently clippy docs core-alone licences pages
lint-patiently:
	@nice -n 19 $(MAKE) --no-print-directory lint

# A directory of its own, so that linters and builds never wait for each other.
lint: export CARGO_TARGET_DIR := $(abspath $(TARGET)/lint)
lint: fmt-check clippy docs core-alone licences pages ## run all linters
	cd server/web && npm run --silent lint && npm run --silent typecheck
	.ci/npm tests/browser && cd tests/browser && npm run --silent lint

# CI compiles the workspace with Clippy, which has then linted it already.
clippy: web
	[ -n "$$RUSTC_WORKSPACE_WRAPPER" ] || cargo clippy --workspace --all-targets --quiet -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet -p castalia-core -p castalia-ffi

# The features that nothing in the workspace selects alone.
core-alone:
	cargo check --quiet -p castalia-core --no-default-features
	cargo check --quiet -p castalia-core --no-default-features --features discovery
	cargo check --quiet -p castalia-core --no-default-features --features blocking
	cargo check --quiet -p castalia-core --features insecure-tls

licences:
	@.ci/parts check

.PHONY: parts advisories
parts: ## write what third-party code is shipped (CycloneDX) and its notices into target/parts
	.ci/parts write $(TARGET)/parts

advisories: ## check the dependencies against RustSec and npm (needs the internet, so that CI does not run it)
	cargo install --quiet --locked --no-default-features --root $(TARGET)/tools cargo-audit
	$(TARGET)/tools/bin/cargo-audit audit
	cd server/web && npm audit --omit=dev

pages:
	@.ci/pages

.PHONY: header header-check stub kotlin-calls
header: ## regenerate include/castalia.h
	CASTALIA_TEST_WRITE_HEADER=1 cargo test --quiet -p castalia-ffi --test header

header-check: ## check that include/castalia.h matches the source
	cargo test --quiet -p castalia-ffi --test header

stub: ## regenerate the types of the native half of the Python package
	bindings/python/stub.sh

kotlin-calls: ## regenerate the Kotlin half of the native library of the JVM
	bindings/kotlin/generate.sh

.PHONY: miri
miri: ## run the tests of the language boundary, the only unsafe code, under Miri (needs a nightly toolchain)
	rustup component add --toolchain nightly miri rust-src
	MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --target-dir $(TARGET)/miri -p castalia-ffi --lib

.PHONY: test test-browser test-document test-rust test-eureka test-web test-bindings test-examples databases installed test-databases test-long test-process test-interop test-packages test-frameworks test-demo test-upstream test-older
# In lanes, because tests and downloads wait most of the time; compilers and linters compute meanwhile,
# the latter at the lowest priority.
test: ## run all linters and the tests of all languages
	.ci/lanes "build" "databases test-interop installed"
	.ci/lanes "test-rust" "test-bindings test-examples test-packages test-frameworks test-demo test-document test-databases" \
	  "test-eureka test-web lint-patiently test-browser"
	@echo "MariaDB and PostgreSQL keep running for the next tests; tests/databases.sh down stops them."

# With two threads more than there are processors, because tests of faults wait half of their time.
test-rust: databases ## run the Rust tests, unit and black box, on all databases, except those of Eureka
	RUST_TEST_THREADS=$$(($$(nproc) + 2)) cargo test --workspace --no-fail-fast --quiet -- --skip server::eureka::

test-eureka: databases ## run the tests with clients and servers of Eureka, which mostly wait for leases
	cargo test --workspace --quiet --test suite -- server::eureka:: --test-threads 6

test-web: web ## run the unit tests of the web UI
	cd server/web && npm test --silent

test-document: web ## compare the answers to generated requests with the OpenAPI document, for a minute
	tests/document/run.sh

test-browser: build ## test the web UI in Chromium against a server on SQLite
	tests/browser/run.sh

test-interop: tools ## build the programs that the interop suite runs
	tests/interop/run.sh

databases: ## install and start MariaDB and PostgreSQL for tests
	tests/databases.sh up

installed: ## install what the tests of other languages and of the web UI need
	tests/c/run.sh install
	tests/browser/run.sh install
	bindings/python/environment.sh
	tests/frameworks/run.sh install

test-databases: ## run the cases of config and admin service on MariaDB and PostgreSQL
	tests/on_databases.sh

# What CI runs in part: the portal on both database servers, and the numbers of the specification.
test-long: build databases ## run the long versions of tests, for an hour
	CASTALIA_TEST_ON=mysql cargo test --workspace --quiet --test portal -- --test-threads=4
	CASTALIA_TEST_ON=postgres cargo test --workspace --quiet --test portal -- --test-threads=4
	CASTALIA_TEST_LONG=1 bindings/node/test.sh
	CASTALIA_TEST_LONG=1 bindings/kotlin/test.sh
	bindings/kotlin/matrix.sh
	CASTALIA_TEST_FUZZ=600 tests/c/run.sh
	$(MAKE) fuzz SECONDS_PER_TARGET=300

test-process: web ## run the portal's cases against a process for each, for minutes
	tests/portal_process.sh

test-bindings: web ## run the tests of the other languages
	tests/c/run.sh
	bindings/python/test.sh
	bindings/node/test.sh
	bindings/kotlin/test.sh

test-examples: ## run the examples in Python and Kotlin, after test-bindings
	cargo test --workspace --quiet --test suite examples:: -- --ignored

test-packages: web ## pack for each language, install elsewhere and run (unoptimised)
	PROFILE=dev $(MAKE) package PACKAGES=target/package-dev

test-frameworks: ## run the packages of test-packages in the web servers, task queues and test runners of their users
	tests/frameworks/run.sh

test-demo: web ## run the example of each language against one server (unoptimised)
	PROFILE=dev examples/live/run.sh

test-upstream: web ## run the cases against Apollo; CASTALIA_TEST_UPSTREAM is its checkout; forty minutes
	tests/upstream.sh

test-older: ## upgrade nodes from COMMIT to this checkout and back, on each database; a quarter of an hour
	tests/older.sh "$(COMMIT)"

.PHONY: install package package-musl demo
install: ## install library, headers and package files for C and C++ into PREFIX (/usr/local)
	ffi/install.sh

PACKAGES ?= target/package
package: web ## build wheel, npm tarballs, jar and C archive into PACKAGES, install each elsewhere and run it
	ffi/package.sh $(PACKAGES)
	bindings/node/package.sh $(PACKAGES)
	CASTALIA_NATIVE=$(abspath $(wildcard $(PACKAGES)/musl/native)) bindings/kotlin/package.sh $(PACKAGES)
	bindings/kotlin/package.sh check $(PACKAGES)
	# Last, because maturin configures zig differently, which recompiles shared dependencies.
	bindings/python/package.sh $(PACKAGES)

package-musl: ## build the Alpine variants; run before `make package`, which includes them
	LIBC=musl ffi/package.sh $(PACKAGES)
	LIBC=musl bindings/node/package.sh $(PACKAGES)
	LIBC=musl bindings/kotlin/package.sh $(PACKAGES)
	LIBC=musl bindings/python/package.sh $(PACKAGES)

demo: web ## publish once and see a program in each language print the new value
	examples/live/run.sh

.PHONY: fuzz
fuzz: ## fuzz each parser of untrusted input for SECONDS_PER_TARGET
	SECONDS_PER_TARGET=$(SECONDS_PER_TARGET) fuzz/run.sh

.PHONY: bench bench-quick
bench: web ## compare the product with reference programs, as ratios of one run
	.ci/dist castalia-server castalia-bench
	$(TARGET)/dist/bench all
	bench/language/run.sh

# CI runs it with PROFILE=dev, which uses the programs of the tests instead of compiling all again.
bench-quick: web ## run a short benchmark
	cargo build --quiet --profile $(or $(PROFILE),release) \
	  $(if $(filter dev,$(PROFILE)),--workspace --all-targets,-p castalia-server -p castalia-bench)
	$(TARGET)/$(if $(filter dev,$(PROFILE)),debug,$(or $(PROFILE),release))/bench quick

.PHONY: clean
clean: ## remove all build output
	cargo clean
	rm -rf fuzz/target server/web/dist server/web/node_modules tests/browser/node_modules tests/interop/java/target tests/interop/eureka/{,*/}target tests/interop/eureka/node/node_modules .venv data
