# make repro                 environment, then the whole pipeline as params.yaml says
# make test                  environment, then all tests
# make profile NAME=cfp      another data set: cfp, celeba, synthetic
# make remote URL=…          where `dvc push` puts the heavy folders
# make bench                 speed and memory against peers and ceilings, after make repro: benchmarks/results.md
# make pictures              the README's pictures in docs/, from the last run

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

export PATH := $(abspath $(BIN)):$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: repro test lint profile remote pictures bench

repro: $(BIN)/.installed
	@dvc repro
	@python -m tools.results

test: $(BIN)/.installed-test
	@ruff check .
	@ruff format --check .
	@python -m pytest

lint: $(BIN)/.installed-test
	@ruff check --fix .
	@ruff format .

profile: $(BIN)/.installed
	@python -m tools.profile "$(NAME)" $(if $(FORCE),--force)

remote: $(BIN)/.installed
	@test -n "$(URL)" || { echo "error: which remote? make remote URL=/a/folder, s3://bucket/path, ssh://…"; exit 1; }
	@dvc remote add --local --default --force storage "$(URL)"

pictures: $(BIN)/.installed
	@python -m tools.pictures

bench: $(BIN)/.installed-bench
	@python -m benchmarks.run $(foreach name,$(ONLY),--only $(name))

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(BIN)/.installed: requirements.txt | $(BIN)/uv
	@echo "Installing requirements.txt (torch with CUDA: some gigabytes the first time)"
	@uv pip install --quiet --python $(BIN)/python -r requirements.txt
	@touch $@

$(BIN)/.installed-test: requirements-test.txt $(BIN)/.installed
	@uv pip install --quiet --python $(BIN)/python -r requirements-test.txt
	@touch $@

$(BIN)/.installed-bench: requirements-bench.txt $(BIN)/.installed
	@uv pip install --quiet --python $(BIN)/python -r requirements-bench.txt
	@touch $@
