# SPDX-License-Identifier: MIT
"""All promises, each with a change of the code that breaks it and a test."""

from promises import (
    cuda,
    derivatives,
    distances,
    errors,
    log_domain,
    machine,
    manners,
    sums,
)

MUTANTS = (
    sums.MUTANTS
    + distances.MUTANTS
    + derivatives.MUTANTS
    + log_domain.MUTANTS
    + machine.MUTANTS
    + errors.MUTANTS
    + manners.MUTANTS
    + cuda.MUTANTS
)
