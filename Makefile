# make repro                 environment, then the whole pipeline as params.yaml says
# make repro TORCH=cpu       the same with the CPU build of torch: Linux without an NVIDIA GPU
# make report                open the last run's report, metrics/report.html, in a browser
# make report REVS="ce arcface main"   Git revisions or DVC experiments side by side, with intervals
# make app GALLERY=people.gallery   a page that names faces; prints its address
# make profile NAME=cfp      another profile as params.yaml; without a name: the list
# make remote URL=…          where `dvc push` puts the heavy folders
# make test                  environment, then linters and all fast tests, in two processes (JOBS=4: in four)
# make test-fast             the tests without the end-to-end run
# make test-slow             kills (KILLS=10 a stage), full disks, two runs at once, S3
# make test-python PYTHON=python3.13   the fast tests in an environment of another Python
# make fuzz SECONDS=60       random annotation files and photographs
# make mutate                mutation testing of the formulas (ONLY=geometry: one file): minutes each
# make audit                 lock file, known vulnerabilities and licences of the dependencies
# make lint                  fix and format the code
# make types                 mypy
# make lock                  uv.lock and requirements*.txt from pyproject.toml
# make bench                 speed and memory against peers and ceilings, after make repro: docs/results/speed.md
# make timings RUNS=3        the whole pipeline from nothing in a temporary copy, stage by stage: docs/timings.md
# make pictures              the README's pictures in docs/, from the last run
# make results               docs/results/<profile>.md, from the last run
# make docs                  the documents as a site, in site/

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

export PATH := $(abspath $(BIN)):$(PATH)
export UV_PROJECT_ENVIRONMENT := $(abspath $(VENV))
export DVC_NO_ANALYTICS := 1
# glibc keeps the memory that a network's layers free, instead of asking the system again each time
export MALLOC_TRIM_THRESHOLD_ := 1073741824
export MALLOC_MMAP_THRESHOLD_ := 33554432

.PHONY: app repro report profile remote test test-fast test-slow test-python fuzz mutate audit lint types lock bench timings pictures results docs

repro: $(BIN)/.installed
	@python -m tools.estimate
	@dvc repro
	@python -m tools.results

REPORT := $(CURDIR)/metrics/report.html
report: $(BIN)/.installed
ifdef REVS
	@python -m facerec report $$REVS
else
	@test -f "$(REPORT)" || { echo "error: no report yet: make repro, or dvc pull"; exit 1; }
	@echo "$(REPORT)"
	@python -m webbrowser -t "file://$(REPORT)" > /dev/null
endif

profile: $(BIN)/.installed
	@python -m tools.profile "$$NAME" $(if $(FORCE),--force)

app: $(BIN)/.installed-app
	@python -m facerec page $(or $(GALLERY),people.gallery)

remote: $(BIN)/.installed
	@test -n "$$URL" || { echo "error: which remote? make remote URL=/a/folder, s3://bucket/path, ssh://…"; exit 1; }
	@dvc remote add --local --default --force storage "$$URL"
	@dvc remote modify --local storage verify true

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

test-python:
	@$(MAKE) test-fast VENV=.venv-$(notdir $(PYTHON)) PYTHON=$(PYTHON)

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
	@OMP_NUM_THREADS=1 mutmut run $(if $(JOBS),--max-children $(JOBS)) $(foreach name,$(ONLY),'facerec.*$(name).*')
	@mutmut results
	@mutmut export-cicd-stats && cat mutants/mutmut-cicd-stats.json

EXPORT := uv export --quiet --frozen --no-emit-project --no-annotate

audit: $(BIN)/.installed-test
	@uv lock --check
	@pip-licenses --from=mixed --order=license
	@$(EXPORT) --no-header -o $(BIN)/.locked.txt
	@pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r $(BIN)/.locked.txt

lint: $(BIN)/.installed-test
	@ruff check --fix .
	@ruff format .

types: $(BIN)/.installed-test
	@mypy

lock: $(BIN)/.installed
	@uv lock
	@$(EXPORT) --no-hashes -o requirements.txt
	@$(EXPORT) --no-hashes --only-group app -o requirements-app.txt
	@echo uv | uv pip compile --quiet --generate-hashes --no-annotate --no-header - -o requirements-uv.txt

bench: $(BIN)/.installed-bench
	@python -m benchmarks.run $(foreach name,$(ONLY),--only $(name))

timings: $(BIN)/.installed
	@python -m tools.timings $(RUNS)

pictures: $(BIN)/.installed
	@python -m tools.pictures

results: $(BIN)/.installed
	@python -m tools.results --write

docs: $(BIN)/.installed-docs
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --clean
	@echo "python -m http.server --directory site, then http://localhost:8000"

# uv, with checked hashes, and by it the environment; two that set up at once do not disturb each other.
$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@new=$$(mktemp -d $(VENV).XXXXXX) && trap 'rm -r "$$new"' EXIT \
	&& $(PYTHON) -m venv $$new \
	&& $$new/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt \
	&& $$new/bin/uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) \
	&& mv $$new/bin/uv $@

ifneq ($(filter-out cpu,$(TORCH)),)
$(error TORCH: expected cpu, or nothing for the build in uv.lock, got $(TORCH))
endif

# The download's size: the sum of the lock's wheels, as the package index gives their sizes.
ifneq ($(shell uname -s),Linux)
DOWNLOAD := about 0.3 GiB
else ifeq ($(TORCH),cpu)
DOWNLOAD := about 0.2 GiB, and the CPU build of torch
else
DOWNLOAD := about 3.1 GiB, torch with CUDA; without an NVIDIA GPU `make repro TORCH=cpu` needs much less
endif

# uv checks the hashes of uv.lock, and lets a second `uv sync` wait. --inexact keeps uv, other groups, the CPU torch.
SYNC := uv sync --quiet --frozen --inexact
OF_TORCH = $(shell sed -nE 's/^name = "(torch|torchvision|triton|(cuda|nvidia)-.*)"/--no-install-package \1/p' uv.lock)

$(BIN)/.installed: uv.lock | $(BIN)/uv
	@echo 'Installing uv.lock. Download, the first time: $(DOWNLOAD)'
ifeq ($(TORCH)$(shell uname -s),cpuLinux)
	@uv pip install --quiet --python $(BIN)/python --no-deps --torch-backend cpu $$(grep -E '^torch(vision)?==' requirements.txt) || { \
	echo "error: the CPU build of torch cannot be fetched here; make repro without TORCH=cpu installs the one with CUDA" >&2; exit 1; }
	@$(SYNC) $(OF_TORCH)
else
	@$(SYNC)
endif
	@touch $@

$(BIN)/.installed-%: uv.lock $(BIN)/.installed
	@$(SYNC) --only-group $*
	@touch $@
