# Two commands do everything: "make run" and "make test". "make help" lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
ARGS ?=
MINUTES ?= 3
# Most tests wait more than they work.
WORKERS ?= 4
SEED ?= 7
STORE ?= sqlite

.PHONY: help setup setup-dev run test coverage test-system test-fast lint security wheel wheelhouse bench bench-accuracy chaos lock generated clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## make .venv with what the product needs
	@scripts/setup.sh run

run: setup ## measure this machine and show it at http://127.0.0.1:8080 (ARGS="--port 8090")
	@$(BIN)/pantau-demo $(ARGS)

setup-dev:
	@scripts/setup.sh dev

test: setup-dev lint security wheel ## install what the tests need, then run them all
	@scripts/test-needs.sh
	@mkdir -p build
	@scripts/test.sh $(WORKERS) $(ARGS)

coverage: export COVERAGE = 1
coverage: setup-dev wheel ## the same, and which lines no test ran (takes twice as long)
	@scripts/test-needs.sh
	@mkdir -p build
	@rm -f .coverage .coverage.*
	@scripts/test.sh $(WORKERS) $(ARGS)
	@$(BIN)/coverage combine -q && $(BIN)/coverage report

test-system: setup-dev wheel ## install everything with Ansible on booted Debian machines, and live through what befalls them (root)
	@scripts/test-needs.sh
	@$(BIN)/pytest -q tests/machines $(ARGS)

test-fast: setup-dev ## the tests that start no whole stack
	$(BIN)/pytest -q -m "not system" $(ARGS)

lint: setup-dev ## ruff, mypy, import rules, generated files, ansible-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@scripts/generated.sh --check
	@scripts/lint-ansible.sh

security: setup-dev ## bandit over the code, pip-audit over what we ship (skips what PyPI does not answer)
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive wire agent testpoint collector dashboards demo
	@$(BIN)/python scripts/audit.py

generated: setup-dev ## write the generated files anew (catalogues, wire examples)
	@scripts/generated.sh

wheel: setup-dev ## build/dist/pantau-VERSION-py3-none-any.whl
	@rm -rf build/dist
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir build/dist

wheelhouse: wheel ## build/wheelhouse: all that Ansible installs, for machines without internet (ARGS="--parts agent")
	@$(BIN)/python scripts/wheelhouse.py $(ARGS)

bench: setup-dev ## run the benchmarks: build/bench/NAME.json and a table each (ARGS=NAME)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-accuracy: setup-dev ## speed engine against shaped links, beside iperf3 and speedtest-cli (root; RATES=7,60)
	@scripts/test-needs.sh
	@$(BIN)/python -m benchmarks accuracy

chaos: setup-dev ## kill, stop, cut and fill for MINUTES=60 with SEED=7 (STORE=influxdb), then ask where each measurement is (root)
	@scripts/test-needs.sh
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) --seed $(SEED) --store $(STORE)

lock: setup-dev ## choose versions anew within pyproject.toml and lock them
	@scripts/lock.sh

clean: ## remove .venv and build
	rm -rf .venv build
