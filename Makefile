# `make demo` and `make test` are all that a fresh machine needs; see CONTRIBUTING.md.

PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Processes of pytest: one more than processors, since some tests wait for windows; up to five.
# A file stays with one process, which makes what its tests share once; tests/conftest.py says which
# files go first.
SPREAD = --dist loadfile --no-loadscope-reorder --numprocesses $(shell \
	$(PYTHON) -c 'import os; print(min((os.cpu_count() or 1) + 1, 5))')

.PHONY: help venv packages demo docs test test-full lint style types imports clean

help:
	@echo "make demo       a study of three searches and its stimulus set (studies/demo)"
	@echo "make test       lint, types, import rules and all tests at reduced counts"
	@echo "make test-full  the same at full counts; PART=statistics, faults, studies or people"
	@echo "make lint       lint, types and import rules alone"
	@echo "make docs       the manual as a site: site/index.html"
	@echo "make venv       the environment alone (every target makes it when it is missing)"
	@echo "make clean      remove caches (rm -r .venv removes the environment)"

venv:
	@$(if $(PYTHON),,echo "environment: no Python 3.11 or newer found" >&2; exit 1)
	@$(PYTHON) environment/prepare.py

packages: venv
	@$(PYTHON) environment/prepare.py --tests

demo: venv
	$(BIN)/mrd run studies/demo
	$(BIN)/mrd stimuli export studies/demo --out studies/demo/report/stimuli
	$(BIN)/python environment/demo_session.py studies/demo
	@echo "Look at studies/demo/runs/*/preview.png, then at studies/demo/report/index.html;"
	@echo "studies/demo/window/README.txt explains the test session in a window"
	@echo "Next: . .venv/bin/activate, then mrd new my-study (docs/first_study.md)"

docs: venv
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

test: packages lint
	$(BIN)/python -m pytest $(SPREAD)

# Parts of the full run; each ends within an hour on two processors (CONTRIBUTING.md).
PART ?= all
PART_all = tests
PART_statistics = tests/statistical tests/regression tests/analysis
PART_faults = tests/faults
PART_studies = tests/end_to_end tests/mrd
PART_people = tests/psychophysics tests/stimuli tests/scenes $(wildcard tests/test_*.py)

test-full: packages lint
	@$(if $(PART_$(PART)),,echo "make: no part $(PART): use PART=statistics, faults, studies or people" >&2; exit 2)
	$(BIN)/python -m pytest $(SPREAD) --full --seed fresh $(PART_$(PART))

lint: style types imports

style: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy

imports: venv
	$(BIN)/lint-imports

clean:
	rm -rf build dist site *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
