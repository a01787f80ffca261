# SPDX-License-Identifier: MIT
"""Which traces and transforms of torch a call takes part in.

The engine reads and writes memory without torch's knowledge. What looks at
operations, such as a trace, has to see an operator of torch instead.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch._subclasses import FakeTensor
from torch._subclasses.functional_tensor import FunctionalTensor

# A tensor inside of a transform wraps another one, and has no storage.
_has_storage = torch._C._has_storage
_count_modes_before_dispatch = torch._ops._len_torch_dispatch_stack_pre_dispatch

# Stands for the sizes that depend on values: none that a tensor is likely to
# have, and not 1.
_SIZE_OF_UNKNOWN = 8191


def _is_fake(tensor: torch.Tensor) -> bool:
    # Traced tensors are of classes of their own; most are plain.
    return type(tensor) is not torch.Tensor and isinstance(
        tensor, (FakeTensor, FunctionalTensor)
    )


def has_memory(tensor: torch.Tensor) -> bool:
    """Returns whether a tensor has an address."""
    has_address = not tensor.is_meta and not _is_fake(tensor)
    return has_address and _has_storage(tensor)


def is_transforming() -> bool:
    """Returns whether a transform of torch.func is active, such as vmap."""
    return torch._C._are_functorch_transforms_active()


def is_traced(tensors: Iterable[torch.Tensor]) -> bool:
    """Returns whether torch looks at operations, as traces and modes do.

    Raises NotImplementedError inside of torch.jit.trace, which would keep the
    sizes that it sees.
    """
    if torch.jit.is_tracing():
        raise NotImplementedError(
            "kernel_product(): expected a call outside of torch.jit.trace, got "
            "one inside. Use torch.export, or backend='pytorch'."
        )
    return (
        torch._C._len_torch_dispatch_stack() > 0
        or _count_modes_before_dispatch() > 0
        or any(map(_is_fake, tensors))
    )


def size_hint(size: int | torch.SymInt) -> int:
    """Returns what a size is in the example that a trace is made with."""
    if isinstance(size, int):
        return size
    return size.node.hint if size.node.has_hint() else _SIZE_OF_UNKNOWN


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
