# SPDX-License-Identifier: MIT
"""Products in modules, and in what torch does with modules."""

import copy
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from gramless.torch import Kernel, kernel_product
from oracle import Data

KERNELS = ["gaussian(x,y)", "matern32(x,y) + 2 * cauchy(x,y)"]
MODES = ["sum", "lse"]


class Density(torch.nn.Module):
    """Sums over its own points, with a bandwidth and weights to be learned."""

    def __init__(self, mode="lse"):
        super().__init__()
        data = Data(0)
        self.kernel, self.mode = Kernel("gaussian(x,y)"), mode
        self.points = torch.nn.Parameter(data.normal(7, 3))
        self.gamma = torch.nn.Parameter(data.positive(1))
        self.weights = torch.nn.Parameter(data.normal(7, 1))

    def forward(self, x):
        params = {"id": self.kernel, "gamma": self.gamma}
        return kernel_product(
            params, x, self.points, self.weights, mode=self.mode
        )


def case(kernel, columns=2):
    data = Data(1)
    slots = kernel.count("(x,y)")
    tensors = data.normal(4, 2), data.normal(5, 2), data.positive(1)
    tensors = [*tensors, data.normal(5, columns)]
    return slots, [tensor.requires_grad_() for tensor in tensors]


@pytest.mark.default_only("many evaluations")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("is_batch", [False, True])
def test_gradcheck_with_every_check(kernel, mode, is_batch):
    slots, tensors = case(kernel)
    if is_batch:
        x, _, gamma, _ = tensors
        tensors[0] = torch.stack([x, 1 - x]).detach().requires_grad_()
        tensors[2] = gamma.detach().expand(2, 1, 1).clone().requires_grad_()

    def product(x, y, gamma, b):
        params = {"id": Kernel(kernel), "gamma": (gamma,) * slots}
        return kernel_product(params, x, y, b, mode=mode)

    assert gradcheck(
        product,
        tensors,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )
    assert gradgradcheck(
        product, tensors, check_fwd_over_rev=True, check_batched_grad=True
    )


@pytest.mark.parametrize("mode", MODES)
def test_modules_are_copied_and_saved(mode):
    module, x = Density(mode), Data(2).normal(6, 3)
    expected = module(x)
    memory = io.BytesIO()
    torch.save(module.state_dict(), memory)
    memory.seek(0)
    other = Density(mode)
    for parameter in other.parameters():
        torch.nn.init.constant_(parameter, 0.3)
    assert not torch.equal(other(x), expected)
    other.load_state_dict(torch.load(memory, weights_only=True))
    assert torch.equal(other(x), expected)
    twin = copy.deepcopy(module)
    assert torch.equal(twin(x), expected)
    twin(x).sum().backward()
    assert module.gamma.grad is None
    assert twin.gamma.grad.abs() > 0


def test_a_module_learns():
    module, x = Density(), Data(2).normal(60, 3)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        normed = torch.logsumexp(module.weights, 0)
        volume = 1.5 * torch.log(module.gamma / torch.pi)
        loss = -(module(x) - normed + volume).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1


@pytest.mark.default_only("processes of their own")
def test_distributed_data_parallel(tmp_path):
    """Two processes with half of the rows each have the mean's gradients."""
    job = Path(__file__).with_name("distributed_job.py")
    address = f"file://{tmp_path / 'group'}"
    processes = [
        subprocess.Popen(
            [sys.executable, job, str(rank), address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    whole = Density()
    whole(Data(2).normal(6, 3)).mean().backward()
    for process in processes:
        out, problem = process.communicate(timeout=100)
        assert process.returncode == 0, problem
        for numbers, parameter in zip(
            json.loads(out), whole.parameters(), strict=True
        ):
            actual = torch.tensor(numbers, dtype=torch.float64)
            assert torch.allclose(actual, parameter.grad, rtol=1e-12)
