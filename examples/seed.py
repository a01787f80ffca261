# SPDX-License-Identifier: MIT
"""Two kernel products with torch, and one that the C++ example repeats."""

from __future__ import annotations

import torch

from gramless.torch import Kernel, kernel_product


def positions_and_orientations() -> None:
    """Two pairs of variables: nearby points with parallel orientations."""
    M, N = 1000, 2000  # noqa: N806
    x = torch.randn(M, 3)  # Positions, and orientations of length 1.
    u = torch.nn.functional.normalize(torch.randn(M, 3), p=2, dim=1)
    y = torch.randn(N, 3)
    v = torch.nn.functional.normalize(torch.randn(N, 3), p=2, dim=1)
    b = torch.randn(N, 4)  # The signal b_j at (y_j, v_j).

    sigma = torch.tensor([0.5])
    params = {
        "id": Kernel("gaussian(x,y) * (linear(u,v)**2) "),
        "gamma": (1.0 / sigma**2, None),  # linear(u,v) has no parameter.
    }
    a = kernel_product(params, (x, u), (y, v), b)
    print("gaussian(x,y) * (linear(u,v)**2)")
    print(a)
    print(f"  grad_fn: {a.grad_fn}, as nothing here requires a gradient\n")


def derivatives() -> None:
    """A result that can be differentiated in all arguments."""
    x = torch.randn(1000, 3, requires_grad=True)
    y = torch.randn(2000, 3, requires_grad=True)
    b = torch.randn(2000, 2, requires_grad=True)
    sigma = torch.tensor([0.5], requires_grad=True)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5 / sigma**2}
    a = kernel_product(params, x, y, b)
    print("gaussian(x,y), differentiable in x, y, b and sigma")
    print(a)
    print_norms(a, x, y, b, sigma)


def wave(phase: float, rows: int, columns: int) -> torch.Tensor:
    """Returns sin(phase + k²) for k = 0, 1, …, row after row."""
    k = torch.arange(rows * columns, dtype=torch.float64)
    return torch.sin(phase + k**2).reshape(rows, columns).requires_grad_()


def same_as_cxx() -> None:
    """The kernel product of examples/seed.cpp, on the same numbers."""
    x, y, b = wave(0.0, 1000, 3), wave(1.0, 2000, 3), wave(2.0, 2000, 2)
    sigma = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5 / sigma**2}
    a = kernel_product(params, x, y, b)
    print("\nthe same as build/release/examples/seed prints")
    for i in (0, 1, 999):
        print(f"  a[{i}] = {a[i, 0].item():.6f} {a[i, 1].item():.6f}")
    print_norms(a, x, y, b, sigma)


def print_norms(a: torch.Tensor, *arguments: torch.Tensor) -> None:
    """Prints the norms of a and of the gradients of the sum of a."""
    a.sum().backward()
    print(f"  norm of a: {a.norm().item():.6f}")
    for name, argument in zip(("x", "y", "b", "sigma"), arguments, strict=True):
        norm = argument.grad.norm().item()
        print(f"  norm of the gradient in {name}: {norm:.6f}")


def main() -> None:
    torch.manual_seed(0)
    positions_and_orientations()
    derivatives()
    same_as_cxx()


if __name__ == "__main__":
    main()
