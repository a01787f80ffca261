# SPDX-License-Identifier: MIT
"""Traces and transforms of torch that the engine cannot take part in.

The engine reads and writes memory without torch's knowledge. A trace would
record that the result is allocated, and nothing that is written to it; a
transform would never see the engine's work. All are refused, by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

import torch
from torch._subclasses import FakeTensor
from torch._subclasses.functional_tensor import FunctionalTensor

# A tensor inside of a transform wraps another one, and has no storage.
_has_storage = torch._C._has_storage


def _is_tracing() -> bool:
    """Returns whether operations on any tensors become parts of a trace."""
    proxy = torch._C._TorchDispatchModeKey.PROXY
    modes = (
        torch._C._get_dispatch_mode(proxy),
        torch._ops._get_dispatch_mode_pre_dispatch(proxy),
    )
    return torch.jit.is_tracing() or modes != (None, None)


def _is_traced(tensor: torch.Tensor) -> bool:
    # Traced tensors are of classes of their own; most are plain.
    return type(tensor) is not torch.Tensor and isinstance(
        tensor, (FakeTensor, FunctionalTensor)
    )


def has_memory(tensor: torch.Tensor) -> bool:
    """Returns whether a tensor has an address."""
    has_address = not tensor.is_meta and not _is_traced(tensor)
    return has_address and _has_storage(tensor)


def check_transforms() -> None:
    """Raises NotImplementedError inside of a transform of torch.func."""
    if torch._C._are_functorch_transforms_active():
        raise NotImplementedError(
            "kernel_product(): expected a call outside of the transforms of "
            "torch.func, such as vmap, grad and jvp, got one inside. Use "
            "torch.autograd.grad, which gives derivatives of any order, or "
            "backend='pytorch'."
        )


def check_trace(tensors: Iterable[torch.Tensor]) -> None:
    """Raises NotImplementedError where torch traces, or pretends to run."""
    if _is_tracing() or any(map(_is_traced, tensors)):
        raise NotImplementedError(
            "kernel_product(): expected a call outside of traces, such as "
            "those of make_fx, torch.export, torch.jit.trace and "
            "FakeTensorMode, got one inside. Use torch.compile without "
            "fullgraph=True, which runs the call between its graphs, or "
            "backend='pytorch'."
        )


def check_cotangents(cotangents: Iterable[torch.Tensor | None]) -> None:
    """Raises NotImplementedError for batches of gradients."""
    if any(c is not None and not _has_storage(c) for c in cotangents):
        raise NotImplementedError(
            "kernel_product(): expected one gradient at a time, got a batch "
            "of them. Use is_grads_batched=False in torch.autograd.grad and "
            "vectorize=False in torch.autograd.functional, or "
            "backend='pytorch'."
        )


def refuse_forward_mode() -> NoReturn:
    """Raises NotImplementedError for derivatives in forward mode."""
    raise NotImplementedError(
        "kernel_product(): expected derivatives in reverse mode, got a dual "
        "tensor of torch.autograd.forward_ad. Use torch.autograd.grad, which "
        "gives derivatives of any order, or backend='pytorch'."
    )


def is_reached(node: torch.autograd.graph.Node) -> bool:
    """Returns whether the backward pass that runs goes on to a node.

    A tensor may require a gradient that nobody asks for: torch.autograd.grad()
    names the tensors that it is to be taken for.
    """
    try:
        return torch._C._will_engine_execute_node(node)
    except (AttributeError, RuntimeError):
        # Another torch, or a leaf that torch.autograd.grad() names.
        return True
