# make run   install what is needed and compute the quick form of the study fig5
# make test  install what is needed and run all tests, or those that SELECT='-m "not slow"' leaves
# make check  what a change must pass before a commit, in about five minutes: all but the slow tests,
#             style and types
# make pictures  draw the pictures of README and docs again, from data that it computes and puts
#             beside them: two hours
# make docs   build the site of the documentation in build/site; a warning or a dead link is an error
# make release  build wheel and source distribution into dist/ and check them
# make minimum  install the oldest versions of all dependencies that setup.cfg allows into
#             .venv-minimum and run the fast tests of some packages with them
# make claims  compute again the data of all other studies, in docs/studies, from which the table of
#             claims and the rest of the gallery are made: an hour
# make benchmarks  measure again, on this machine, what docs/benchmarks.md tells: two minutes
# PYTHON chooses the interpreter (3.11 or newer), WORKERS the number of test processes.

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
OLDEST := .venv-minimum
QUICK := bench_engine cavity_array fig1c fig2 fig3 fig4 fig6 fig7ab fig7c fig8 fig9
FULL := coexistence fm_boundary gutzwiller negativity nu phase_diagram
METADATA := setup.cfg pyproject.toml
# A study of which a result is not converged is drawn as well, and ends with 3.
drawn = { $(VENV)/bin/impo run $(1) || test $$? -eq 3; }

# Threads of a linear algebra library cost more than they give on small blocks.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.PHONY: run test check lint docs release minimum claims benchmarks pictures clean

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

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --clean
	@echo "The site is build/site/index.html. Its search needs a server: $(VENV)/bin/python -m http.server -d build/site"

release: $(VENV)/.installed-test
	rm -rf dist
	$(VENV)/bin/python -m build
	$(VENV)/bin/python -m twine check --strict dist/*

# Tools that check the code, and do not run it, are not in the list. Old libraries use what newer ones
# of other projects call deprecated.
minimum: $(METADATA)
	rm -rf $(OLDEST)
	$(PYTHON) -m venv $(OLDEST)
	sed -n 's/^ *\([a-z0-9-]*\)>=\([0-9.]*\).*/\1==\2/p' setup.cfg \
	    | grep -v -E '^(build|import-linter|mkdocs|mkdocs-material|mypy|ruff|twine)==' \
	    | sort -u > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	    -c $(OLDEST)/constraints.txt -e '.[test]'
	$(OLDEST)/bin/python -m pytest -m "not slow" -W ignore::DeprecationWarning \
	    tests/test_model.py tests/test_sites.py \
	    tests/results tests/operators tests/test_bridges.py tests/methods/test_api.py

claims: $(VENV)/.installed
	for name in $(QUICK); do $(call drawn,$$name --quick -o docs/studies/$$name.h5) || exit 1; done
	for name in $(FULL); do $(call drawn,$$name --full -o docs/studies/$$name.h5) || exit 1; done
	$(VENV)/bin/impo run claims -o docs/studies/claims.h5
	$(VENV)/bin/python -m runs.claims docs/claims.md
	$(VENV)/bin/python -m runs._gallery docs/gallery.md
	rm docs/studies/*.pdf

benchmarks: $(VENV)/.installed
	$(VENV)/bin/python -m runs._benchmarks docs/benchmarks.md

pictures: $(VENV)/.installed
	$(VENV)/bin/impo run fig5 --quick -o docs/fig5.h5
	$(VENV)/bin/impo run crossover --quick -o docs/crossover.h5
	$(VENV)/bin/impo run twa_validity --full -o docs/twa_validity.h5
	$(VENV)/bin/impo run truncation --full -o docs/truncation.h5
	$(call drawn,calibration --quick -o docs/calibration.h5)
	$(VENV)/bin/impo run certified --quick -o docs/certified.h5
	$(VENV)/bin/impo run lengths --full -o docs/lengths.h5
	$(VENV)/bin/impo run spectra --full -o docs/spectra.h5
	$(VENV)/bin/impo run quench --full -o docs/quench.h5
	$(VENV)/bin/impo run lattice_gap --full -o docs/lattice_gap.h5
	$(VENV)/bin/impo run boundary --full -o docs/boundary.h5
	$(VENV)/bin/python -m runs.lengths docs/lengths.h5 docs/lengths.md
	$(VENV)/bin/python -m runs._validity docs/crossover.h5 docs/validity.md
	$(VENV)/bin/python -m runs._gallery docs/gallery.md
	rm docs/*.pdf

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "impo needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(METADATA) | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-test: $(METADATA) | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(METADATA) | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) $(OLDEST) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
