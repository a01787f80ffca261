# SPDX-License-Identifier: MIT
"""Kernel products in processes of their own: signals, and what they print."""

import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from gramless.torch import Kernel, kernel_product
from job import run_python

pytestmark = pytest.mark.default_only("its processes configure themselves")

# Whoever runs the tests in the background may have ignored the signal.
LONG_CALL = """
import signal
import torch
signal.signal(signal.SIGINT, signal.default_int_handler)
from gramless.torch import Kernel, kernel_product
x = torch.rand(600_000, 3)
print("ready", flush=True)
try:
    kernel_product({"id": Kernel("laplacian(x,y)"), "gamma": 1.0}, x, x, x)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_interrupt():
    process = subprocess.Popen(
        [sys.executable, "-c", LONG_CALL], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        assert process.poll() is None
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == "interrupted\n"
        assert time.monotonic() - start < 10
    finally:
        process.kill()
        process.wait()


def test_other_threads_run_during_a_call():
    x = torch.rand(40_000, 3)
    params = {"id": Kernel("laplacian(x,y)"), "gamma": 1.0}
    moments = []
    is_done = threading.Event()

    def count():
        while not is_done.wait(0.001):
            moments.append(time.monotonic())

    threads = torch.get_num_threads()
    thread = threading.Thread(target=count)
    thread.start()
    try:
        torch.set_num_threads(1)  # It takes some tenths of a second.
        start = time.monotonic()
        kernel_product(params, x, x, x)
        end = time.monotonic()
    finally:
        torch.set_num_threads(threads)
        is_done.set()
        thread.join()
    assert sum(start < moment < end for moment in moments) > 10


MEMORY = """
from resource import RUSAGE_SELF, getrusage
import torch
from gramless.torch import Kernel, kernel_product
params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
def run(rows):
    x = torch.rand(rows, 3, requires_grad=True)
    kernel_product(params, x, x, x).sum().backward()
    return getrusage(RUSAGE_SELF).ru_maxrss
print(run(1000), run(20_000))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts in kilobytes")
def test_memory_of_a_call():
    """A byte for each pair would be 400 MB."""
    small, large = map(int, run_python(MEMORY).split())
    assert large - small < 50_000


IMPORTS = """
import torch
from gramless.torch import Kernel, explain, kernel_product
"""
# What a process may still hold when it ends.
HELD = {
    "nothing": "",
    "a kernel": "kernel = Kernel('gaussian(x,y)')",
    "a kernel in a function": """
def function(kernel=Kernel("gaussian(x,y)")):
    return torch.ones(1)
""",
    "a result": """
params = {"id": Kernel("laplacian(x,y)"), "gamma": 1.0}
x = torch.rand(20, 3)
a = kernel_product(params, x, x, x)
""",
    "gradients": """
params = {"id": Kernel("laplacian(x,y)"), "gamma": 1.0}
x = torch.rand(20, 3, requires_grad=True)
kernel_product(params, x, x, x).sum().backward()
""",
    "a graph": """
params = {"id": Kernel("laplacian(x,y)"), "gamma": 1.0}
x = torch.rand(20, 3, requires_grad=True)
a = kernel_product(params, x, x, x)
(gradient,) = torch.autograd.grad(a.sum(), x, create_graph=True)
""",
    "an explanation": """
params = {"id": Kernel("laplacian(x,y)"), "gamma": 1.0}
x = torch.rand(20, 3, requires_grad=True)
text = explain(params, x, x, x)
""",
}


@pytest.mark.parametrize("held", HELD)
def test_says_nothing(held):
    """Neither during a call, nor at the end of the process."""
    command = [sys.executable, "-W", "error", "-c", IMPORTS + HELD[held]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
