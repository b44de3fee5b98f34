# Everything runs in a virtual environment that is made on first use and again when pyproject.toml changes.

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EMULATOR := $(VENV)/sam/.installed
TESTS ?= tests
BENCHMARKS ?= analysis versus_upstream cold flake8_overhead start dispatch branches template drawing

.PHONY: help demo test test-all test-slow pytest lint docs bench clean

help:
	@echo "make demo       check the examples, one broken and one sound"
	@echo "make test       lint, type-check and run the suite"
	@echo "make test-slow  run the tests that set up environments of their own"
	@echo "make test-all   run the suite on each of Python 3.10 to 3.13 that is here"
	@echo "make lint       only lint and type-check"
	@echo "make docs       write docs/rules.md from the rules, and the drawings on the pages"
	@echo "make bench      run the benchmarks"

$(STAMP): pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(STAMP)
	@echo '$$ orchwipy check examples/'
	@$(BIN)/orchwipy check examples/; status=$$?; \
	test $$status -eq 1 || { echo "expected exit status 1 for the broken example, not $$status"; exit 1; }
	@echo
	@echo '$$ orchwipy check examples/parcels.py'
	@$(BIN)/orchwipy check examples/parcels.py

test: lint pytest

pytest: $(STAMP)
	$(BIN)/python -m pytest -n auto $(TESTS)

# Only for the emulator that is inside, so without what the rest of it needs.
$(EMULATOR): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target $(@D) aws-sam-cli
	@touch $@

test-slow: $(STAMP) $(EMULATOR)
	$(BIN)/python -m pytest -m slow -n auto $(TESTS)

test-all:
	.ci/test-all

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/flake8 examples/parcels.py
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/python docs/make_rules.py
	$(BIN)/python docs/make_drawings.py

bench: $(STAMP)
	@for each in $(BENCHMARKS); do echo "== $$each"; $(BIN)/python -m benchmarks.$$each || exit 1; done

clean:
	rm -rf .venv .venv-* build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
