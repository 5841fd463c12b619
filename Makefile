# make run   install what is needed and compute the quick form of the study fig5
# make test  install what is needed and run all tests, or those that SELECT='-m "not slow"' leaves
# make check  what a change must pass before a commit, in three minutes: all but the slow tests, style
#             and types
# make pictures  draw the pictures of README and docs again, from data that it computes and puts
#             beside them: an hour and a half
# PYTHON chooses the interpreter (3.11 or newer), WORKERS the number of test processes.

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
METADATA := setup.cfg pyproject.toml

# Threads of a linear algebra library cost more than they give on small blocks.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.PHONY: run test check lint pictures clean

run: $(VENV)/.installed
	$(VENV)/bin/impo run fig5 --quick

test: $(VENV)/.installed-test
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal $(SELECT)

check: lint
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

lint: $(VENV)/.installed-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

pictures: $(VENV)/.installed
	$(VENV)/bin/impo run fig5 --quick -o docs/fig5.h5
	$(VENV)/bin/impo run crossover --quick -o docs/crossover.h5
	$(VENV)/bin/impo run truncation --full -o docs/truncation.h5
	$(VENV)/bin/impo run calibration --quick -o docs/calibration.h5
	$(VENV)/bin/impo run lengths --full -o docs/lengths.h5
	$(VENV)/bin/impo run spectra --quick -o docs/spectra.h5
	$(VENV)/bin/python -m runs.lengths docs/lengths.h5 docs/lengths.md
	rm docs/fig5.pdf docs/crossover.pdf docs/truncation.pdf docs/calibration.pdf docs/lengths.pdf docs/spectra.pdf

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "impo needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(METADATA) | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-test: $(METADATA) | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
