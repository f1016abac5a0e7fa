# Everything a person runs here. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all mutants check lock bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## make .venv and install from the hash-pinned lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Kinlink needs Python 3.11, 3.12 or 3.13; $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 install")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: install ## run the demo county from extracts to profiles
	@$(BIN)/kinlink demo

test: install ## run the tests, on two cores (under ten minutes)
	@$(BIN)/python -m pytest -m "not slow" --numprocesses 2 --dist loadfile

test-all: install ## run the tests with the long ones
	@$(BIN)/python -m pytest

mutants: install ## put faults into the deciding code and see each noticed (long)
	@$(BIN)/python -m pytest -m slow tests/property/protocols/test_mutants.py

check: install ## lint, types and import contracts; runs all and reports every failure
	@failed=0; \
	$(BIN)/ruff check . || failed=1; \
	$(BIN)/ruff format --check . || failed=1; \
	$(BIN)/mypy || failed=1; \
	$(BIN)/lint-imports || failed=1; \
	exit $$failed

bench: install ## run the benchmarks (minutes)
	@$(BIN)/python -m benchmarks

lock: ## make requirements.lock anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --python-version 3.11 --universal --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra server -c requirements.lock --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate --python-version 3.11 --universal --quiet -o deploy/requirements.lock

clean: ## remove what the demo and the tools leave
	rm -rf .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
