# `make demo` shows it, `make test` proves it. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help demo libraries screenshots test coverage check fast lint types imports docs bench fuzz soak races system build lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
# What was compiled is kept: to find the tests again takes half as long.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/demo.stamp ## Start the demo on http://127.0.0.1:8000.
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo/run.sh $(PORT)

libraries: $(VENV)/demo.stamp ## Start the demo with two libraries: bob has one of them.
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo/run.sh $(PORT) libraries

test: ## Run every test.
coverage: ## The same, and count the lines that run: at least 95 %.
coverage: COUNTING := --cov --cov-report=term

# To count takes longer than to run, on Python 3.11. Two more workers than
# processors: many tests wait for a browser, a server or a database.
test coverage: $(VENV)/dev.stamp system
	HYPOTHESIS_PROFILE=ci $(BIN)/python -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 2)) --dist loadgroup $(COUNTING) docs README.md tests

check: lint types imports fast ## What every commit passes: under two minutes.

# Of the core and the docs. Stores, servers, browsers and whole apps are left to `test`.
fast: $(VENV)/dev.stamp ## Run the tests that take no time.
	$(BIN)/python -m pytest -q docs README.md
	$(BIN)/python -m pytest -q -n auto -m "not slow" $(wildcard tests/test_*.py) tests/unit tests/differential tests/testing

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

imports: $(VENV)/dev.stamp
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/dev.stamp ## Write the generated pages again, run the examples, build the site.
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/plots.py
	$(BIN)/python -m pytest -q docs README.md
	@mkdir -p build/npm && cp docs/site/package*.json build/npm
	@cd build/npm && npm ci --silent --ignore-scripts --prefer-offline --fetch-retries 1 \
	  --fetch-retry-mintimeout 1000 --fetch-timeout 60000 || \
	  echo "authz: npm fetched nothing: without it diagrams are text, and a site opened from a folder has no search"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "The docs are a site now: build/site/index.html"

screenshots: $(VENV)/dev.stamp system ## Take the pictures of the docs again.
	$(BIN)/python -m tests.browser.screenshots

bench: $(VENV)/dev.stamp ## Measure, side by side with stock pycasbin.
	-$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --upgrade --target $(VENV)/peers -r benchmarks/peers.txt
	PYTHONPATH=$(VENV)/peers $(BIN)/python -m benchmarks --json benchmarks/results.json

fuzz: $(VENV)/dev.stamp ## Ask ten million questions of all engines, z3 about 5 000 proofs; search longer.
	$(BIN)/python -m tests.fuzz --pairs 10000000
	$(BIN)/python -m tests.solver --cases 5000
	HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -n auto --dist loadgroup --timeout 3600 -m hypothesis tests

soak: $(VENV)/dev.stamp system ## Kill workers, spoil files, stop databases: half an hour.
	$(BIN)/python -m tests.soak

races: $(VENV)/dev.stamp system ## Let administrators remove each other, 30 000 times; one is always left.
	for store in sqlite postgresql file; do $(BIN)/python -m tests.races --races 10000 --store $$store || exit 1; done

system: ## Install the servers and the browser that the tests start for real.
	@sh requirements/system.sh

build: $(VENV)/dev.stamp ## Build wheel and sdist of both packages, into dist/.
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	cd adapters/audiomuse && $(CURDIR)/$(BIN)/python -m hatchling build -d $(CURDIR)/dist
	$(BIN)/twine check --strict dist/*

lock: ## Take newer versions of everything (needs uv).
	./requirements/lock.sh

clean: ## Remove what was installed and built.
	rm -rf $(VENV) build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

export PYTHON
$(VENV)/demo.stamp: requirements/demo.txt pyproject.toml
	@sh requirements/install.sh $(VENV) requirements/demo.txt .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml adapters/audiomuse/pyproject.toml
	@sh requirements/install.sh $(VENV) requirements/dev.txt . adapters/audiomuse
	@touch $@
