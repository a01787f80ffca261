# SPDX-License-Identifier: MIT
"""Imports that programs and unit tests for KeOps have, of another package."""

import importlib
import types

import pytest

import gramless.torch
from job import run_python

# Those of all versions that had the helper, with `pykeops` replaced.
IMPORTS = [
    "from gramless.torch import Kernel, kernel_product, kernel_formulas",
    "from gramless.torch import Formula",
    "from gramless.torch import *",
    "from gramless.torch.kernels import Kernel, kernel_product",
    "from gramless.torch.kernel_product import Kernel, kernel_product",
    "from gramless.torch.kernel_product import Formula, kernel_formulas",
    "from gramless.torch.kernel_product import *",
    "from gramless.torch.kernel_product.kernels import Kernel, kernel_product",
    "from gramless.torch.kernel_product.kernels import kernel_formulas",
    "from gramless.torch.kernel_product.kernels import Formula",
    "from gramless.torch.kernel_product.formula import Formula",
    "from gramless.torch.kernel_product.formula import *",
]


def test_each_import_may_come_first():
    code = f"""
import sys
import gramless
for line in {IMPORTS!r}:
    for name in [name for name in sys.modules if "gramless.torch" in name]:
        del sys.modules[name]
    vars(gramless).pop("torch", None)
    names = {{}}
    exec(line, names)
    import gramless.torch as pk
    shared = set(names) & set(pk.__all__)
    print(len(shared) > 0, all(names[n] is getattr(pk, n) for n in shared))
"""
    assert run_python(code).split() == ["True", "True"] * len(IMPORTS)


@pytest.mark.parametrize("line", IMPORTS)
def test_function_stays_the_function(line):
    names = {}
    exec(line, names)
    from gramless.torch import kernel_product

    assert isinstance(kernel_product, types.FunctionType)
    assert gramless.torch.kernel_product is kernel_product
    assert names.get("kernel_product", kernel_product) is kernel_product


def test_star_import_brings_torch():
    names = {}
    exec("from gramless.torch.kernel_product.formula import *", names)
    assert names["torch"] is importlib.import_module("torch")
