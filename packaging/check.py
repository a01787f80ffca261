# SPDX-License-Identifier: MIT
"""Tests a wheel with a Python: in a fresh environment without torch, and with
the torch of the Python that runs this, where it is of the same version.

python packaging/check.py PYTHON WHEEL
"""

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# A product by the module alone: a = exp(-0.5 * 2^2) * 3.
WITHOUT_TORCH = """
import array, importlib.metadata, math, sys
from gramless import _core, __version__

def view(shape, *numbers):
    memory = array.array("d", numbers)
    keep.append(memory)
    address, strides = memory.buffer_info()[0], (1,) * len(shape)
    return _core.Array(address, shape, strides, "float64")

keep = []
x, y, b = view((1, 1), 1.0), view((1, 1), 3.0), view((1, 1), 3.0)
G = view((1,), 0.5)
kernel, gamma = _core.Kernel("gaussian(x,y)"), [_core.Gamma(G)]
product = _core.ArrayFunction.of(kernel, [x], [y], gamma, [b], "sum")
a = array.array("d", [0.0])
product.run([x, y, G, b], [a.buffer_info()[0]], "CPU", 1)
assert abs(a[0] - 3 * math.exp(-2)) < 1e-15, a[0]
assert __version__ == importlib.metadata.version("gramless")
assert not {"numpy", "torch"} & set(sys.modules)
try:
    import gramless.torch
except ModuleNotFoundError as error:
    assert "pip install 'gramless[torch]'" in str(error), error
else:
    raise AssertionError("there is a torch")
"""

WITH_TORCH = """
import sys, torch, gramless
assert gramless.__file__.startswith(sys.prefix)
from gramless.torch import Kernel, kernel_product
torch.set_default_dtype(torch.float64)
x = torch.randn(50, 3, requires_grad=True)
y, b = torch.randn(60, 3), torch.randn(60, 2)
params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5}
a = kernel_product(params, x, y, b)
plain = torch.exp(-torch.cdist(x, y) ** 2 / 2) @ b
assert torch.allclose(a, plain, rtol=1e-12)
grads = [torch.autograd.grad(each.sum(), x)[0] for each in (a, plain)]
assert torch.allclose(*grads, rtol=1e-10)
"""


def run(*command: object) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def check_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = {Path(name).name for name in file.namelist()}
        folders = {name.split("/")[0] for name in file.namelist()}
    wanted = {"_core.pyi", "py.typed", "LICENSE", "LLVM.txt", "nanobind.txt"}
    wanted |= {"robin-map.txt", "zlib.txt", "zstd.txt"}
    assert wanted <= names, wanted - names
    # No shared library beside the module: auditwheel found none to add.
    assert len(folders) == 2, folders


def check(python: str, wheel: Path, folder: Path) -> None:
    run(python, "-m", "venv", folder)
    program = folder / "bin" / "python"
    pip = (program, "-m", "pip", "--disable-pip-version-check")
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(program, "-c", where).strip())
    before = {path for path in packages.rglob("*") if path.suffix != ".pyc"}
    run(*pip, "install", "--no-index", wheel)
    run(program, "-I", "-c", WITHOUT_TORCH)
    found = run(program, "-I", "-m", "gramless", "doctor")
    assert "\n  torch not installed\n" in found, found
    version = "import sys; print(sys.version_info[:2])"
    torch = importlib.util.find_spec("torch")
    if torch and run(program, "-c", version) == f"{sys.version_info[:2]}\n":
        path = packages / "torch.pth"  # Comes behind the packages beside it.
        path.write_text(str(Path(torch.origin).parents[1]))
        run(program, "-I", "-c", WITH_TORCH)
        path.unlink()
    else:
        print(f"{python}: no torch at hand, tested without it")
    run(*pip, "uninstall", "-y", "gramless")
    after = {path for path in packages.rglob("*") if path.suffix != ".pyc"}
    assert after - before <= {packages / "__pycache__"}, after - before


def main(python: str, wheel: Path) -> None:
    check_contents(wheel)
    with tempfile.TemporaryDirectory() as folder:
        check(python, wheel, Path(folder))
    print(f"{wheel.name}: right in {python}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
