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

# What tests need from Debian: a browser, and peers that speak DICOM (an archive, tools, a validator).
# It is installed where apt is there and may be used; elsewhere those tests say why they are skipped.
# A newly installed Orthanc is masked, so that it never runs as a service: tests start it themselves.
TOOLS := chromium Orthanc dsrdump dciodvfy
DEBIAN := chromium fonts-dejavu-core orthanc orthanc-dicomweb dcmtk dicom3tools

$(SYSTEM): Makefile | $(STAMP)
	@missing=; for tool in $(TOOLS); do \
		command -v $$tool >/dev/null 2>&1 || missing="$$missing $$tool"; \
	done; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	if [ -z "$$missing" ]; then :; \
	elif command -v apt-get >/dev/null 2>&1 && $$sudo true 2>/dev/null; then \
		case "$$missing" in *Orthanc*) \
			if [ -d /run/systemd/system ]; then $$sudo systemctl mask --quiet orthanc.service; fi;; \
		esac; \
		$$sudo apt-get update -qq && \
		$$sudo env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $(DEBIAN) >/dev/null; \
	else echo "not there, and no right to install:$$missing; the tests that need them are skipped"; fi
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
