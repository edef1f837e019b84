# Every target is one line; `make` alone prints them. CI calls the same ones.
.DEFAULT_GOAL := help
.PHONY: help setup proto web check test test-faults soak test-security test-e2e screenshots demo stop status bench bench-data bench-load bench-report features fmt lock
RUN := .venv/bin/python
WEB := $(shell find web -type f -not -path '*/node_modules/*' -not -name schema.d.ts 2>/dev/null)
PROTOS := $(shell find proto -name '*.proto' 2>/dev/null)
PROJECTS := $(wildcard pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml cli/pyproject.toml)

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:/ {printf "  make %-14s %s\n", $$1, $$2}' Makefile
setup: .venv/.ready build/.contracts ## install everything: system packages, .venv, contracts
	@$(RUN) -c "import kernel, headwater" && echo "ready: .venv"
proto: setup ## generate libs/contracts from proto/, and docs/events.md and docs/permissions.md
	@$(RUN) tools/generate_contracts.py && $(RUN) tools/event_catalogue.py && $(RUN) tools/permission_matrix.py
web: setup build/web/.built ## build the web UI into build/web, when its sources changed
check: setup ## lint, format, types, imports, contracts: lint and breaking changes
	@$(RUN) tools/check.py $(ONLY)
test: setup ## every test, on servers of their own (HEADWATER_TEST_SERVERS=private|containers|environment), two at a time
	@$(RUN) -m pytest $(if $(ONLY),$(ONLY),-n 2 --no-loadscope-reorder --durations 25)
test-faults: setup ## campaigns of faults against a running suite: kills, cut connections, a full disk (HEADWATER_SEED=… runs one again)
	@$(RUN) -m pytest -m faults $(ONLY)
soak: setup ## ten million events through the log's horizon under kills (EVENTS=…, RUN_IN=folder); goes on where it was
	@$(RUN) -m bench.soak $(if $(EVENTS),--events $(EVENTS)) $(if $(RUN_IN),--folder $(RUN_IN))
test-security: setup ## the long tests of security: a canary through every store, TLS on every hop, fuzzing
	@$(RUN) -m pytest -m security $(ONLY)
test-e2e: web .venv/.browser ## drive the web UI in headless Chromium (HEADWATER_TEST_SUITE=folder of a suite that runs); screenshots in build/screenshots
	@$(RUN) -m pytest -m e2e tests/e2e $(ONLY)
screenshots: setup ## take the pictures that the documents show from build/screenshots, where make test-e2e left them (CHECK=1 looks only)
	@$(RUN) tools/screenshots.py $(if $(CHECK),--check)
demo: setup ## start the suite and fill it with a generated business (DETACH=1 returns once it is ready; TLS=1 encrypts every hop)
	@$(MAKE) --no-print-directory web || echo "web: not built; the demo goes on with the API only"
	@$(RUN) -m headwater demo $(if $(DETACH),--detach) $(if $(TLS),--tls)
stop: ## stop the suite and its private servers; nothing is lost
	@test ! -x $(RUN) || $(RUN) -m headwater down
status: ## what runs, where, and how it is
	@if test -x $(RUN); then $(RUN) -m headwater status || true; else echo "not set up: make setup"; fi
bench: setup ## measure the kernel against its peers; writes bench/results/latest.json
	@$(RUN) -m bench
bench-data: setup ## fill the suite of HEADWATER_RUN with SIZE=100000 invented customers and about ten events each
	@$(RUN) -m bench.crowd --customers $(or $(SIZE),100000)
bench-load: setup ## what 32 people at once wait for at the gateway of that suite (MAVEN=folder: and its import); writes bench/results/load-*.json
	@$(RUN) -m bench.load $(if $(MAVEN),--maven $(MAVEN))
bench-report: setup ## write bench/REPORT.md from what was measured
	@$(RUN) -m bench.report
features: setup ## which rows of docs/features.csv are covered by which tests (CHECK=1 fails when a promised one is not)
	@$(RUN) tools/features.py $(if $(CHECK),--check)
fmt: setup ## format the source
	@.venv/bin/ruff format -q . && .venv/bin/ruff check -q --fix --select I .
lock: setup ## resolve all dependencies again into requirements.lock
	@$(RUN) tools/lock.py

.venv/.ready: requirements.lock tools/setup.py $(PROJECTS)
	@python3 tools/setup.py
build/.contracts: $(PROTOS) tools/generate_contracts.py | .venv/.ready
	@$(RUN) tools/generate_contracts.py
build/web/.built: $(WEB) $(PROTOS) tools/web.py | .venv/.ready build/.contracts
	@$(RUN) tools/web.py build
.venv/.browser: requirements-web.lock .venv/.ready
	@$(RUN) tools/web.py with-browser && touch $@
