# SPDX-License-Identifier: MIT
"""The cases, computed by JAX, compiled, on blocks of rows.

-q comes from one product of matrices, as in torch. A block is differentiated
before the next one is computed.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from cases import ROW_ARGUMENTS, Case

Arrays = dict[str, jax.Array]

_KERNELS = {
    "gaussian": lambda p: jnp.exp(p),
    "laplacian": lambda p: jnp.exp(-jnp.sqrt(jnp.maximum(-p, 0))),
    "cauchy": lambda p: 1 / (1 - p),
    "inverse_multiquadric": lambda p: jax.lax.rsqrt(1 - p),
    "rational_quadratic": lambda p: jnp.exp(-1.5 * jnp.log1p(p / -1.5)),
    "three gaussians": lambda p: jnp.exp(p) + jnp.exp(p / 4) + jnp.exp(p / 16),
    "gaussian laplacian": lambda p: jnp.exp(p - jnp.sqrt(jnp.maximum(-p, 0))),
}
"""Kernels of -q, by the name of the case where the kernel is not an atom."""


def _negated_q(case: Case, arrays: Arrays) -> jax.Array:
    x, y, gamma = arrays["x"], arrays["y"], arrays["gamma"]
    if case.has_metrics:
        metrics = gamma.reshape(case.N, case.D, case.D)
        images = jnp.einsum("jab,jb->ja", metrics, y)
        squares = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
        return 2 * (x @ images.T) - squares @ gamma.T - (images * y).sum(1)
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :]
    return gamma * (2 * (x @ y.T) - squares)


def _values(case: Case, arrays: Arrays) -> jax.Array:
    """Returns some rows of a."""
    p = _negated_q(case, arrays)
    if case.mode == "lse":
        return jax.nn.logsumexp(p + arrays["b"].T, axis=1, keepdims=True)
    matrix = _KERNELS[case.kind](p)
    if case.is_oriented:
        matrix = matrix * (arrays["u"] @ arrays["v"].T) ** 2
    return matrix @ arrays["b"]


def _objective(case: Case, rows: Arrays, rest: Arrays) -> tuple:
    """Returns what is differentiated, and a."""

    def weighted(x: jax.Array) -> tuple:
        a = _values(case, {**rows, **rest, "x": x})
        return (a * rows["c"]).sum(), a

    if case.order < 2:
        return weighted(rows["x"])
    slope, a = jax.grad(weighted, has_aux=True)(rows["x"])
    return (rows["w"] * slope).sum(), a


def _results(case: Case, rows: Arrays, rest: Arrays) -> Arrays:
    """Computes block after block, and adds up gradients of the rest."""
    at_rows = [name for name in case.wrt if name in rows]
    at_rest = [name for name in case.wrt if name in rest]

    def step(totals: Arrays, block: Arrays) -> tuple:
        if not case.wrt:
            return totals, {"a": _values(case, {**block, **rest})}
        (here, there), a = jax.grad(
            lambda *sides: _objective(case, *sides), (0, 1), has_aux=True
        )(block, rest)
        totals = {name: totals[name] + there[name] for name in at_rest}
        return totals, {"a": a, **{name: here[name] for name in at_rows}}

    zeros = {name: jnp.zeros_like(rest[name]) for name in at_rest}
    totals, blocks = jax.lax.scan(step, zeros, rows)
    flat = {k: v.reshape(-1, v.shape[-1]) for k, v in blocks.items()}
    return {**flat, **totals}


def prepare(
    case: Case, data: dict[str, np.ndarray], entries: int
) -> Callable[[], dict]:
    """Returns what computes a case, in blocks of at most so many entries."""
    jax.config.update("jax_enable_x64", case.dtype == "float64")
    size = case.block_parts(entries)

    @jax.jit
    def compiled(arrays: Arrays) -> Arrays:
        rows = {
            name: array.reshape(-1, size, array.shape[1])
            for name, array in arrays.items()
            if name in ROW_ARGUMENTS
        }
        rest = {k: v for k, v in arrays.items() if k not in rows}
        return _results(case, rows, rest)

    arrays = {name: jnp.asarray(array) for name, array in data.items()}
    return lambda: jax.block_until_ready(compiled(arrays))
