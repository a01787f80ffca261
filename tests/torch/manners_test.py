# SPDX-License-Identifier: MIT
"""What a library owes its process: threads, forks, signals, neighbours."""

import ctypes
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from gramless import _core
from job import compute, run_python

pytestmark = pytest.mark.default_only("its processes configure themselves")

NAMES = ("gaussian(x,y)", "laplacian(x,y)", "cauchy(x,y)", "distance(x,y)")


def assert_same(one, other):
    for mine, yours in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, yours)


def test_same_bits_on_any_number_of_threads():
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2, 3, 8):
            torch.set_num_threads(count)
            results.append(compute("gaussian(x,y)", rows=3000))
    finally:
        torch.set_num_threads(threads)
    for result in results[1:]:
        assert_same(result, results[0])


def test_runs_on_the_threads_of_torch():
    """Its own would share processors with torch's, which wait in a loop."""
    code = """
import os
import threading

import torch

from gramless.torch import Kernel, kernel_product


def tasks():
    return set(os.listdir("/proc/self/task"))


def watch():
    while not is_done.wait(0.0005):
        seen.update(tasks())


torch.set_num_threads(5)
x = torch.rand(20000, 3)
params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
seen, is_done = set(), threading.Event()
watcher = threading.Thread(target=watch)
watcher.start()
alone = tasks()
kernel_product(params, x, x, x)
torch.rand(1_000_000).exp()  # On the same ones.
before = tasks()
for _ in range(3):
    kernel_product(params, x, x, x)
is_done.set()
watcher.join()
print(len(before - alone), seen <= before)
"""
    assert run_python(code) == "4 True\n"


def test_same_bits_in_another_process():
    code = f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from job import compute
a, gradient = compute("laplacian(x,y)")
print(a.tobytes().hex(), gradient.tobytes().hex())
"""
    a, gradient = compute("laplacian(x,y)")
    expected = [a.tobytes().hex(), gradient.tobytes().hex()]
    assert run_python(code, OMP_NUM_THREADS="1").split() == expected


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_child_processes(method):
    expected = [compute(name) for name in NAMES]  # Compiled before the fork.
    with multiprocessing.get_context(method).Pool(2) as pool:
        for result, mine in zip(
            pool.map(compute, NAMES), expected, strict=True
        ):
            assert_same(result, mine)


def test_fork_while_threads_compile():
    """A fork never finds the table of executables locked."""
    names = [f"{k} * gaussian(x,y)" for k in range(2, 42)]
    with ThreadPoolExecutor(2) as threads:
        work = [threads.submit(compute, name, rows=3) for name in names]
        for k in range(10):
            child = os.fork()
            if child == 0:
                try:
                    compute(f"{k + 2} * cauchy(x,y)", rows=3)
                finally:
                    os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        for each in work:
            each.result()


def test_concurrent_callers():
    jobs = [(name, seed) for name in NAMES for seed in range(6)]
    expected = [compute(*job) for job in jobs]
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda job: compute(*job), jobs * 3))
    for result, mine in zip(results, expected * 3, strict=True):
        assert_same(result, mine)


def test_import_starts_nothing():
    code = """
import ctypes, itertools, os
def environment():
    words = ctypes.POINTER(ctypes.c_char_p)
    return list(itertools.takewhile(
        bool, words.in_dll(ctypes.CDLL(None), "environ")))
before = environment()
import gramless._core
print(len(os.listdir("/proc/self/task")), before == environment())
"""
    assert run_python(code).split() == ["1", "True"]


def test_denormals_are_left_as_they_were():
    compute("gaussian(x,y)")
    tiny = np.array([1e-40, 1e-310], dtype=object)
    assert np.float32(tiny[0]) * np.float32(1) != 0
    assert np.array([tiny[1]], dtype=float) * 0.5 != 0


@pytest.mark.parametrize("first", ["gramless", "llvmlite", "triton"])
def test_beside_other_copies_of_llvm(first):
    """Each library works with its own LLVM, whichever is loaded first."""
    pytest.importorskip("llvmlite")
    pytest.importorskip("triton")
    parts = {
        "gramless": "compute()",
        "llvmlite": "optimize()",
        "triton": "from triton._C import libtriton\n"
        "print(bool(libtriton.llvm.context()))",
    }
    code = """
import torch
def compute():
    from gramless.torch import Kernel, kernel_product
    x = torch.ones(3, 2)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
    print(float(kernel_product(params, x, x, x)[0, 0]) == 3)
def optimize():
    from llvmlite import binding, ir
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    number = ir.IntType(64)
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(number, [number]), "twice")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(builder.add(function.args[0], function.args[0]))
    machine = binding.Target.from_default_triple().create_target_machine()
    code = binding.parse_assembly(str(module))
    with binding.create_mcjit_compiler(code, machine) as engine:
        engine.finalize_object()
        import ctypes
        address = engine.get_function_address("twice")
        twice = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)
        print(twice(21) == 42)
"""
    order = [*sorted(parts, key=lambda part: part != first), first]
    code += "\n".join(parts[part] for part in order)
    assert run_python(code).split() == ["True"] * len(order)


def test_module_shows_no_llvm():
    library = ctypes.CDLL(_core.__file__)
    assert library.PyInit__core
    for name in ("LLVMContextCreate", "LLVMInitializeX86Target"):
        assert not hasattr(library, name)
