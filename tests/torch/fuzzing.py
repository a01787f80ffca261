# SPDX-License-Identifier: MIT
"""How long the tests with random input run, and on which input.

By default they are short, and the same each time. With GRAMLESS_FUZZ=100 in
the environment they take a hundred times as many examples, other ones each
time.
"""

import os

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("GRAMLESS_FUZZ", "1"))


def fuzz(examples):
    """Returns the settings of a test with so many examples."""
    return settings(
        deadline=None,
        derandomize=FACTOR == 1,
        database=None,
        max_examples=examples * FACTOR,
        suppress_health_check=list(HealthCheck),
    )
