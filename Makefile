# Everything runs in .venv, filled from the lock files in requirements/ (pinned, with hashes).
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
DEMO_FOLDER ?= var/demo
TRAINING := .venv-train
DATA ?= ../shared/data
SEEDS ?= 1 2 3
# The package runs with the Python of the system that it is installed on.
DEB_PYTHON ?= /usr/bin/python3
# A machine of CI is shared and runs once: failed tests get a second try, alone and in a new process, which says so.
# Nowhere else, so that one that is not sure of itself is seen.
AGAIN := $(if $(filter true,$(CI)),|| tools/test-again $$? $(BIN)/pytest)

.PHONY: help demo test test-long check lint types layers train evaluate wheel deb reformat dev lock screenshots clean

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '%-10s %s\n' "$$name" "$$text"; done

$(VENV)/run.done: requirements/run.txt pyproject.toml
	tools/install requirements/run.txt $(PYTHON) $(VENV) $(UV_VERSION)
	touch $@

$(VENV)/dev.done: requirements/dev.txt pyproject.toml
	tools/install requirements/dev.txt $(PYTHON) $(VENV) $(UV_VERSION)
	touch $@ $(VENV)/run.done

# Training and its figures need torch, which nothing else does: an environment of its own.
$(TRAINING)/done: requirements/run.txt pyproject.toml
	tools/install requirements/run.txt $(PYTHON) $(TRAINING) $(UV_VERSION)
	$(TRAINING)/bin/python -m pip install -q --disable-pip-version-check -e '.[train]'
	touch $@

demo: $(VENV)/run.done ## run the main job on this machine: fleet, checks, proofs, pages
	$(BIN)/vedette demo --folder $(DEMO_FOLDER)

dev: $(VENV)/dev.done ## install everything for development

test: $(VENV)/dev.done ## install what the tests need and run them
	tools/system-packages
	$(BIN)/pytest -q -m "not long" -n 3 --dist loadfile --no-loadscope-reorder --durations=25 $(AGAIN)

test-long: $(VENV)/dev.done ## the tests that take minutes too, and promised times held to the second: on a quiet machine
	tools/system-packages
	VEDETTE_STRICT_TIMING=1 $(BIN)/pytest -q -o faulthandler_timeout=3600

check: lint types layers wheel ## everything that is checked besides the tests

lint: $(VENV)/dev.done ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.done ## types, strict
	$(BIN)/mypy

layers: $(VENV)/dev.done ## imports go one way
	$(BIN)/lint-imports --no-cache

screenshots: $(VENV)/dev.done ## make pictures of every page of the console
	tools/system-packages
	$(BIN)/python tools/screenshots

train: $(TRAINING)/done ## train the model that reads prose, once a seed (SEEDS="1 2 3"); goes on where it was interrupted
	for seed in $(SEEDS); do $(TRAINING)/bin/python -m vedette.extraction.prose.training --data $(DATA) --seed $$seed || exit 1; done

evaluate: $(TRAINING)/done ## how well the model reads: the shipped weights, and those of seeds that were trained here
	$(TRAINING)/bin/python -m vedette.extraction.prose.evaluation --data $(DATA)

wheel: $(VENV)/dev.done ## build the wheel, install it in a fresh environment, run the demo from it
	tools/wheel-smoke-test $(PYTHON) $(UV_VERSION)

deb: $(VENV)/dev.done ## build the Debian package, with its whole environment, into dist/
	tools/deb-environment $(BIN)/uv $(DEB_PYTHON) build/deb
	tools/deb-pack build/deb dist

reformat: $(VENV)/dev.done ## mend style where that can be done automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/dev.done ## pin the newest versions that pyproject.toml allows
	tools/lock $(BIN)/uv

clean: ## remove what was made
	rm -rf $(VENV) build dist var .mypy_cache .ruff_cache .pytest_cache .hypothesis
