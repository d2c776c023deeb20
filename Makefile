# Each target gets what it lacks (the wasm target, a real Envoy, small tools) and works alone on a fresh clone.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

.PHONY: help build demo serve compose image release test lint e2e validate clean differential envoys oracles manifest-types prometheus registry demo-program twilio-program

# Envoy: the version of the demo, the versions of the tests. ENVOY=/path/to/envoy overrides both.
ENVOY_VERSION ?= 1.40.0
ENVOY_VERSIONS ?= 1.36.4 1.39.3 1.40.0
export ENVOY_VERSION ENVOY_VERSIONS
FUZZ_SECONDS ?= 10

WASM := $(or $(CARGO_TARGET_DIR),target)/wasm32-wasip1/release/twilio_proxy_wasm.wasm

# A shell that never read the profile does not find what rustup and `cargo install` put there.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the release module for wasm32-wasip1
	@tools/bootstrap rust
	tools/cargo-wasm rustc --release --locked --lib --crate-type cdylib
	@echo "$(WASM): $$(wc -c <$(WASM)) bytes, sha256 $$(sha256sum $(WASM) | cut -d ' ' -f 1)"

demo: build demo-program ## Send signed and forged webhooks through a real Envoy (ENVOY_VERSION)
	@ENVOY="$$(tools/envoy $(ENVOY_VERSION))" && export ENVOY && \
		cargo run --locked --quiet -p twilio-proxy-wasm-harness --bin demo

# `exec`, so that a signal to make reaches what has to stop Envoy.
serve: build demo-program twilio-program ## Leave the demo's Envoy running, to send webhooks of your own (ENVOY_VERSION)
	@ENVOY="$$(tools/envoy $(ENVOY_VERSION))" && export ENVOY && \
		exec cargo run --locked --quiet -p twilio-proxy-wasm-harness --bin demo -- serve

# Minutes of work the first time, which are to be seen.
demo-program:
	@cargo build --locked -p twilio-proxy-wasm-harness --bin demo

# What plays Twilio in the other terminal, as `cargo run` builds it: there nobody would see why it takes so long.
twilio-program:
	@cargo build --locked -p twilio-webhook

compose: build ## Run docker-compose.yml: every scenario between containers (ENVOY_IMAGE, ENVOY_VERSION)
	@tools/compose

image: build ## Write the images that proxies pull, and that of the tool, to dist/
	@tools/release image

release: build ## Write the module, its digest, a bill of materials and the images to dist/
	@tools/release all

test: build envoys oracles manifest-types prometheus registry trap static-program ## Run every test, end to end on real Envoys too (ENVOY_VERSIONS)
	cargo test --locked --workspace --features e2e,release --no-fail-fast

e2e: build envoys oracles trap ## Run the end-to-end tests alone (ENVOY_VERSIONS, KEEP_E2E)
	cargo test --locked --features e2e --test e2e

differential: oracles ## Compare with Twilio's libraries (DIFFERENTIAL_SEED, DIFFERENTIAL_REQUESTS)
	cargo test --locked --features e2e --test differential

# Of envoy/, or of the files that FILE names: FILE=my-envoy.yaml, FILE="plugin.yaml routes.yaml".
validate: build $(if $(FILE),,envoys) ## Check that Envoy accepts each configuration in envoy/, or a file of yours (FILE, ENVOY_VERSION)
	$(if $(FILE),@tools/validate $(FILE),cargo test --locked --features e2e --test e2e validate)

.PHONY: fuzz
fuzz: ## Fuzz the core, ten seconds for each target (FUZZ_SECONDS)
	@tools/fuzz $(FUZZ_SECONDS)

.PHONY: soak
soak: build ## Send a million mixed requests; compare counters and memory (SOAK_REQUESTS, ENVOY_VERSION)
	@tools/envoy $(ENVOY_VERSION) >/dev/null
	SOAK_REQUESTS=$(or $(SOAK_REQUESTS),1000000) ENVOY_VERSIONS=$(ENVOY_VERSION) \
		cargo test --locked --features e2e --test soak -- --nocapture

.PHONY: mutants
mutants: ## Break the core on purpose, and list what no native test notices
	@tools/mutants

# The programs that the bed runs besides the control planes, as the workspace builds them.
.PHONY: mesh mesh-shell mesh-programs
mesh-programs: build
	@cargo build --locked --workspace
	@tools/release image >/dev/null

mesh: mesh-programs ## Run deploy/ and its guides in a real cluster, without containers (RECORD, MESH: parts of names)
	@tools/mesh/bed istio envoy-gateway -- tests/mesh/run $(MESH)

# `exec`, so that a signal to make reaches what has to end.
mesh-shell: mesh-programs ## Leave that cluster running, with kubectl at hand
	@exec tools/mesh/bed istio envoy-gateway -- bash -i

.PHONY: reproducible
reproducible: ## Build the module of the last commit twice, in two places, and compare the digests
	@tools/reproducible

# The module that traps where a header asks for it, for tests/e2e/faults. Kept apart from the release module.
.PHONY: trap
trap:
	@tools/cargo-wasm rustc --quiet --release --locked --lib --crate-type cdylib --features trap-for-tests \
		--target-dir $(or $(CARGO_TARGET_DIR),target)/trap --config profile.release.lto=false

.PHONY: bench bench-memory instructions floor
bench: build floor ## Measure what a webhook costs, in six set-ups side by side, into docs/benchmarks.md (ENVOY_VERSION)
	@ENVOY="$$(tools/envoy $(ENVOY_VERSION))" && export ENVOY && tools/oracles >/dev/null && \
		cargo bench --locked --quiet --profile dev --bench proxy

bench-memory: build floor ## Measure the memory after 100,000 and 1,000,000 requests alone (ENVOY_VERSION)
	@ENVOY="$$(tools/envoy $(ENVOY_VERSION))" && export ENVOY && \
		cargo bench --locked --quiet --profile dev --bench proxy -- memory

instructions: ## Count the instructions of each kind of request, and compare them with benches/instructions.txt (RECORD)
	@tools/bootstrap rust
	@command -v valgrind >/dev/null || tools/apt-install valgrind || true
	@cargo bench --locked --quiet --bench instructions

# The filter that decides nothing, for comparison.
floor: build
	tools/cargo-wasm rustc --release --locked -p floor --lib

lint: ## Check format, lints, documentation, dependencies and scripts
	@tools/bootstrap lint
	@tools/lint

clean: ## Remove everything that was built
	cargo clean
	rm -rf dist fuzz/target

# Before the tests, so that a failed download is one clear line and not a failed test.
envoys:
	@for version in $(ENVOY_VERSIONS); do tools/envoy "$$version" >/dev/null; done

# Twilio's own libraries, for the differential tests; likewise before them.
oracles:
	@tools/oracles >/dev/null

# The published APIs that the manifests in deploy/ are judged by.
manifest-types:
	@tools/manifest-types >/dev/null

# What scrapes the counters in the tests of deploy/observability.
prometheus:
	@tools/prometheus >/dev/null

# The tool as it is in its image.
.PHONY: static-program
static-program:
	@tools/static >/dev/null

# A registry that the images are pushed to.
registry:
	@tools/registry
