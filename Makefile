# Sets up, runs and checks PushPals. `make help` lists the targets; only Python 3.11+, git and make are needed.
#
# The virtual environment is made here, from the hashed lock files and nothing else. Its stamps carry a checksum of
# those files and of this folder's name, which an environment remembers: change a lock, or move the folder, and the
# next target builds the environment anew.

VENV    := .venv
BIN     := $(VENV)/bin
LOCKS   := requirements/demo.txt requirements/dev.txt
KEY     := $(shell { cat $(LOCKS) 2>/dev/null; echo "$(CURDIR)"; } | cksum | cut -d ' ' -f 1)
BASE    := $(VENV)/.base-$(KEY)
RUNTIME := $(VENV)/.demo-$(KEY)
DEV     := $(VENV)/.dev-$(KEY)

# The first interpreter that is new enough. Set PYTHON to choose another.
PYTHON  ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
UV      ?= uv

PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet install --progress-bar off
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(LOCK_ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-thorough test-model bench bench-agent check lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s%s\n", $$1, $$2 }' Makefile

setup: $(RUNTIME) $(DEV) ## Make the environment for development, in .venv

demo: $(RUNTIME) ## Label an issue, get a pull request, on this machine (ARGS="--serve" to look around)
	@$(BIN)/pushpals demo $(ARGS)

test: $(RUNTIME) $(DEV) ## Run the tests this machine can run (ARGS="tests/ledger -k claim" to choose)
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

test-thorough: $(RUNTIME) $(DEV) ## Run the attacks on it, and every moment at which it can be killed
	@$(BIN)/python -m pytest -n auto --dist worksteal -m thorough $(ARGS)

test-model: $(RUNTIME) $(DEV) ## Run the tests that need the embedded model
	@$(BIN)/python -m pytest -m real_model $(ARGS)

bench-agent: $(RUNTIME) $(DEV) ## Mend small bugs with the embedded model, beside asking it for whole files (ARGS="--half held-out")
	@PYTHONPATH=bot $(BIN)/python -m bench.agent.run $(ARGS)

bench: $(RUNTIME) ## Measure it beside its peers and write docs/benchmarks.md (ARGS="--only webhook")
	@PYTHONPATH=bot $(BIN)/python -m bench.product.run $(ARGS)

check: $(RUNTIME) $(DEV) ## Lint, types, workflows and the import rules
	@echo 'ruff check';       $(BIN)/ruff check --quiet
	@echo 'ruff format';      $(BIN)/ruff format --check --quiet
	@echo 'mypy --strict';    $(BIN)/mypy
	@echo 'zizmor';           $(BIN)/zizmor --offline --quiet --no-progress --pedantic .github action
	@echo 'workflow schema';  $(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml \
		bot/pushpals/server/workflow.yml
	@echo 'action schema';    $(BIN)/check-jsonschema --builtin-schema vendor.github-actions action/action.yml
	@echo 'form schema';      $(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms bot/pushpals/localbuddy/issue_form.yml
	@echo 'dependabot schema'; $(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@echo 'import rules';     $(BIN)/python -m pytest -q tests/test_architecture.py

lock: ## Compile the lock files again (needs uv; LOCK_ARGS="--upgrade" for newer versions)
	@command -v $(UV) >/dev/null || { echo 'make lock needs uv: python3 -m pip install uv, or make lock UV=<path>'; exit 1; }
	@$(COMPILE) --extra local --extra dev -o requirements/dev.txt pyproject.toml requirements/build.in
	@$(COMPILE) --extra local -c requirements/dev.txt -o requirements/demo.txt pyproject.toml requirements/build.in
	@$(COMPILE) -c requirements/dev.txt -o requirements/server.txt pyproject.toml requirements/build.in

clean: ## Remove the environment and the caches
	@rm -rf $(VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find bot tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BASE):
	@test -n "$(PYTHON)" || { echo 'PushPals needs Python 3.11 or newer, and found none. Install it, or name it: make PYTHON=<path>'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'PushPals needs Python 3.11 or newer; $(PYTHON) is not. Install a newer one, or name it: make PYTHON=<path>'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo '$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv'; exit 1; }
	@echo "setup    $$($(PYTHON) --version) in $(VENV)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(RUNTIME): $(BASE)
	@echo "setup    installing what PushPals runs on (once, about a minute)"
	@$(PIP) --require-hashes -r requirements/demo.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): $(RUNTIME)
	@echo "setup    installing what the tests and checks need (once)"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
