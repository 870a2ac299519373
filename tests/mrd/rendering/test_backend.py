"""The choice of a backend, in child processes, because Dr.Jit loads LLVM once per process."""

import os
import subprocess
import sys

import pytest

from mrd.rendering import backend, llvm
from tests.paths import ROOT


def python(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a new process that sees no GPU."""
    inherited = {name: value for name, value in os.environ.items() if name != llvm.VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**inherited, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def printed(script: str, **environment: str) -> str:
    done = python(script, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_neither_renderer_nor_torch():
    script = (
        "import sys, mrd.rendering.backend; "
        "print({'drjit', 'mitsuba', 'torch'} & sys.modules.keys())"
    )
    assert printed(script) == "set()"


def test_choose_loads_no_renderer_and_sets_no_variable():
    script = (
        "import os, sys; from mrd.rendering import backend; backend.choose(); "
        "print('drjit' in sys.modules, 'DRJIT_LIBLLVM_PATH' in os.environ)"
    )
    assert printed(script) == "False False"


def test_activate_loads_the_chosen_backend_and_renders():
    script = """
from mrd.rendering import backend
chosen = backend.activate()
assert backend.activate() is chosen
import drjit, mitsuba as mi
print(mi.variant(), ".".join(map(str, drjit.detail.llvm_version())) == chosen.llvm_version)
scene = mi.load_dict({"type": "scene", "sensor": {"type": "perspective"},
                      "light": {"type": "constant", "radiance": 0.25},
                      "integrator": {"type": "direct"}})
print(float(mi.render(scene, spp=1).array[0]))
"""
    assert printed(script).split() == ["llvm_ad_rgb", "True", "0.25"]


def test_a_wrong_setting_is_replaced_before_import(tmp_path):
    # A user's path to an older LLVM, as a file that does not load on any machine.
    old = tmp_path / "libLLVM-15.so.1"
    old.write_text("no library")
    script = """
from mrd.rendering import backend
import os
print(backend.activate().reason)
print(os.environ["DRJIT_LIBLLVM_PATH"])
"""
    reason, path = printed(script, DRJIT_LIBLLVM_PATH=str(old)).splitlines()
    assert reason.endswith(f"; passed over: {old} (LLVM 15, older than 17)")
    assert path == str(llvm.find()[0].path)


def test_drjit_imported_before_with_the_same_library_is_accepted():
    path = llvm.find()[0].path
    script = "import drjit; from mrd.rendering import backend; print(backend.activate().llvm_path)"
    assert printed(script, DRJIT_LIBLLVM_PATH=str(path)) == str(path)


def test_drjit_imported_before_with_another_library_is_refused(tmp_path):
    script = """
import os
import drjit
del os.environ["DRJIT_LIBLLVM_PATH"]
from mrd.rendering import backend
from scenes.base.errors import InputError
try:
    backend.activate()
except InputError as error:
    print(error)
"""
    message = printed(script, DRJIT_LIBLLVM_PATH=str(tmp_path / "gone.so"))
    assert message.startswith(
        "drjit was imported before mrd.rendering.backend.activate() and has not loaded"
    )
    assert message.endswith("restart Python and activate first")


@pytest.mark.skipif(sys.platform != "linux", reason="LD_LIBRARY_PATH of ld.so")
def test_a_missing_system_library_is_named(tmp_path):
    (tmp_path / "libatomic.so.1").write_text("no library")
    script = """
from mrd.rendering import backend
from scenes.base.errors import InputError
try:
    backend.activate()
except InputError as error:
    print(error)
"""
    message = printed(script, LD_LIBRARY_PATH=str(tmp_path))
    assert message.startswith("mitsuba does not start with LLVM ")
    assert f"{tmp_path}/libatomic.so.1: file too short" in message


NOTHING_USABLE = """
import sys
from pathlib import Path
from mrd.rendering import llvm
from mrd.cli.main import run
for folder in {folders!r}:
    llvm.usual_folders = lambda folder=folder: [Path(folder)]
    try:
        run(["render", "bunny", "--out", folder + "/out"])
    except SystemExit as ended:
        print(ended.code)
"""


def test_no_usable_llvm_is_one_line_and_exit_2(tmp_path):
    """Check three folders: no LLVM, one that does not load, one that is too old."""
    none, damaged, old = (tmp_path / name for name in ("none", "damaged", "old"))
    for folder in (none, damaged, old):
        folder.mkdir()
    (damaged / "libLLVM-21.so").write_text("no library")
    (old / "libLLVM-15.so.1").write_text("no library")
    done = python(NOTHING_USABLE.format(folders=[str(none), str(damaged), str(old)]))
    assert done.stdout.split() == ["2", "2", "2"]
    assert done.stderr.splitlines() == [
        "error: no usable LLVM (rendering without a GPU needs version 17 or newer): "
        f"found {found}; {llvm.advice()}"
        for found in (
            "no libLLVM at all",
            f"{damaged}/libLLVM-21.so (does not load)",
            f"{old}/libLLVM-15.so.1 (LLVM 15, older than 17)",
        )
    ]
    assert not list(tmp_path.glob("*/out"))


def test_gpu_is_the_one_of_torch():
    import torch

    name, why_not = backend.find_gpu()
    assert bool(name) != bool(why_not)
    if name:
        assert name == torch.cuda.get_device_name(0)
        assert backend.choose().variant == "cuda_ad_rgb"
    else:
        assert backend.choose().variant == "llvm_ad_rgb"


@pytest.mark.parametrize(("variant", "device"), [("cuda_ad_rgb", "cuda"), ("llvm_ad_rgb", "cpu")])
def test_torch_device_matches_the_variant(variant, device):
    assert backend.Backend(variant, None, None, "").device == device
