# Everything here sets itself up: a virtual environment in .venv with the locked requirements and this checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: bytecode help demo demo-shared test check lint types contracts faults soak bench bench-check bench-smoke format lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

demo-shared: $(VENV)/dev ## a team with one bucket: what one computes, the other takes
	$(BIN)/python examples/shared/demo.py

demo: $(VENV)/demo ## the example on the standard library: cold, again, after an edit
	$(BIN)/python examples/demo.py

test: bytecode ## the tests (some twelve minutes on two cores)
	$(PYTEST) -m "not faults and not soak" -n 2

check: lint types contracts test ## everything that must hold before a commit

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/pyright --pythonpath $(BIN)/python

contracts: $(VENV)/dev
	$(BIN)/lint-imports

faults: bytecode ## the long campaigns: kills, crowds, damaged bytes, bad days of stores, random questions (a quarter of an hour)
	$(PYTEST) -m faults -s -n 2 --timeout=900

soak: $(VENV)/dev ## the longest one, by hand: both databases against the memory, 500 rounds of 50 steps (about half an hour)
	$(PYTEST) -m soak -s

bench: ## redux beside redun, joblib and diskcache (about an hour), and the table in benchmarks/README.md
	$(PYTHON) -m benchmarks --json out/bench.json --write-readme

bench-check: ## the limits of speed, size and memory; fails where one is passed
	$(PYTHON) -m benchmarks --json out/bench-check.json --check

bench-smoke: ## the benchmarks at toy sizes, to see that they run
	$(PYTHON) -m benchmarks --json out/bench-smoke.json --quick

format: $(VENV)/dev ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## refresh the locked versions in requirements/
	PYTHON=$(PYTHON) requirements/lock.sh

clean: ## away with everything that was made
	rm -rf $(VENV) .venv-bench out build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A half-made environment has no pip that answers, and is made anew.
$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "redux needs Python 3.11 or newer; say PYTHON=... to make")'
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/demo: $(VENV)/made requirements/demo.txt pyproject.toml
	@echo 'installing what the example uses into $(VENV) …'
	$(PIP) install --quiet -r requirements/demo.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Where no process may write bytecode, each that the tests start would compile all of redux.
bytecode: $(VENV)/dev
	@$(BIN)/python -m compileall -q redux backends valuestore

$(VENV)/dev: $(VENV)/demo requirements/dev.txt requirements/apart.txt
	@echo 'installing what the tests and examples use into $(VENV), which takes minutes …'
	$(PIP) install --quiet -r requirements/dev.txt
	$(PIP) install --quiet --no-deps -r requirements/apart.txt
	@touch $@
