# The verbs of this project. `make help` lists them; `.venv/bin/python -m sim --help` has everything behind them.
# The newest Python of those that the lock file serves, of those that start (a pyenv shim may be there and not).
ifndef PYTHON
PYTHON := $(shell for p in python3.13 python3.12 python3.11; do $$p -c "" 2>/dev/null && echo $$p && break; done)
endif
JOBS := 2
RUN := .venv/bin/python -m sim
# pytest fails where standard output is closed; it gets one that leads nowhere.
PYTEST := [ ! -d /dev/fd ] || [ -e /dev/fd/1 ] || exec >/dev/null; .venv/bin/python -m pytest
# A variable given to make becomes an option: WORKLOAD=digits-cnn is --workload digits-cnn.
VARIABLES := WORKLOAD MESH STEPS CYCLES BATCH RATE SHARDS THREADS SEED SEEDS FORMAT ENGINE CONFIG TESTS TAGS BUDGET COVERAGE SCHEDULER STATE PC SCOPE
# Make itself knows a Pascal compiler of this name.
ifeq ($(origin PC),default)
undefine PC
endif
upper = $(shell echo '$1' | tr a-z A-Z)
lower = $(shell echo '$1' | tr A-Z a-z)
quoted = '$(subst ','\'',$1)'
GIVEN = $(foreach name,$(VARIABLES),$(if $($(name)),--$(call lower,$(name)) $(call quoted,$($(name))))) \
    $(if $(DEAD),--dead $(foreach place,$(DEAD),$(call quoted,$(place))))
# A variable that nothing reads would be passed over without a word.
KNOWN := $(VARIABLES) DEAD PYTHON JOBS RESUME TEST ARGS OPEN_D1_CACHE
UNKNOWN := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(filter-out $(KNOWN),$(name))))
near = $(if $(filter $(call upper,$1),$(KNOWN)),did you mean $(call upper,$1)?,there are $(KNOWN))
$(foreach name,$(UNKNOWN),$(error there is no variable $(name): $(call near,$(name))))

.PHONY: help setup sim test regress waves profile bench formal timing lint verilog docs clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: ## check the machine's tools and install .venv (every verb does this first)
	@$(or $(PYTHON),false) -c "" 2>/dev/null || { echo "No Python $(or $(PYTHON),3.11 to 3.13) starts here:" \
	    "install the Debian packages python3 and python3-venv." >&2; exit 1; }
	@$(PYTHON) sim/setup.py
	@$(if $(filter setup,$(MAKECMDGOALS)),echo "setup: .venv holds the versions of requirements.lock" 2>/dev/null || :)

sim: setup ## train on the RTL and check every weight: WORKLOAD MESH DEAD STEPS BATCH RATE SHARDS THREADS SEED FORMAT ENGINE
	@$(RUN) train $(GIVEN)

test: setup ## the tests that CI runs: SEED JOBS ARGS
	@$(PYTEST) -n $(JOBS) --dist worksteal -m "not slow" $(if $(SEED),--seed $(SEED)) $(ARGS)

regress: setup ## the full verification suite: TESTS TAGS SEED SEEDS JOBS BUDGET RESUME COVERAGE SCHEDULER STATE
	@$(RUN) regress $(GIVEN) --jobs $(call quoted,$(JOBS)) $(if $(RESUME),--resume)

waves: setup ## one test or workload again, with waves: TEST=path::name or WORKLOAD, CYCLES=A:B or difference, PC, SCOPE, SEED
	@$(if $(TEST),$(PYTEST) "$(TEST)" --waves $(foreach name,SEED CYCLES PC SCOPE,$(if $($(name)),--$(call lower,$(name)) $(call quoted,$($(name))))),$(RUN) waves $(GIVEN))

profile: setup ## where the cycles of a workload go: WORKLOAD MESH SHARDS BATCH THREADS SEED
	@$(RUN) profile $(GIVEN)

bench: setup ## the benchmark table, as JSON and as a page: CONFIG SEED
	@$(RUN) bench $(GIVEN)

formal: setup ## proofs of the network's parts, and planted faults that they catch
	@$(RUN) formal

timing: setup ## estimate for a 7 nm library, per unit
	@$(RUN) timing

lint: setup ## style and the rules of the tree
	@.venv/bin/python -m ruff check $(or $(shell git ls-files '*.py' 2>/dev/null),.)
	@$(PYTEST) -q tests/repo

docs: setup ## write the generated pages anew
	@$(RUN) docs

verilog: setup ## plain Verilog for other flows, in build/verilog: CONFIG
	@$(RUN) verilog $(GIVEN)

clean: ## remove everything generated (.venv stays)
	@rm -rf build .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path "./.venv/*" -prune -exec rm -rf {} +
	@echo "clean: build/ and the caches of Python and its tools are gone" 2>/dev/null || :
