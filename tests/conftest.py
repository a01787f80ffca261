# SPDX-License-Identifier: MIT
"""Runs the tests of kernel products with choices of the engine forced.

pytest --configuration loops           # All tests, with one configuration.
pytest --configuration all --every 53  # Each 53rd, with each of them.
"""

import importlib
from functools import partial

import pytest

from gramless import _core

# What each configuration builds functions with, and what it runs them with.
CONFIGURATIONS = {
    "default": ({}, {}),
    "unsimplified": ({"skip": ["simplify"]}, {}),
    "read-back": ({"is_read_back": True}, {}),
    "baseline": ({}, {"most": 0}),
    "avx2": ({}, {"most": 1}),
    "one-lane": ({}, {"lanes": 1}),
    "lanes-along-reduced": ({}, {"lanes_along_kept": 0}),
    "single-tiles": (
        {},
        {"lanes": 1, "kept_unroll": 1, "reduced_unroll": 1, "chunk": 64},
    ),
    "splits": ({}, {"splits": 3, "chunk": 64}),
    "loops": ({}, {"longest_unrolled": 0}),
    "checked": ({}, {"checked": 1}),
}


def pytest_addoption(parser):
    parser.addoption(
        "--configuration",
        default="default",
        choices=[*CONFIGURATIONS, "all"],
        help="choices of the engine to force",
    )
    parser.addoption(
        "--every", type=int, default=1, help="run each N-th test only"
    )


def pytest_generate_tests(metafunc):
    chosen = metafunc.config.getoption("configuration")
    does_not_apply = metafunc.definition.get_closest_marker("default_only")
    if chosen == "default" or does_not_apply:
        return
    names = CONFIGURATIONS if chosen == "all" else [chosen]
    metafunc.parametrize("configuration", names, indirect=True)


def pytest_collection_modifyitems(config, items):
    items[:] = items[:: config.getoption("every")]


@pytest.fixture(autouse=True)
def configuration(request, monkeypatch):
    """Forces the choices of a configuration upon the torch front end."""
    build, run = CONFIGURATIONS[getattr(request, "param", "default")]
    if build:
        module = importlib.import_module("gramless.torch.kernel_product")
        made = partial(_core.ArrayFunction.of, **build)
        monkeypatch.setattr(module, "_function_of", made)
    if run:
        monkeypatch.setattr(
            importlib.import_module("gramless.torch.map_reduce"),
            "FORCED_OPTIONS",
            run,
        )
