# make repro                 environment, then the whole pipeline as params.yaml says
# make repro TORCH=cpu       the same with the CPU build of torch: Linux without an NVIDIA GPU
# make test                  environment, then all tests, in two processes (JOBS=4: in four)
# make profile NAME=cfp      another data set: cfp, celeba, synthetic
# make remote URL=…          where `dvc push` puts the heavy folders
# make test-slow             kills (KILLS=10 a stage), full disks, two runs at once, S3
# make fuzz SECONDS=60       hostile annotation files and photographs
# make mutate                mutation testing of the formulas (ONLY=geometry: one file; JOBS=1: one process): minutes each
# make audit                 hashes, known vulnerabilities and licences of what is installed
# make types                 mypy
# make lock                  requirements.lock from requirements.txt
# make test-fast             the tests but for the end-to-end run
# make test-python PYTHON=python3.13   the same in an environment of another Python
# make bench                 speed and memory against peers and ceilings, after make repro: docs/results/speed.md
# make timings RUNS=3        the whole pipeline from nothing in a temporary copy, stage by stage: docs/timings.md
# make pictures              the README's pictures in docs/, from the last run
# make results               docs/results/<profile>.md, from the last run
# make docs                  the documents as a site, in site/

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

export PATH := $(abspath $(BIN)):$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: repro test test-fast test-slow test-python fuzz mutate audit types lock lint profile remote pictures results docs bench timings

repro: $(BIN)/.installed
	@python -m tools.estimate
	@dvc repro
	@python -m tools.results

PYTEST = OMP_NUM_THREADS=1 python -m pytest -n $(or $(JOBS),2) --dist loadfile --no-loadscope-reorder --durations 15

test: $(BIN)/.installed-test
	@ruff check .
	@ruff format --check .
	@mypy
	@$(PYTEST)

test-fast: $(BIN)/.installed-test
	@$(PYTEST) --ignore tests/test_end_to_end.py

test-slow: $(BIN)/.installed-test
	@OMP_NUM_THREADS=1 python -m pytest -m slow

SECONDS ?= 60
fuzz: $(BIN)/.installed-test
	@FUZZ_EXAMPLES=1000 python -m pytest -m "slow or not slow" tests/data/test_fuzz.py
	@uv pip install --quiet --python $(BIN)/python atheris || echo "atheris: no wheel for this Python; hypothesis alone"
	@python -c 'import atheris' 2>/dev/null || exit 0; \
	export TMPDIR=$$(mktemp -d) && trap 'rm -r "$$TMPDIR"' EXIT; \
	for reader in annotations image own_tables pair_lists; do \
	PYTHONPATH=. python tests/data/fuzz_readers.py $$reader -max_total_time=$(SECONDS) || exit 1; done

mutate: $(BIN)/.installed-mutate
	@rm -rf mutants
	@OMP_NUM_THREADS=1 mutmut run $(if $(JOBS),--max-children $(JOBS)) $(foreach name,$(ONLY),'facerec.$(name).*')
	@python -m tools.mutants $(ONLY)

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate requirements.txt

audit: $(BIN)/.installed-test
	@new=$$(mktemp -d) && trap 'rm -r "$$new"' EXIT \
	&& sed -n 's/^\([^ #].*==[^\\]*\)\\$$/\1/p' requirements.lock > $$new/pins.txt \
	&& $(COMPILE) --no-header -c $$new/pins.txt -o $$new/requirements.lock \
	&& grep -v '^#' requirements.lock | diff - $$new/requirements.lock \
	&& echo "requirements.lock: the package index has these versions with these hashes"
	@python -m tools.licences
	@python -m tools.vulnerabilities

types: $(BIN)/.installed-test
	@mypy

lock:
	@$(COMPILE) -o requirements.lock
	@echo uv | uv pip compile --quiet --generate-hashes --no-annotate --no-header - -o requirements-uv.txt

test-python:
	@$(MAKE) test-fast VENV=.venv-$(notdir $(PYTHON)) PYTHON=$(PYTHON)

lint: $(BIN)/.installed-test
	@ruff check --fix .
	@ruff format .

profile: $(BIN)/.installed
	@python -m tools.profile "$$NAME" $(if $(FORCE),--force)

remote: $(BIN)/.installed
	@test -n "$$URL" || { echo "error: which remote? make remote URL=/a/folder, s3://bucket/path, ssh://…"; exit 1; }
	@dvc remote add --local --default --force storage "$$URL"
	@dvc remote modify --local storage verify true

pictures: $(BIN)/.installed
	@python -m tools.pictures

results: $(BIN)/.installed
	@python -m tools.results --write

docs: $(BIN)/.installed-docs
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --clean
	@echo "python -m http.server --directory site, then http://localhost:8000"

timings: $(BIN)/.installed
	@python -m tools.timings $(RUNS)

bench: $(BIN)/.installed-bench
	@python -m benchmarks.run $(foreach name,$(ONLY),--only $(name))

# two that set up at once take turns, where flock is found
IN_TURN := $(if $(shell command -v flock),flock Makefile)

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@$(IN_TURN) sh -ec 'test -e $@ && exit; \
	echo "Making $(VENV) with $$($(PYTHON) --version)"; \
	$(PYTHON) -m venv $(VENV); \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt'

ifneq ($(filter-out cpu,$(TORCH)),)
$(error TORCH: expected cpu, or nothing for the build in requirements.lock, got $(TORCH))
endif

# How much there is to fetch: the sum of the lock's wheels, as the package index gives their sizes.
ifneq ($(shell uname -s),Linux)
FETCHED := about 0.3 GiB
else ifeq ($(TORCH),cpu)
FETCHED := about 0.2 GiB, and the CPU build of torch
else
FETCHED := about 3.1 GiB, torch with CUDA; without an NVIDIA GPU `make repro TORCH=cpu` fetches much less
endif

INSTALL := $(IN_TURN) uv pip install --quiet --python $(BIN)/python
OF_TORCH := ^(torch|torchvision|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)==

$(BIN)/.installed: requirements.lock | $(BIN)/uv
	@echo 'Installing requirements.lock. To fetch, the first time: $(FETCHED)'
ifeq ($(TORCH)$(shell uname -s),cpuLinux)
	@$(INSTALL) --no-deps --torch-backend cpu $$(grep -E '^torch(vision)?==' requirements.txt) || { \
	echo "error: the CPU build of torch cannot be fetched here; make repro without TORCH=cpu installs the one with CUDA" >&2; exit 1; }
	@awk '/^[^ ]/ { wanted = !/$(OF_TORCH)/ } wanted' requirements.lock > $(BIN)/.without-torch
	@$(INSTALL) --no-deps --require-hashes -r $(BIN)/.without-torch
else
	@$(INSTALL) --require-hashes -r requirements.lock
endif
	@touch $@

$(BIN)/.installed-test: requirements-test.txt $(BIN)/.installed
	@$(INSTALL) -r requirements-test.txt
	@touch $@

$(BIN)/.installed-bench: requirements-bench.txt $(BIN)/.installed
	@$(INSTALL) -r requirements-bench.txt
	@touch $@

$(BIN)/.installed-docs: requirements-docs.txt $(BIN)/.installed
	@$(INSTALL) -r requirements-docs.txt
	@touch $@

$(BIN)/.installed-mutate: requirements-mutate.txt $(BIN)/.installed-test
	@$(INSTALL) -r requirements-mutate.txt
	@touch $@
