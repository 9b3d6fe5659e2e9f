# `make` alone lists the targets. Needs GNU make 3.81 and Python 3.11, or newer.

PYTHON ?= python3
CORES = all
CONFIG =
ARGS =

VENV := .venv
BIN := $(VENV)/bin
RUN := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python

# Each stamp bears the checksum of what it stands for, and is written last: a changed lock (or a
# moved checkout, since an environment cannot be moved) and an interrupted installation start anew.
checksum = $(shell { $(1); } | cksum | cut -d ' ' -f 1)
LOCKED := $(VENV)/.locked-$(call checksum,pwd; cat requirements.lock)
INSTALLED := $(VENV)/.installed-$(call checksum,cat pyproject.toml)

KUBERNETES := $(VENV)/kubernetes/.installed-$(call checksum,cat pyproject.toml)
SPHINX := $(VENV)/docs/.installed-$(call checksum,cat pyproject.toml)
SITE := build/site

.DEFAULT_GOAL := help
.PHONY: help benchmark configured headline gpu test test-all test-cluster kubernetes slurm docs lint format check env lock clean

help: ## show this list
	@awk -F ' ## ' '/^[a-z-]+:.* ## / { sub(":.*", "", $$1); printf "make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'make benchmark takes CORES=4, CONFIG=smoke and ARGS="--dry-run" (for snakemake);'
	@echo 'make test and test-all take ARGS="-k flow" (for pytest); all take PYTHON=python3.12, to make $(VENV) with.'

benchmark: configured $(INSTALLED) ## run the benchmark: tables, figures and a report below results/
	@$(RUN) -m tailbench run "$(or $(CONFIG),config.yaml)" --cores $(CORES) $(ARGS)

# Before minutes of installation; what is in the file, `tailbench run` checks before it starts anything.
configured:
	@test -f "$(or $(CONFIG),config.yaml)" -o -f "presets/$(CONFIG).yaml" || { \
		echo >&2 "the configuration $(CONFIG) does not exist"; exit 1; }

headline: ## run the headline's comparison, in half an hour on two cores
	@$(MAKE) benchmark CONFIG=presets/headline-small.yaml

gpu: $(INSTALLED) ## run what is worth running on a GPU, and record it (docs/gpu.md)
	$(RUN) -m benchmarks.gpu $(ARGS)

# One process for each processor, and one thread in each (tests/conftest.py).
test: $(INSTALLED) ## run the tests of units, contracts and documentation, and one small workflow
	$(RUN) -m pytest -n auto --dist loadgroup -m "not slow" $(ARGS)

test-all: $(INSTALLED) ## run the rest: workflow, Slurm, browser; print how much of the code is reached
	$(RUN) -m pytest -n auto --dist loadgroup -m slow --cov --cov-append --cov-report=term $(ARGS)

test-cluster: slurm $(KUBERNETES) ## install Slurm where it is missing, and test the workflow on it
	$(RUN) -m pytest tests/cluster $(ARGS)

# Without the servers' own installation of MariaDB, which would start it.
SLURM := munge slurmctld slurmd slurm-client slurmdbd mariadb-server-core mariadb-client-core
SBIN := PATH="$$PATH:/usr/sbin:/sbin"

# Apart from the environment, since every start of Snakemake imports every plugin that it finds.
$(KUBERNETES): $(INSTALLED)
	rm -rf $(VENV)/kubernetes
	$(RUN) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["kubernetes"], sep="\n")' > $(VENV)/kubernetes.txt
	$(RUN) -m pip install --quiet --requirement $(VENV)/kubernetes.txt --target $(VENV)/kubernetes
	@touch $@

kubernetes: $(KUBERNETES)

slurm:
	@$(SBIN); for name in munged slurmctld slurmd sbatch slurmdbd mariadbd; do \
		command -v $$name > /dev/null || missing="$$missing $$name"; done; \
	test -z "$$missing" || { \
		test "$$(id -u)" = 0 && command -v apt-get > /dev/null || { echo >&2 "There is no" \
			"$$missing here, and only root can install it, by apt-get."; exit 1; }; \
		export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && \
		apt-get install -qq --yes --no-install-recommends $(SLURM); }

# Apart from the environment, since it brings other versions of what Snakemake needs.
$(SPHINX): $(INSTALLED)
	rm -rf $(VENV)/docs
	$(RUN) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' > $(VENV)/docs.txt
	$(RUN) -m pip install --quiet --no-warn-conflicts --requirement $(VENV)/docs.txt --target $(VENV)/docs
	@touch $@

docs: $(SPHINX) ## build the site, build/site/index.html, and check its links
	PYTHONPATH="$(CURDIR)/$(VENV)/docs" $(RUN) -m sphinx --quiet --fail-on-warning --keep-going \
		-d build/doctrees docs $(SITE) $(ARGS)
	$(RUN) tools/check_site.py $(SITE)

lint: $(INSTALLED) ## check style, types and the workflow
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(BIN)/lint-imports
	$(RUN) -m snakefmt --check Snakefile workflow benchmarks
	$(RUN) -m snakemake --lint
	$(BIN)/codespell --dictionary - --dictionary tools/words.txt

format: $(INSTALLED) ## rewrite the code in the style that lint wants
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .
	$(RUN) -m snakefmt Snakefile workflow benchmarks

check: lint test test-all ## lint, then run every test

env: $(INSTALLED) ## make or update the environment in .venv

lock: ## pin the newest versions that pyproject.toml allows, in requirements.lock and envs/
	$(PYTHON) tools/lock.py

clean: ## remove what the tools leave behind; results/ and .venv stay
	rm -rf build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(LOCKED):
	@command -v "$(PYTHON)" > /dev/null || { echo >&2 "tailbench needs Python 3.11 or newer," \
		"and there is no $(PYTHON): name one by make PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; v < (3, 11) and sys.exit( \
		"tailbench needs Python 3.11 or newer, and $(PYTHON) is %d.%d: " % v + \
		"name one by make PYTHON=/path/to/python3.12")'
	@echo "Installing requirements.lock in $(VENV): once, and some minutes."
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(RUN) -m pip install --quiet --requirement requirements.lock
	@touch $@

# The lock has setuptools too: nothing is fetched here, and so nothing can differ.
$(INSTALLED): $(LOCKED)
	@$(RUN) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@
