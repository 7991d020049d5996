# One place for every task. `make setup` leaves a ready .venv and nothing running.
.DEFAULT_GOAL := help
.PHONY: help setup lab demo test soak check format generate lock clean

PYTHON := .venv/bin/python

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## system packages (through apt, said before), the virtual environment

.venv/ready: requirements.lock pyproject.toml deploy/setup/system-packages deploy/setup/environment
	deploy/setup/system-packages
	deploy/setup/environment .venv
	@touch $@

lab: setup ## the Asterisk 22 that demo and tests run on, built once and cached
	$(PYTHON) -m deploy.lab build

demo: lab ## a real call refused, another caught: watch it
	$(PYTHON) -m deploy.demo

# What runs at the pace of calls has its bars in seconds, so two at a time; the rest fills the cores.
LIVE := tests/integration tests/gate tests/lab tests/calls/test_fleet.py \
  tests/recognizer/test_killed_workers.py tests/recognizer/test_load.py
# File by file, in the files' order: by itself xdist keeps those of one long test for the end, where
# the cores wait for it.
ABREAST := -m "not soak and not steady" --dist loadfile --no-loadscope-reorder --durations=10

# What tests start by the hundred must not compile Callwarden anew each time.
test soak: export PYTHONDONTWRITEBYTECODE :=

test: lab ## everything but the slow ones: a quarter of an hour on two cores
	$(PYTHON) -m pytest $(ABREAST) -n 3 $(LIVE:%=--ignore=%)
	$(PYTHON) -m pytest $(ABREAST) -n 2 $(LIVE)
	$(PYTHON) -m pytest -m steady -s tests/recognizer

soak: lab ## the slow ones
	$(PYTHON) -m pytest -m soak --timeout 5400

check: setup ## format, lint, types, import contracts, generated code, documentation, manifests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	proto/generate --check
	$(PYTHON) -m docs.reference --check
	$(PYTHON) -m deploy.validate
	.venv/bin/callwarden rules check
	.venv/bin/callwarden rules test

format: setup ## format and mend what can be mended
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

generate: setup ## write the generated code, documentation, demo and pictures anew
	proto/generate
	$(PYTHON) -m docs.reference
	$(PYTHON) -m tests.console.hour
	$(PYTHON) -m tests.console.picture
	$(PYTHON) -m tests.console.recording

lock: setup ## resolve requirements.lock anew from pyproject.toml
	$(PYTHON) -m uv pip compile --universal --generate-hashes --no-emit-index-url --no-header \
	  --upgrade --extra dev pyproject.toml -o requirements.lock

clean: ## remove the virtual environment and what tools left
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
