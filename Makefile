# Everything sets itself up in .venv; only python3 (3.10 or later), cargo and a C compiler must be there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find rust -type f -not -path '*/target/*')
BUILT := $(VENV)/.built
TESTABLE := $(VENV)/.testable
ENGINES := .venv-engines
LIBRARY = $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')

.PHONY: help demo build test test-engines test-long fuzz lint format bench bench-quick wheel clean

help:
	@echo 'make demo       build, install into .venv, count a sample in 14 languages'
	@echo 'make test       all tests, Rust and Python'
	@echo 'make test-engines  Ray, Spark and pipelines, run on this machine; installs 1.5 GB, and needs Java 17'
	@echo 'make test-long  the tests that take minutes'
	@echo 'make fuzz       loaders, counting and reading on mutated input, ten minutes each'
	@echo 'make lint       format, clippy, rustdoc, ruff, mypy, import-linter, stubtest, spelling, workflows'
	@echo 'make format     put the sources into the format that lint asks for'
	@echo 'make bench-quick  what a call costs, in under two minutes'
	@echo 'make bench      the comparison with other tokenizers'
	@echo 'make wheel      a wheel in dist/'
	@echo 'make clean      remove what was built, and .venv'

demo: $(BUILT)
	@$(BIN)/fasttok demo --table
	@echo
	@echo 'Real text of this machine: the standard library of its Python.'
	@echo
	@# Exit code 3: there are files that are no text (archives, pickles), and the last lines say so.
	@$(BIN)/fasttok count --table --errors replace -e o200k_base,cl100k_base "$(LIBRARY)"/*.py "$(LIBRARY)"/[a-r]*/ \
	  || [ $$? -eq 3 ]

build: $(BUILT)

# The instruction sets below the best that this machine has, and the tests that tell one from another in seconds: those
# of every file that has kernels, and of the references' counts. The rest of the tests goes through the levels itself or
# does not depend on them.
LEVELS = $$($(BIN)/python -c 'from fasttok._fasttok import simd_levels; print(*simd_levels()[:-1])')
BY_LEVEL := ids_and_counts one_character long_monotonous east_asian_neighbours batch:: split:: text:: format:: \
	random_texts

# How Python's tests are shared out: among two processes, and what a file makes once for its tests is made in one of them.
# `make test PARALLEL=` has one process.
PARALLEL ?= -n 2 --dist loadfile

# The profile `checked` is release with debug assertions and overflow checks.
test: $(TESTABLE)
	cargo test --profile checked --workspace
	for level in $(LEVELS); do \
	  echo "FASTTOK_SIMD=$$level"; \
	  FASTTOK_SIMD=$$level cargo test --profile checked --workspace --tests -- $(BY_LEVEL) || exit 1; \
	done
	cargo run --profile checked -p fasttok-fuzz -- --seconds 10 --seed 1
	$(BIN)/python -m pytest $(PARALLEL)

# What runs on clusters and in pipelines. The library is the one that is built for .venv.
test-engines: $(ENGINES)/.testable
	$(ENGINES)/bin/python -m pytest tests/engines

test-long: $(TESTABLE)
	cargo test --release --workspace -- --include-ignored
	FASTTOK_LONG=1 $(BIN)/python -m pytest $(PARALLEL)

# Every target of fuzz/ for ten minutes. Guided by coverage: cargo +nightly fuzz run --features libfuzzer NAME
fuzz:
	cargo run --profile checked -p fasttok-fuzz -- --seconds 600

lint: $(TESTABLE)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items --quiet
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/stubtest --allowlist tests/stubtest-allowlist.txt fasttok._fasttok
	$(BIN)/typos
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

format: $(TESTABLE)
	cargo fmt --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench-quick: $(TESTABLE)
	$(BIN)/python -m pytest benches/micro --benchmark-enable --benchmark-only --benchmark-columns=min,median,iqr,rounds

bench: $(TESTABLE)
	$(BIN)/python -m benches.compare

wheel: $(BIN)/maturin
	$(BIN)/maturin build --release --strip --out dist

clean:
	rm -rf $(VENV) $(ENGINES) target dist .pytest_cache .mypy_cache .ruff_cache .benchmarks
	rm -f python/fasttok/_fasttok*.so
	find python tests -name __pycache__ -type d -exec rm -rf {} +

$(BIN)/maturin:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip 'maturin>=1.9,<2'
	@touch $@

$(ENGINES)/.testable: $(BUILT) pyproject.toml
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install --quiet --upgrade pip
	@# Once without extras: those that name others of this package are of one that is installed.
	VIRTUAL_ENV=$(CURDIR)/$(ENGINES) $(BIN)/maturin develop --release
	VIRTUAL_ENV=$(CURDIR)/$(ENGINES) $(BIN)/maturin develop --release --extras engines
	@touch $@

$(BUILT): $(SOURCES) $(BIN)/maturin
	$(BIN)/maturin develop --release
	@touch $@

$(TESTABLE): $(BUILT) pyproject.toml
	$(BIN)/maturin develop --release --extras test,lint
	@touch $@
