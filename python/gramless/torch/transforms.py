# SPDX-License-Identifier: MIT
"""Traces of torch, which the engine cannot take part in, and transforms.

The engine reads and writes memory without torch's knowledge. A trace would
record that the result is allocated, and nothing that is written to it: it is
refused, by name.
"""

from __future__ import annotations

from collections.abc import Iterable

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


def is_transforming() -> bool:
    """Returns whether a transform of torch.func is active, such as vmap."""
    return torch._C._are_functorch_transforms_active()


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


def level_of_gradients(tensors: Iterable[torch.Tensor]) -> int:
    """Returns the level of a batch of gradients that some tensors are part of.

    torch.autograd.grad(is_grads_batched=True) and vectorize=True use an older
    vmap than torch.func's, of whose levels autograd.Function knows nothing. 0
    means that there is none.
    """
    if is_transforming() or all(map(_has_storage, tensors)):
        return 0
    level = torch._C._vmapmode_increment_nesting() - 1
    torch._C._vmapmode_decrement_nesting()
    return level


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
