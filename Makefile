# `make` lists the targets. Every one of them works on a fresh clone and may be run again.
# Paths are relative on purpose: the folder's own name may hold a space.

PY ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
ROUNDS ?= 5
JOBS ?= 2
PYTHON := .venv/bin/python
COMPILED := $(wildcard console/tape_native.*.so)
# What was compiled once is compiled again when its source has changed.
FRESH := $(if $(COMPILED),.venv/.compiled)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # two pips must not write to one .venv

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

.PHONY: run
run: .venv/.demo $(FRESH) ## Run the demo with its console (PORT=8000 HOST=127.0.0.1 ARGS="--processes 3")
	@exec $(PYTHON) -m console.cli demo --port "$(PORT)" --host "$(HOST)" $(ARGS)

# The servers and commands that tests start, some hundred, are compiled once, even where a container
# has it that nothing is compiled.
.PHONY: test
test: .venv/.test $(FRESH) ## Run all tests, with a real Redis, Chromium and Mosquitto (JOBS=2 ARGS="-k mailbox")
	@$(PYTHON) -m tools.programs
	@CHANNELSCOPE_CHROMIUM="$$($(PYTHON) -m tools.browser)" && export CHANNELSCOPE_CHROMIUM && \
		export PYTHONDONTWRITEBYTECODE= && exec $(PYTHON) -m pytest --numprocesses $(JOBS) $(ARGS)

.PHONY: lint
lint: .venv/.lint ## Check the style with ruff
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

.PHONY: types
types: .venv/.types ## Check the types with mypy
	$(PYTHON) -m mypy

.PHONY: format
format: .venv/.lint ## Mend the style with ruff
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

.PHONY: docs
docs: .venv/.docs ## Build the documentation into docs/_build/html
	$(PYTHON) -m sphinx -W --keep-going -q -b html docs docs/_build/html

.PHONY: native
native: .venv/.compiled ## Compile the recorder's hot path in place, as a wheel has it

.PHONY: bench
bench: .venv/.bench .venv-channels/.bench .venv/.compiled ## Compare the speed with Channels' (ROUNDS=5 ARGS="-k echo")
	@exec $(PYTHON) -m tests.benchmarks --rounds $(ROUNDS) $(ARGS)

.PHONY: shots
shots: .venv/.shots $(FRESH) ## Take pictures of every room of the console into docs/images (ARGS="traffic trace")
	@CHANNELSCOPE_CHROMIUM="$$($(PYTHON) -m tools.browser)" && export CHANNELSCOPE_CHROMIUM && \
		exec $(PYTHON) -m tools.shots $(ARGS)

.PHONY: vendor
vendor: .venv/.python ## Fetch the vendored front-end files anew (needs npm)
	$(PYTHON) -m tools.vendor

.PHONY: check
check: lint types test docs ## Do all that has to pass: lint, types, test, docs

.PHONY: clean
clean: ## Remove all that these targets made, but not the demo's data in .channelscope
	rm -f console/tape_native.*.so
	rm -rf .venv .venv-channels build dist docs/_build .hypothesis .mypy_cache .pytest_cache .ruff_cache test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp for each extra: pip runs again only after pyproject.toml has changed. What an extra brings
# along needs no run of its own.
WITH_test := demo docs native types
WITH_types := demo
.venv/.shots .venv/.native .venv/.bench .venv/.demo .venv/.test .venv/.lint .venv/.types .venv/.docs: .venv/.%: pyproject.toml .venv/.python
	@echo "Installing what \`$*\` needs..."
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	@touch $@ $(WITH_$*:%=.venv/.%)

.venv/.compiled: console/tape_native.pyx console/captured_native.pxi tools/native.py .venv/.native $(if $(COMPILED),,.venv/.removed)
	@$(PYTHON) -m tools.native
	@touch $@

# Never made: what depends on it is always made anew.
.venv/.removed:

.venv/.python:
	@"$(PY)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Channelscope needs Python 3.11 or newer. Name one: make PY=python3.11 ...' >&2; exit 1; }
	@echo "Making .venv..."
	@"$(PY)" -m venv .venv || \
		{ echo 'Python could not make .venv. Debian: sudo apt-get install python3-venv' >&2; exit 1; }
	@touch $@

# The real Channels, in an environment of its own: beside the runtime it would be asked whose name
# `channels` is. All that both environments have is of the same version.
.venv-channels/.bench: .venv/.bench
	@echo "Installing Channels to compare with, into .venv-channels..."
	@$(PYTHON) -m venv --clear .venv-channels
	@$(PYTHON) -m pip freeze --disable-pip-version-check --exclude-editable >.venv-channels/same.txt
	@.venv-channels/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint .venv-channels/same.txt channels==4.3.2 channels_redis==4.3.0 hiredis \
		daphne uvicorn websockets
	@touch $@
