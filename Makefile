SHELL := bash
# Two doors: `make run` does the main job, `make test` checks everything. Both start from nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8080

# What is imported is compiled once and kept, whatever the environment says: starting is what people wait for.
export PYTHONDONTWRITEBYTECODE =
export NO_MKDOCS_2_WARNING = 1
STAMP  := $(VENV)/.installed

.PHONY: run test quick format lint types layers unit docs small-model small-reader clean

# ---------------------------------------------------------------- the main job

run: $(STAMP)
	@$(BIN)/fourways demo run/helpdesk --port $(PORT)

# torch first, by pip: it is pinned, and pip finds the CPU build. Then everything else, by uv, in seconds.
$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once; a minute or two) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check uv torch==2.13.0 2>&1 | grep -v '^WARNING: Location' || true
	@$(BIN)/python -c 'import torch' 2>/dev/null
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[engine,evals,dev,postgres,ray,train]'
	@touch $@

# ---------------------------------------------------------------- the checks

test: format lint types layers unit docs

quick: lint types
	@$(BIN)/pytest -q -n 2 -m 'not slow and not data'

format: $(STAMP)
	@$(BIN)/ruff format --check --quiet .

lint: $(STAMP)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/deptry src 2>&1 | tail -n 20; exit $${PIPESTATUS[0]}
	@$(BIN)/vulture src --min-confidence 80

types: $(STAMP)
	@$(BIN)/mypy

layers: $(STAMP)
	@$(BIN)/lint-imports

unit: $(STAMP)
	@$(BIN)/pytest -q -n 2 --dist loadgroup

docs: $(STAMP)
	@$(BIN)/mkdocs build --strict --quiet

# ---------------------------------------------------------------- hours, by hand

# fourways-small, from noise: hours on two cores. What the shipped one came to stands in docs/log.md and on its card.
small-model: $(STAMP)
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m fourways.training.reader.small --out build/small --minutes $(or $(MINUTES),120)

# fourways-reader, from MiniLM: ten minutes of computing. build/reader/fourways-reader is what is shipped, with its card.
small-reader: $(STAMP)
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m fourways.training.reader.spans build/reader

clean:
	@rm -rf $(VENV) site build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
