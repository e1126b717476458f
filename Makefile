# Everything happens in a virtual environment of its own, .venv, made from the locked versions.
# Needs Python 3.11 to 3.13 and a network that reaches the Python Package Index.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
# Two processes; the tests of one file stay together because they share a loaded model.
PYTEST_ARGS ?= -n 2 --dist loadfile
LOCKING := --universal --python-version 3.11 --upgrade --generate-hashes --no-header \
	--no-emit-index-url --no-annotate
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TEST_READY := $(VENV)/.test-ready

.PHONY: demo test check lint lock clean

demo: $(READY)
	$(BIN)/starbridge demo run --out demo-output

test: $(TEST_READY)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint test

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tools.build_scripts --check

$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "starbridge needs Python 3.11, 3.12 or 3.13; install one, or give make PYTHON=/path/to/python"; exit 1; }
	@echo "Setting up $(VENV): some minutes, about 3.5 GB on disk."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(TEST_READY): $(READY) requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# Renew the locked versions from pyproject.toml (needs uv).
lock:
	uv pip compile pyproject.toml --all-extras --group dev $(LOCKING) -o requirements-dev.lock
	uv pip compile pyproject.toml --extra segment $(LOCKING) -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf $(VENV) demo-output
