# The one front door: people, the pre-commit hook and CI call the same targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

# The tests start hundreds of programs, which are slow to start without compiled modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo check fmt test mutants bench bench-peers lock generated pictures

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Make .venv from nothing, with the locked versions

demo: setup ## Run jobs through a simulated fleet, on an embedded Valkey
	$(BIN)/emp demo

check: setup ## Format, lint, types, import contracts, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.generated --check

fmt: setup ## Format, and repair what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: setup ## Run the tests (TESTS=tests/core narrows them)
	$(BIN)/pytest -n 3 --dist worksteal $(TESTS)

mutants: setup ## Change the functions and the core at random, and print what no test notices (N=60 SEED=7)
	$(BIN)/python -m tests.mutants $(if $(N),--count $(N)) $(if $(SEED),--seed $(SEED))

bench: setup ## Measure the queue
	$(BIN)/python -m benchmarks

bench-peers: setup ## Measure emp beside BullMQ, Celery and others (PEERS=bullmq,arq QUICK=1)
	$(BIN)/python -m benchmarks.peers $(if $(PEERS),--peers $(PEERS)) $(if $(QUICK),--quick)

lock: setup ## Write the locks anew (UPGRADE=1 takes the latest versions)
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) -o requirements-dev.lock -c requirements.lock --group dev pyproject.toml

generated: setup ## Write the generated files anew
	$(BIN)/python -m tests.generated

pictures: generated ## Take the dashboard's pictures anew, of the README and of the tests
	$(BIN)/pytest -q tests/cli/tui/test_pictures.py --snapshot-update

$(LOCKED): requirements-dev.lock
	$(PYTHON) -c 'import sys; sys.exit("emp needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@
