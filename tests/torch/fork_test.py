# SPDX-License-Identifier: MIT
"""Children of fork: before, in the middle of and after the first calls.

Each case is a process of its own, in which nothing was called before. What a
child does there has a time limit.
"""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gramless.torch import Kernel, kernel_product
from mode_oracle import ARGUMENTS, BY_I, MODES
from oracle import Data

pytestmark = pytest.mark.default_only("its processes configure themselves")

# So many rows that torch's own operations run on several threads.
M, N, E = 40_000, 8, 2
KERNELS = [f"gaussian(x,y)*{k}" for k in range(2, 10)]

PROCESS = """
import os
import signal
import sys
import threading
import time

import numpy as np
import torch

from gramless.torch import Kernel, kernel_product

folder, mode, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
KERNELS = sys.argv[4:]
LIMIT = 20
given = torch.load(f"{folder}/given.pt")
expected = torch.load(f"{folder}/expected.pt")
ones = torch.ones_like(expected[0][0])
expected = [[tensor.numpy() for tensor in each] for each in expected]
# Torch's own operations on so many numbers hang in a child: no copy here.
def compute(k, x, y, *bs):
    x = x.detach().requires_grad_()
    params = {"id": Kernel(KERNELS[k]), "gamma": 0.5, "mode": mode}
    a = kernel_product(params, x, y, *bs)
    return a.detach(), *torch.autograd.grad(a, x, ones.to(x.device))


def is_right(k):
    results = compute(k, *given)
    return all(map(np.array_equal, results, expected[k]))


# Torch's operations set themselves up as well: this calls each of them, but
# neither compiles nor runs anything.
compute(0, *(tensor.to("meta") for tensor in given))


def fork(k):
    child = os.fork()
    if child:
        return child, time.monotonic() + LIMIT
    code = 2
    try:
        code = 0 if is_right(k) else 1
    finally:
        os._exit(code)


def outcome(forked):
    child, end = forked
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return {0: "right", 256: "wrong", 512: "raised"}.get(status, "died")
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hung"


print("before", outcome(fork(0)))
wrong = []
workers = [
    threading.Thread(
        target=lambda: wrong.extend(
            k for k in range(len(KERNELS)) if not is_right(k)
        )
    )
    for _ in range(threads)
]
for worker in workers:
    worker.start()
children = []
while any(w.is_alive() for w in workers) and len(children) < 16:
    children.append(fork(len(children) % len(KERNELS)))
    time.sleep(0.002 * len(children))
for worker in workers:
    worker.join()
print("parent", "wrong" if wrong else "right")
print("middle", *sorted({outcome(child) for child in children}))
print("after", outcome(fork(0)))
print("again", "right" if is_right(1) else "wrong")
print("after main", outcome(fork(1)))
"""


@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform == "win32", reason="has no fork")
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("mode", MODES)
def test_children(mode, threads, tmp_path):
    data = Data(2)
    has_columns = "bC" if mode != "lse_mult_i" else ""
    given = [data.normal(M, 2), data.normal(N, 2)]
    for letter in ARGUMENTS[mode]:
        rows = M if letter in BY_I else N
        given.append(data.normal(rows, E if letter in has_columns else 1))
    expected = []
    for name in KERNELS:
        x = given[0].clone().requires_grad_()
        params = {"id": Kernel(name), "gamma": 0.5, "mode": mode}
        a = kernel_product(params, x, *given[1:])
        slopes = torch.autograd.grad(a, x, torch.ones_like(a))
        expected.append([a.detach(), *slopes])
    torch.save(given, tmp_path / "given.pt")
    torch.save(expected, tmp_path / "expected.pt")
    command = [sys.executable, "-c", PROCESS, tmp_path, mode, str(threads)]
    done = subprocess.run(
        [*map(str, command), *KERNELS],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=Path(__file__).parent,
    )
    assert done.stdout == (
        "before right\nparent right\nmiddle right\nafter right\n"
        "again right\nafter main right\n"
    ), done.stderr
