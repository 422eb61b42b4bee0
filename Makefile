# Two commands matter: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# numpy's own threads fight with ours on a small machine.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo test check bench chaos fuzz oma lock proto clean

demo: $(READY)          ## the whole system on this machine; DEMO="--for 60 --summary s.json" to end by itself
	$(BIN)/telltale demo $(DEMO)

test: $(READY) check    ## every check and every test, real servers included
	$(BIN)/pytest $(TESTS)

check: $(READY)         ## format, lint, types, direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)         ## ratios measured in one run
	$(BIN)/python -m bench $(BENCH)

TARGET  ?= frame
SECONDS ?= 60
fuzz: $(READY)          ## coverage-guided fuzzing: make fuzz TARGET=mail SECONDS=300 (docs/fuzzing.md)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	$(BIN)/python -m tests.fuzz $(TARGET) $(SECONDS)

oma: $(READY)           ## the tests of `telltale modes` with its extra; without it `make test` skips them by name
	@$(BIN)/python -c 'import pyoma2' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/oma.txt
	$(BIN)/pytest tests/cloud_service/modal

chaos: $(READY)         ## the fault campaign: FAULTS=30 takes a few minutes, FAULTS=500 is the long form; SEED=n
	$(BIN)/python -m chaos --faults $(or $(FAULTS),30) --seed $(or $(SEED),1) $(CHAOS)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or newer is needed, {sys.executable} is {v.major}.{v.minor}: make PYTHON=/path/to/python3.11")'
	@echo 'setting up $(VENV) from requirements/dev.txt (once, about two minutes)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock: $(READY)          ## renew the hash-pinned requirements
	for extra in edge cloud demo dev fuzz oma; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header --no-emit-package telltale-monitor --extra $$extra \
	    $$( [ $$extra = dev ] || echo --constraint requirements/dev.txt ) \
	    pyproject.toml --output-file requirements/$$extra.txt || exit 1; \
	done

proto: $(READY)         ## renew the generated code of the wire format
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I. --python_out=. --mypy_out=quiet:. telltale/wire/frame.proto

clean:
	rm -rf $(VENV) build dist demo-run .pytest_cache .mypy_cache .ruff_cache .hypothesis
