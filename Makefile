# Two commands on a bare machine: `make demo` runs the main job, `make test` passes the tests.
# Debian or Ubuntu, Python >= 3.11, git and make are enough; the rest is installed.

PYTHON ?= python3
JOBS ?= 2
FUZZ_SECONDS ?= 600
BIN := .venv/bin
TOOLKIT := $(BIN)/toolkit
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check test-peers test-engines test-faults test-images image-sizes test-families fuzz fuzz-keep lint format golden engine base bench clean

demo: .venv/.installed engine
	@image=$$($(TOOLKIT) build-image --yes demo) && \
	echo "$$image" && \
	$(TOOLKIT) run --image "$$image" images/demo/demo.py

test: lint check

# Two at a time, file by file: half of it waits for the engine. One alone: make test JOBS=0.
check: .venv/.dev engine base
	TOOLKIT_REQUIRE_DOCKER=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

# Real frameworks in environments of their own. TOOLKIT_PEER_TESTS: checkouts of theirs, by colons.
test-peers: .venv/.dev engine base
	TOOLKIT_REQUIRE_DOCKER=1 $(BIN)/python -m pytest tests/peers

# The same contract on other engines, each of Debian's packages in a container of its own.
test-engines: .venv/.dev engine base
	TOOLKIT_REQUIRE_DOCKER=1 $(BIN)/python -m pytest tests/engines

# Every cell of the fault matrix 20 times, and a table; `make test` plays each once.
test-faults: .venv/.dev engine base
	TOOLKIT_REQUIRE_DOCKER=1 $(BIN)/python -m pytest tests/faults --fault-rounds 20

# Every image of the catalogue, built and proven; `make test` has those that cost little.
test-images: .venv/.dev engine base
	TOOLKIT_REQUIRE_DOCKER=1 $(BIN)/python -m pytest tests/docker/shipped

# The same, and their sizes written down: images/sizes.json, and images/README.md made of it.
image-sizes: .venv/.dev engine base
	TOOLKIT_REQUIRE_DOCKER=1 $(BIN)/python -m pytest tests/docker/shipped -k built_and_proven --golden
	$(BIN)/python -m pytest -q tests/unit/test_catalogue.py --golden

# What needs no registry of it: a base with dnf, one without Python, a channel of conda's.
test-families: .venv/.dev engine base
	TOOLKIT_REQUIRE_DOCKER=1 $(BIN)/python -m pytest tests/docker/families

# The readers of dependency files, one after the other. What is kept of it `make test` replays.
fuzz: .venv-fuzz/.installed
	.venv-fuzz/bin/python -m tests.fuzz.run lexer --seconds $(FUZZ_SECONDS)
	.venv-fuzz/bin/python -m tests.fuzz.run toml --seconds $(FUZZ_SECONDS)

fuzz-keep: .venv/.dev
	$(BIN)/python -m tests.fuzz.keep

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Re-make the golden files and the README's help; CI compares them with what is committed.
golden: .venv/.dev
	$(BIN)/python -m pytest -q tests/unit/test_renderer.py tests/unit/test_spec_writing.py \
		tests/unit/test_catalogue.py tests/cli/test_help.py tests/cli/test_progress.py \
		tests/cli/test_report.py --golden

engine: .venv/.installed
	@$(TOOLKIT) engine start --yes

base: .venv/.installed engine
	@$(TOOLKIT) base-image --yes

bench: .venv/.installed engine base
	$(BIN)/python -m benchmarks.story
	$(BIN)/python -m benchmarks.build
	$(BIN)/python -m benchmarks.execute
	$(BIN)/python -m benchmarks.transfer
	$(BIN)/python -m benchmarks.doctor
	$(BIN)/python -m benchmarks.parse

clean:
	rm -rf .venv .venv-peers .venv-fuzz .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

# Debian ships Python without what makes virtual environments.
.venv/bin/python:
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	echo "installing python3-venv"; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	$$sudo apt-get update -q && $$sudo apt-get install -yq --no-install-recommends python3-venv && \
	$(PYTHON) -m venv .venv; }

.venv/.installed: pyproject.toml | .venv/bin/python
	$(PIP) --editable .
	@touch $@

.venv/.dev: pyproject.toml | .venv/.installed
	$(PIP) --editable '.[dev]'
	@touch $@

.venv-fuzz/.installed: pyproject.toml | .venv/bin/python
	.venv/bin/python -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --editable . atheris
	@touch $@
