# SPDX-License-Identifier: MIT
"""Code for AArch64, generated on any machine and assembled by llvmlite."""

import math
import re
import struct

import pytest
import torch

from gramless.torch import Kernel, explain
from oracle import Data

llvmlite = pytest.importorskip("llvmlite.binding")

KERNELS = [
    "gaussian(x,y)",
    "laplacian(x,y)",
    "cauchy(x,y)",
    "inverse_multiquadric(x,y)",
    "rational_quadratic(x,y)",
    "periodic(x,y)",
    "gaussian(x,y) * linear(u,v)**2",
]
FLOATS = {torch.float32: "4s", torch.float64: "2d"}

SPECIAL_NUMBERS = {"+qnan": math.nan, "+inf": math.inf, "-inf": -math.inf}

pytestmark = pytest.mark.default_only("generates code, and runs none")


def modules(kernel, mode, dtype, columns, monkeypatch):
    """Returns the LLVM modules of a product and of its gradients, as text."""
    options = "gramless.torch.map_reduce.FORCED_OPTIONS"
    monkeypatch.setattr(options, {"aarch64": 1})
    data = Data(0, dtype)
    x, y, b = data.normal(90, 3), data.normal(80, 3), data.normal(80, columns)
    g = torch.full((1,), 0.5, dtype=dtype)
    xs, ys, gammas = [x], [y], [g]
    if "(u,v)" in kernel:
        xs.append(data.normal(90, 3))
        ys.append(data.normal(80, 3))
        gammas.append(None)
    if kernel.startswith(("rational_quadratic", "periodic")):
        gammas.append(g)
    for tensor in (*xs, *ys, b, g):
        tensor.requires_grad_()
    params = {"id": Kernel(kernel), "gamma": gammas}
    text = explain(params, xs, ys, b, mode=mode, code="llvm")
    assert "instructions: baseline of aarch64" in text
    return re.findall(
        r"; ModuleID.*?(?=\n\n(?:sweep|stages|where))", text, re.DOTALL
    )


def as_older_text(module):
    """Returns a module as the LLVM of llvmlite reads it, which may be older.

    It knows other attributes, and writes a number with the bits of a double.
    """
    module = re.sub(r"^attributes .*$| #\d+", "", module, flags=re.MULTILINE)
    for name, value in SPECIAL_NUMBERS.items():
        module = module.replace(name, f"0x{struct.pack('>d', value).hex()}")

    def number(match):
        bits = bytes.fromhex(match[1])
        (value,) = struct.unpack(">f" if len(bits) == 4 else ">d", bits)
        return f"0x{struct.pack('>d', value).hex()}"

    return re.sub(r"\bf0x([0-9A-F]+)", number, module)


def assemble(module):
    """Returns the assembly of a module for AArch64."""
    llvmlite.initialize_all_targets()
    llvmlite.initialize_all_asmprinters()
    target = llvmlite.Target.from_triple("aarch64-unknown-linux-gnu")
    machine = target.create_target_machine(features="+neon")
    parsed = llvmlite.parse_assembly(as_older_text(module))
    parsed.verify()
    assert machine.emit_object(parsed).startswith(b"\x7fELF")
    return machine.emit_assembly(parsed)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_code_for_aarch64_assembles(kernel, mode, dtype, monkeypatch):
    texts = modules(kernel, mode, dtype, 5 if mode == "sum" else 1, monkeypatch)
    assert len(texts) >= 2
    for text in texts:
        code = assemble(text)
        # Vectors of the dtype, fused; and no function of a library.
        assert re.search(rf"fmla\s+v\d+\.{FLOATS[dtype]}", code)
        defined = set(re.findall(r"^(\w+):", code, re.MULTILINE))
        called = set(re.findall(r"\bbl\s+(\w+)", code))
        assert called <= defined, called - defined
