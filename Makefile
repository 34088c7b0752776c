# GNU make. `make` lists the targets.

CACHE := $(or $(PAYSTATUS_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/paystatus)
CACHED_NODE := $(CACHE)/node/node_modules/node/bin

# The machine's Node.js if it is new enough, otherwise the one in the npm package `node`.
ifeq ($(shell [ "$$(node --version 2>/dev/null | sed 's/^v//; s/\..*//')" -ge 24 ] 2>/dev/null && echo yes),yes)
NODE_READY :=
else
NODE_READY := $(CACHED_NODE)/node
export PATH := $(CACHED_NODE):$(PATH)
endif

# Tests start many processes; this keeps compiled code for the next one.
export NODE_COMPILE_CACHE := $(CACHE)/compile

BIN := node_modules/.bin

# IMAGES=local: use the stand-ins of `make images-local` instead of the official images.
ifeq ($(IMAGES),local)
include test/lab/stand-ins/images.env
export $(shell sed -n 's/^\([A-Z_]*\)=.*/\1/p' test/lab/stand-ins/images.env)
endif

VERSION := $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
REVISION = $(shell git rev-parse HEAD 2>/dev/null || echo unknown)$(shell git diff --quiet HEAD 2>/dev/null || echo -dirty)
# The time of the commit, so that the same commit gives the same image.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)
PAYSTATUS_IMAGE ?= paystatus:$(VERSION)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: deps
deps: node_modules/.package-lock.json ## Install the dependencies, and Node.js 24 if the machine's is older.

.PHONY: check
check: export RUNS ?= 1000
check: export SCHEDULES ?= 500
check: types lint unused unit ## Types, Biome, knip and unit tests with fewer generated cases: under a minute.

.PHONY: types
types: deps
	$(BIN)/tsc --noEmit

.PHONY: lint
lint: deps
	$(BIN)/biome check --error-on-warnings

.PHONY: unused
unused: deps
	$(BIN)/knip

.PHONY: unit
unit: deps ## Run the tests without I/O. RUNS=20000 generated callbacks, SCHEDULES=20000 simulated stories.
	$(BIN)/vitest run --project unit

.PHONY: simulate-long
simulate-long: deps ## Run the simulation overnight: SCHEDULES=1000000 stories.
	SCHEDULES=$(or $(SCHEDULES),1000000) $(BIN)/vitest run --project unit test/lab/simulation

.PHONY: fuzz-long
fuzz-long: deps ## Fuzz the providers' adapters overnight: RUNS=1000000 broken and generated callbacks.
	RUNS=$(or $(RUNS),1000000) $(BIN)/vitest run --project unit test/providers/fuzz

.PHONY: integration
integration: deps test-tools ## Run the tests on a real Kafka, Redis and registry, which they start and stop. STACK as in `test`.
	$(BIN)/vitest run --project integration

.PHONY: conformance
conformance: deps ## Test the Kafka client against another version of Kafka, from packages: KAFKA_VERSION=3.9.1.
	STACK=packages KAFKA_VERSION=$(or $(KAFKA_VERSION),3.9.1) $(BIN)/vitest run --project integration test/kafka test/stream

.PHONY: containers
containers: deps ## Test the image, the compose file and the Testcontainers package; skipped with a message without Docker.
	@if node test/lab/stack/main.ts container-tests; then $(BIN)/vitest run --project containers; else [ '$(STACK)' != containers ]; fi

.PHONY: test
test: types lint unused unit integration containers ## Run all tests: unit with all generated cases, integration, containers. STACK=packages or containers.

.PHONY: examples
examples: deps ## Build the sample subscribers and judge each with `paystatus conformance`. Needs Java, Maven, Go and Python; EXAMPLE=go,python.
	@node test/lab/examples/main.ts

.PHONY: mutation
mutation: deps ## Do tests notice small bugs in src/payment and src/providers? Hours; EXAMPLES_ONLY=1 is faster. MUTATE='src/payment/**/*.ts' CONCURRENCY=2; TIMEOUT_MS=300000 on a busy machine.
	$(BIN)/stryker run $(if $(MUTATE),--mutate '$(MUTATE)')

.PHONY: test-tools
test-tools: $(NODE_READY) ## Install what else the integration tests need: redis-server, kcat, promtool, Chromium, the Python packages of the oracle.
	node test/lab/stack/main.ts tools

.PHONY: up
up: $(NODE_READY) ## Start Kafka, Redis and the registry, with Docker or from packages (STACK=packages).
	@node test/lab/stack/main.ts up

.PHONY: down
down: $(NODE_READY) ## Stop what `make up` started.
	@node test/lab/stack/main.ts down

.PHONY: demo
demo: deps ## Callbacks in, payment status out, on real servers. ONCE=1 PAYMENTS=2000 SEED=7 RATE=200.
	@node --disable-warning=TimeoutNegativeWarning test/lab/demo/main.ts

.PHONY: image
image: ## Build the container image: PAYSTATUS_IMAGE=paystatus:$(VERSION), and a tag with the commit. See docs/containers.md.
	docker build $(DOCKER_BUILD_OPTIONS) \
	  $(if $(PAYSTATUS_BUILD_IMAGE),--build-arg BUILD_IMAGE=$(PAYSTATUS_BUILD_IMAGE)) \
	  $(if $(PAYSTATUS_BASE_IMAGE),--build-arg BASE_IMAGE=$(PAYSTATUS_BASE_IMAGE)) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	  --build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) \
	  --build-arg CREATED=$$(node -p 'new Date($(SOURCE_DATE_EPOCH) * 1000).toISOString()') \
	  --tag $(PAYSTATUS_IMAGE) --tag $(PAYSTATUS_IMAGE)-$$(echo $(REVISION) | cut -c 1-12)$(findstring -dirty,$(REVISION)) .

.PHONY: images-local
images-local: $(NODE_READY) ## Build stand-ins for the official images from packages (as root), where no image registry can be reached.
	node test/lab/stand-ins/main.ts

.PHONY: bench
bench: deps ## Measure throughput and latency; VERIFY=1 also measures `verify` and `reprocess` on the result. CALLBACKS=200000 RATE=1000.
	@node test/lab/bench/main.ts

.PHONY: bench-compare
bench-compare: deps ## Measure paystatus beside Kafka Streams (needs Maven) and write docs/benchmarks.md. ROUNDS=3. With PAYMENTS=10000 or PARTS=ours-two,streams-2-cold it only prints. RPC_BIN=path adds Redpanda Connect.
	@node test/lab/bench-compare/main.ts

.PHONY: bench-memory
bench-memory: deps ## Measure the processor's memory with the largest histories; killed above LIMIT_MIB=1024. SCENARIO=states or events.
	@node test/lab/bench-memory/main.ts

.PHONY: bench-payment
bench-payment: deps ## Measure what one more event of a payment costs the processor, by the size of its history, without servers. ROUNDS=40.
	@node test/lab/bench-payment/main.ts

.PHONY: bench-transactions
bench-transactions: deps ## Measure what one transaction per partition costs the broker, beside one for all of them. RATE=1000 SECONDS=10 EVERY_MS=26 ROUNDS=3.
	@node test/lab/bench-transactions/main.ts

.PHONY: bench-gateway
bench-gateway: deps ## Measure the gateway alone, HTTP and mutual TLS, against a bare Node server. RATE=1000 SECONDS=15 CONNECTIONS=128.
	@node test/lab/bench-gateway/main.ts

.PHONY: bench-console
bench-console: deps ## Measure the console's pages with many payments; fails if a first page takes longer than LIMIT_MS=200. PAYMENTS=300000 ROUNDS=50.
	@node test/lab/bench-console/main.ts

.PHONY: bench-tracing
bench-tracing: deps ## Measure the CPU time that traces cost: RATE=1000 callbacks/s, SHARE=0.01 of them sampled, ROUNDS=5 pairs.
	@node test/lab/bench-tracing/main.ts

.PHONY: faults
faults: deps ## Inject faults under load and judge the result. RUNS=1 SEED=1 SCENARIO=mix (pair, each, campaign, none, a fault, fault+fault); REDIS=single, valkey, sentinel or cluster.
	@node test/lab/faults/main.ts

.PHONY: faults-short
faults-short: export SCENARIO := campaign:kill-processor+kill-leader+restore-old-redis+lose-processor-endTxn+freeze-processor+kill-transaction-coordinator,pair
faults-short: faults ## Inject the most telling faults, in about 3 minutes. SEED=1.

.PHONY: faults-table
faults-table: deps ## Write docs/faults.md from RESULTS=file, to which `make faults RESULTS=file` appends its results.
	@node test/lab/faults/table.ts

.PHONY: mutants
mutants: deps ## Does the fault laboratory catch bugs planted into copies of the product? MUTANT=acks-1,no-key TABLE=docs/mutants.md.
	@node test/lab/faults/mutants/main.ts

.PHONY: security
security: deps ## Attack the gateway and the console, and write docs/security.md; BATTERY=contract,smuggling runs some and writes nothing.
	@node test/lab/security/main.ts

.PHONY: drill
drill: deps ## Raise every alert of deploy/monitoring with its fault, on a real Prometheus, and write docs/runbooks/README.md. ALERT=a,b runs some and writes nothing; SCREENSHOTS=dir saves what the console shows.
	@node test/lab/monitoring/main.ts

.PHONY: build
build: deps ## Compile to dist/, as published.
	npm run build

.PHONY: package
package: build ## Build the npm package with the compiled code (npm's hooks are off: see .npmrc).
	npm pack

.PHONY: manifests
manifests: deps ## Render and check the Kubernetes manifests of deploy/; needs Go. Part of `integration`.
	@node test/deploy/main.ts

.PHONY: sbom
sbom: deps ## Write dist/sbom.cdx.json (CycloneDX): production dependencies with versions, hashes and licenses.
	@mkdir -p dist
	@npm sbom --omit=dev --package-lock-only --sbom-format=cyclonedx --sbom-type=application >dist/sbom.cdx.json
	@node -e 'const { components } = JSON.parse(require("fs").readFileSync("dist/sbom.cdx.json")); console.log(`dist/sbom.cdx.json: $${components.length} packages`)'

.PHONY: audit
audit: deps ## Ask npm for known vulnerabilities of production dependencies; needs a registry that supports this.
	@npm audit --omit=dev --package-lock-only

.PHONY: format
format: deps ## Format, and apply safe fixes.
	$(BIN)/biome check --write

.PHONY: clean
clean: ## Remove build output; the cache outside the checkout stays.
	rm -rf dist coverage .stryker .security

node_modules/.package-lock.json: package-lock.json $(NODE_READY)
	npm ci
	@touch $@

# Installed beside and moved into place, because another checkout may do the same. The install script fetches the binary.
$(CACHED_NODE)/node:
	@command -v npm >/dev/null || { echo 'Node.js with npm is missing: install Node.js 24 or newer.' >&2; exit 1; }
	mkdir -p '$(CACHE)'
	partial=$$(mktemp -d '$(CACHE)/node.partial-XXXXXX') && \
	  npm install --prefix "$$partial" --no-save --ignore-scripts=false node@24 && \
	  { [ -x '$@' ] || { rm -rf '$(CACHE)/node' && mv "$$partial" '$(CACHE)/node'; }; rm -rf "$$partial"; }
	@test -x '$@'
