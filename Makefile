# Builds, tests and runs the project, with tools from a virtual environment in
# .venv. All that is built lies in build/.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(VENV)/.installed
PACKAGE := build/package.stamp
BENCH := build/bench-venv
PEERS := $(BENCH)/.installed
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
SECONDS ?= 60
CUDA_TESTS ?= build/dev/tests/gramless_tests
CUDA_PYTHON ?= $(BIN)/python

PACKAGE_FILES := $(shell find cmake gramless include licenses python -not -name '*.pyc') \
    CMakeLists.txt LICENSE README.md pyproject.toml
CXX_FILES := $(shell find gramless python tests examples bench -name '*.h' -o -name '*.cpp')

export PATH := $(CURDIR)/$(BIN):$(PATH)
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(JOBS)
export CTEST_PARALLEL_LEVEL ?= $(JOBS)
export PYTHONNOUSERSITE := 1
unexport PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX

# Warnings stop the build of developers, not that of users. CMake remembers it,
# so that `make run` after `make test` compiles nothing twice.
test: export CMAKE_ARGS += -DGRAMLESS_WERROR=ON

# $(call need,CHECK,PACKAGE): where CHECK fails, installs a Debian package as
# root, and otherwise names it.
need = @$(1) >/dev/null 2>&1 || { test "$$(id -u)" = 0 && { apt-get update -qq; \
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $(2); }; } || \
    { echo "error: a system package is missing: sudo apt-get install $(2)" >&2; exit 1; }

.PHONY: help run test configurations wheel mutants bench cuda build-cuda on-device asan fuzz lint format clean googletest libfuzzer build-dev build-release build-asan-ubsan build-fuzz

help:
	@echo "make run     builds everything and runs the examples"
	@echo "make test    builds with warnings as errors and runs all tests"
	@echo "make configurations  runs the Python tests with each way to run the engine"
	@echo "make mutants breaks each promise in the code, and sees a test fail; ARGS=word selects some"
	@echo "make wheel   builds and tests dist/: wheels for the Pythons that are there, and the sdist"
	@echo "make bench   times Gramless beside other libraries, which it installs; ARGS=--help says more"
	@echo "make cuda    builds, and runs on a CUDA device the tests for it and the benchmark"
	@echo "make asan    runs the C++ tests with address and undefined-behaviour sanitizers"
	@echo "make fuzz    runs each fuzzer for a minute, or for SECONDS=600"
	@echo "make lint    checks formats, spelling and common mistakes; make format repairs formats"
	@echo "make clean   removes build/, but not .venv/"

run: $(PACKAGE) build-release
	$(BIN)/python examples/seed.py
	build/release/examples/seed
	$(BIN)/python examples/photograph.py
	$(BIN)/python examples/colour_transfer.py
	$(BIN)/python examples/digits_mixture.py

test: build-dev $(PACKAGE)
	$(BIN)/ctest --preset dev
	$(BIN)/python -m pytest -n $(JOBS)
	$(BIN)/python -m pytest -n $(JOBS) --configuration all --every 53 tests/torch

configurations: $(PACKAGE)
	$(BIN)/python -m pytest -n $(JOBS) --configuration all tests/torch

mutants: $(PACKAGE) | googletest
	$(BIN)/python tests/mutants/run.py $(ARGS)

# For the Pythons that are there, of 3.10, 3.11 and the first that has a stable
# interface for nanobind: docs/releasing.md says more.
wheel: $(TOOLS)
	$(BIN)/python packaging/wheels.py

bench: $(PEERS) build/bench/fma_peak
	$(BENCH)/bin/python bench/run.py $(ARGS)

# On a machine with a device, within 12 minutes from a fresh clone. The steps
# have limits of their own. `make on-device` builds nothing: CUDA_TESTS and
# CUDA_PYTHON may come from elsewhere, and ARGS names steps.
cuda:
	timeout 180 $(MAKE) build-cuda
	$(MAKE) on-device

build-cuda: $(PACKAGE) | googletest
	$(BIN)/cmake --preset dev --log-level=WARNING
	$(BIN)/cmake --build --preset dev --target gramless_tests

on-device:
	$(CUDA_PYTHON) tests/on_device.py --tests $(CUDA_TESTS) --python $(CUDA_PYTHON) $(ARGS)

asan: build-asan-ubsan
	$(BIN)/ctest --preset asan-ubsan

# What a fuzzer has learned stays in build/fuzz/corpus/, and what it finds in
# build/fuzz/finds/: a file that it takes as its argument. It runs in tests/.
fuzz: build-fuzz
	cd tests && for source in fuzz/*_fuzzer.cpp; do \
	    name=$$(basename $$source _fuzzer.cpp) && \
	    mkdir -p ../build/fuzz/corpus/$$name ../build/fuzz/finds && \
	    split -l 1 -a 4 -d fuzz/$$name.txt ../build/fuzz/corpus/$$name/seed- && \
	    ../build/fuzz/tests/fuzz/$${name}_fuzzer -max_total_time=$(SECONDS) -max_len=400 \
	        -timeout=10 -artifact_prefix=../build/fuzz/finds/$$name- \
	        ../build/fuzz/corpus/$$name || exit 1; done

lint: $(TOOLS) googletest
	$(BIN)/clang-format --dry-run --Werror $(CXX_FILES)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/codespell
	$(BIN)/cmake --preset dev --log-level=WARNING
	printf '%s\n' $(filter gramless/%.cpp examples/%.cpp,$(CXX_FILES)) | \
	    xargs -P $(JOBS) -n 1 $(BIN)/clang-tidy -p build/dev --quiet

format: $(TOOLS)
	$(BIN)/clang-format -i $(CXX_FILES)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf build

$(TOOLS): requirements-dev.txt
	@$(PYTHON) -c 'import sys, venv, ensurepip; assert sys.version_info >= (3, 10)' 2>/dev/null || \
	    { echo "error: $(PYTHON) must be Python >= 3.10 with venv (Debian: apt-get install python3-venv)" >&2; exit 1; }
	test -x $(BIN)/pip || { rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install -r requirements-dev.txt
	touch $@

# Without build isolation, a second build compiles what has changed and no more.
$(PACKAGE): $(TOOLS) $(PACKAGE_FILES)
	$(call need,$(BIN)/python -c 'import os; from sysconfig import get_path; os.stat(get_path("include") + "/Python.h")',$(shell $(PYTHON) -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])'))
	$(BIN)/python -m pip install --no-build-isolation --no-deps .
	mkdir -p build && touch $@

# Our environment builds the wheel; that of the peers gets it with `[bench]`.
# The first line installs what is missing, the second one replaces the wheel.
$(PEERS): $(PACKAGE)
	test -x $(BENCH)/bin/pip || { rm -rf $(BENCH) && $(PYTHON) -m venv $(BENCH); }
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --no-build-isolation --no-deps --wheel-dir build/wheel .
	$(BENCH)/bin/python -m pip install "$$(echo build/wheel/*.whl)[bench]"
	$(BENCH)/bin/python -m pip install --force-reinstall --no-deps build/wheel/*.whl
	touch $@

build/bench/fma_peak: bench/fma_peak.cpp
	mkdir -p $(@D)
	$(CXX) -std=c++20 -O3 -march=native -ffp-contract=fast -pthread -Wall -Wextra -Werror -o $@ $<

googletest:
	$(call need,echo '#include <gtest/gtest.h>' | $(CXX) -E -x c++ -,libgtest-dev)

libfuzzer:
	$(call need,echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' | clang++ -x c++ -fsanitize=fuzzer -o /dev/null -,clang)

build-dev build-asan-ubsan: | googletest
build-fuzz: | libfuzzer
build-dev build-release build-asan-ubsan build-fuzz: build-%: $(TOOLS)
	$(BIN)/cmake --preset $* --log-level=WARNING
	$(BIN)/cmake --build --preset $*
