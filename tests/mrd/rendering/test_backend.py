"""The choice of a backend, in processes of its own: Dr.Jit is imported once and for all."""

import os
import subprocess
import sys

import pytest

from mrd.rendering import backend, llvm
from tests.paths import ROOT


def python(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script on a machine whose GPU, if any, is hidden."""
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


def test_importing_it_imports_neither_renderer_nor_torch():
    script = (
        "import sys, mrd.rendering.backend; "
        "print({'drjit', 'mitsuba', 'torch'} & sys.modules.keys())"
    )
    assert printed(script) == "set()"


def test_choosing_loads_no_renderer_and_sets_nothing():
    script = (
        "import os, sys; from mrd.rendering import backend; backend.choose(); "
        "print('drjit' in sys.modules, 'DRJIT_LIBLLVM_PATH' in os.environ)"
    )
    assert printed(script) == "False False"


def test_activation_loads_what_was_chosen_and_renders():
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


def test_a_wrong_setting_is_replaced_before_it_can_abort_the_process(tmp_path):
    # What a hand-set path to an older LLVM would do, with a file that no machine can load.
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


def test_drjit_imported_before_with_the_same_library_is_fine():
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


@pytest.mark.skipif(sys.platform != "linux", reason="ld.so's way to look for libraries")
def test_renderer_that_lacks_a_system_library_is_reported_by_its_name(tmp_path):
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
from pathlib import Path
from mrd.rendering import llvm
from mrd.cli.main import run
llvm.usual_folders = lambda: [Path({folder!r})]
run({words!r})
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (None, "no libLLVM at all"),
        ("libLLVM-21.so", "{path} (does not load)"),
        ("libLLVM-15.so.1", "{path} (LLVM 15, older than 17)"),
    ],
)
def test_no_usable_llvm_is_one_line_and_exit_2(name, found, tmp_path):
    if name is not None:
        (tmp_path / name).write_text("no library")
    words = ["render", "bunny", "--out", str(tmp_path / "out")]
    done = python(NOTHING_USABLE.format(folder=str(tmp_path), words=words))
    expected = found.format(path=tmp_path / str(name))
    assert done.returncode == 2
    assert done.stderr == (
        "error: no usable LLVM (rendering without a GPU needs version 17 or newer): "
        f"found {expected}; {llvm.advice()}\n"
    )
    assert not (tmp_path / "out").exists()


def test_gpu_is_the_one_that_torch_sees():
    import torch

    name, why_not = backend.find_gpu()
    assert bool(name) != bool(why_not)
    if name:
        assert name == torch.cuda.get_device_name(0)
        assert backend.choose().variant == "cuda_ad_rgb"
    else:
        assert backend.choose().variant == "llvm_ad_rgb"


@pytest.mark.parametrize(("variant", "device"), [("cuda_ad_rgb", "cuda"), ("llvm_ad_rgb", "cpu")])
def test_torch_works_where_mitsuba_does(variant, device):
    assert backend.Backend(variant, None, None, "").device == device
