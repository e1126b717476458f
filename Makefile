# Everything happens in a virtual environment of its own, .venv, made from the locked versions.
# Needs Python 3.11 to 3.13 and a network that reaches the Python Package Index.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
# Two processes. Tests that share models or virtual machines stay together, and what takes long starts
# first (tests/conftest.py says what).
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
# Tests without TensorFlow, a Java virtual machine, other processes or a registry.
FAST := not (model or network or imagej or legacy_tf or qupath or slow)
VENV := .venv
BIN := $(VENV)/bin
DEMO_READY := $(VENV)/.demo-ready
TEST_READY := $(VENV)/.test-ready
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := uv pip compile --universal --python-version 3.11 --upgrade --generate-hashes --quiet \
	--no-header --no-emit-index-url --no-annotate

.PHONY: demo test test-fast check lint lock clean

demo: $(DEMO_READY)
	$(BIN)/starbridge demo run --out demo-output

# With COVERAGE=1 also the lines and branches that the tests run, by file, and the total.
test: $(TEST_READY)
	$(BIN)/python -m pytest $(PYTEST_ARGS) $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

test-fast: $(TEST_READY)
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m "$(FAST)"

check: lint test

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tools.build_scripts --check
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tools.readme_table --check
	$(BIN)/python -m tools.commands_page --check

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "starbridge needs Python 3.11, 3.12 or 3.13; install one, or give make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# StarDist's wheel holds the demo's real image. Only that is read, so its dependencies stay away.
$(DEMO_READY): pyproject.toml requirements/demo.lock requirements/demo-image.lock | $(BIN)/python
	@echo "Setting up $(VENV) for the demo: a minute and about 1 GB."
	$(INSTALL) --require-hashes --no-compile -r requirements/demo.lock
	$(INSTALL) --require-hashes --no-compile --no-deps --only-binary :all: -r requirements/demo-image.lock
	$(INSTALL) --no-deps --editable .
	@touch $@

$(TEST_READY): pyproject.toml requirements/dev.lock | $(BIN)/python
	@echo "Setting up $(VENV) for the tests: some minutes and about 3.5 GB."
	$(INSTALL) --require-hashes -r requirements/dev.lock
	$(INSTALL) --no-deps --editable .
	@touch $@

# Renew the locked versions from pyproject.toml (needs uv).
lock:
	$(COMPILE) pyproject.toml --all-extras --group dev -o requirements/dev.lock
	$(COMPILE) pyproject.toml --group demo -c requirements/dev.lock -o requirements/demo.lock
	echo stardist | $(COMPILE) - --no-deps -c requirements/dev.lock -o requirements/demo-image.lock

clean:
	rm -rf $(VENV) demo-output .coverage
