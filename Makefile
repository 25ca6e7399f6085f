# Two commands do everything on a fresh machine: `make demo` (the main job) and `make test`.
# Both go through `make setup`, which is quick when nothing has changed.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   ?= demo
STAMP  := $(VENV)/.installed
SYSTEM := $(VENV)/.system

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types campaign bench screenshots clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) $(SYSTEM)  ## create .venv and install what is needed

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -e '.[dev]'
	@touch $@

# The browser tests use Debian's Chromium. It is installed where apt is there and may be used;
# elsewhere those tests say why they are skipped.
$(SYSTEM): | $(STAMP)
	@if command -v chromium >/dev/null 2>&1; then :; \
	elif command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	elif command -v apt-get >/dev/null 2>&1 && sudo -n true 2>/dev/null; then \
		sudo apt-get update -qq && sudo apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else echo "no Chromium and no right to install it: browser tests will be skipped"; fi
	@touch $@

demo: setup  ## run the main job on synthetic studies, end to end, into ./demo
	$(BIN)/medsiam demo --out $(DEMO)

test: setup lint types  ## lint, types and all tests (about ten minutes)
	$(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder

lint: $(STAMP)
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

types: $(STAMP)
	$(BIN)/mypy

campaign: setup  ## the long hunts: ten thousand files, bombs, kills, half an hour of fuzzing
	$(BIN)/python -m tests.campaigns.tree
	$(BIN)/python -m tests.campaigns.bombs
	$(BIN)/python -m tests.campaigns.bank_kills
	$(BIN)/python -m tests.campaigns.bank_writers
	$(BIN)/python -m tests.campaigns.bank_flips
	$(BIN)/python -m tests.campaigns.fuzz --seconds 1800

bench: setup  ## remake the numbers of docs/benchmarks.md (needs MEDSIAM_DATA)
	$(BIN)/python benchmarks/run_all.py

screenshots: setup  ## take the pictures of docs/screenshots anew (about two minutes)
	$(BIN)/python -m tests.app.studio docs/screenshots

clean:  ## remove what was built (not the environment)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache $(DEMO)
