# Everything a person or a build needs, by name. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test test-fast mutants chaos simulation lint bench lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  ARGS="..." is handed on: make run ARGS="--speed 7200", make test-fast ARGS="-k schedule"'

setup: $(VENV)/ready-run  ## virtual environment with the pinned, hashed dependencies

setup-dev: $(VENV)/ready-dev  ## the same with what the tests need

run: $(VENV)/ready-run  ## the main job on the bundled history, until Ctrl-C
	@$(BIN)/sla-stream demo $(ARGS) || [ $$? -eq 130 ]

test: lint  ## everything: style, types, all tests on a real Kafka, full coverage of the core
	$(BIN)/python -m pytest --cov --cov-fail-under=100 $(ARGS)

test-fast: $(VENV)/ready-dev  ## what needs no Kafka
	$(BIN)/python -m pytest -m 'not kafka and not chaos' --ignore tests/integration --ignore tests/chaos $(ARGS)

mutants: $(VENV)/ready-dev  ## break each rule of time keeping in a copy; every break must be noticed
	$(BIN)/python -m tests.mutation $(ARGS)

chaos: $(VENV)/ready-dev  ## every fault on a real cluster, the long form: hours; ARGS="--short" for minutes
	$(BIN)/python -m tests.chaos $(ARGS)

simulation: $(VENV)/ready-dev  ## the worker on a simulated cluster: 10,000 seeds of faults, minutes
	$(BIN)/python -m tests.simulation $(or $(ARGS),--seeds 10000)

lint: $(VENV)/ready-dev  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/ready-dev  ## measure; prints a table and keeps JSON under build/
	@mkdir -p build
	$(BIN)/python tests/bench/bench_worker.py $(ARGS)

lock:  ## resolve the dependencies anew (needs uv)
	@command -v uv > /dev/null || { echo 'make lock needs uv: pip install uv'; exit 2; }
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra demo pyproject.toml -o lock/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra dev --extra demo \
		-c lock/run.txt pyproject.toml -o lock/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes lock/build.in -o lock/build.txt

clean:  ## remove what make made
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage *.egg-info

# The stamps below are what makes a second `make run` start at once.
$(VENV)/ready-run: $(VENV)/made lock/run.txt lock/build.txt pyproject.toml
	@echo 'installing the pinned dependencies into $(VENV)'
	@$(PIP) install --require-hashes -r lock/build.txt
	@$(PIP) install --require-hashes -r lock/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready-run lock/dev.txt
	@echo 'installing what the tests need into $(VENV)'
	@$(PIP) install --require-hashes -r lock/dev.txt
	@touch $@

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
		echo 'sla_stream needs Python 3.11 or newer and "$(PYTHON)" is not. Install it, or: make PYTHON=/path/to/python3.11'; \
		exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
		echo '"$(PYTHON)" cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv'; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@
