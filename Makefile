# The same few commands for people and CI. Every target sets itself up: a virtual
# environment in .venv of this clone, nothing global but what apt must install
# (scripts say so when they may not).
.DEFAULT_GOAL := help
.PHONY: help demo test check soak bench lab extension wheel clean browser services node

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
BUILT  := nbprod/labextension/static/style.js
unexport PYTHONDONTWRITEBYTECODE           # some thousand processes start: each would compile nbprod anew

help:           ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 13) else f"nbprod needs Python 3.11 or 3.12, this is {v[0]}.{v[1]}: make PYTHON=python3.11 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "hint: python3 -m venv is missing; on Debian: apt-get install python3-venv"; exit 3; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e '.[test]'
	@$(BIN)/python -m compileall -qq -j 0 -x '/(tests?|testing)/' $(VENV)/lib || true # as pip would, on every core; some packages ship templates that are no Python
	@touch $(STAMP)

demo: $(STAMP)  ## the whole road on real flights: from a notebook to a served, watched, rolled-back model
	$(BIN)/nbprod demo --folder .demo

check: $(STAMP) ## lint, types, the law of imports, the house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/test_house_rules.py

browser:
	@.ci/browser

services:
	@.ci/services

node:
	@.ci/node

# The front end, built anew when a source of it is newer, and put where this environment's Lab looks.
$(BUILT): $(STAMP) $(shell find extensions -name node_modules -prune -o -name lib -prune -o -type f -print 2>/dev/null) | node
	cd extensions && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm install --immutable && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm build:prod
	@touch $@

extension: $(BUILT) ## the JupyterLab extension, built into this environment
	@mkdir -p $(VENV)/share/jupyter/labextensions
	@rm -rf $(VENV)/share/jupyter/labextensions/nbprod # a copy that pip left would be shown for ever
	@ln -s "$(CURDIR)/nbprod/labextension" $(VENV)/share/jupyter/labextensions/nbprod

wheel: $(STAMP) node ## a wheel with the front end inside, in dist/: whoever installs it needs no Node
	HATCH_BUILD_HOOKS_ENABLE=true $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist .

# What `check` ran is not run again; what needs a quiet machine is in soak and bench.
test: $(STAMP) browser services node ## everything: check, then every test
	@$(MAKE) --no-print-directory -j 2 --output-sync check extension
	cd extensions && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm test
	.ci/tests

soak: $(STAMP) browser services extension ## chaos and long runs, nightly
	@.ci/services bench
	$(BIN)/python -m pytest -q -s tests/soak
	NBPROD_GENERATED=2000 $(BIN)/python -m pytest -q -s tests/engines/test_foreign_clients.py -k generated

bench: $(STAMP) ## every claim of speed against its peer, in one run
	@.ci/services bench
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m pytest -q -s tests/benchmarks

lab: extension  ## JupyterLab on the flights project
	test -d .lab || $(BIN)/nbprod init --recipe flights .lab
	cd .lab && ../$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root)

clean:
	rm -rf .demo .lab .mypy_cache .ruff_cache .pytest_cache .hypothesis extensions/lib nbprod/labextension
