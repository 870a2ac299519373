"""What this machine can do, and what to install where it cannot.

Nothing here imports a library that may be missing, broken or fatal: versions are read from
installed metadata, and the one trial render runs in a process of its own. So `mrd doctor` answers
on a machine that has nothing but the base install.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mrd.generate import python_process
from mrd.rendering import backend, llvm
from mrd.study.provenance import installed
from scenes.base.errors import InputError

LEAST_DISK = 5.0
"""Free disk, in GB (10⁹ bytes), below which a study may not find room."""

# One camera ray of a sphere in white light: what no import and no check of versions can promise.
_TRIAL = """
from mrd.rendering import backend
from scenes.base.errors import InputError
import sys
try:
    backend.activate()
except InputError as error:
    sys.exit(str(error))
import mitsuba as mi
scene = mi.load_dict({
    "type": "scene",
    "integrator": {"type": "direct"},
    "sensor": {"type": "perspective", "film": {"type": "hdrfilm", "width": 1, "height": 1},
               "to_world": mi.ScalarTransform4f().look_at([0, 0, 4], [0, 0, 0], [0, 1, 0])},
    "shape": {"type": "sphere"},
    "light": {"type": "constant"},
})
print(float(mi.render(scene, spp=4).array[0]))
"""
_PATIENCE = 120.0  # seconds; the trial takes about 2 s, several times that on a busy machine


@dataclass(frozen=True)
class Check:
    """One line of the table.

    Attributes
    ----------
    name : str
        What was looked at.
    ok : bool or None
        Whether it serves; None where it is not needed, or merely told.
    value : str
        What was found.
    advice : str
        What to do about it; "" where nothing is to be done.
    """

    name: str
    ok: bool | None
    value: str
    advice: str = ""


def examine(folder: Path | None = None) -> list[Check]:
    """Look at everything a study may need; takes some seconds, changes nothing.

    Parameters
    ----------
    folder : Path, optional
        Where a study would be written; the current folder by default.
    """
    here = Path.cwd() if folder is None else folder
    return [
        check_python(),
        *check_backend(),
        check_torch(),
        check_display(sys.platform, os.environ),
        check_psychopy(),
        check_writing(here),
        check_disk(here),
    ]


def usable(checks: Sequence[Check]) -> bool:
    """Tell whether one can search here: Mitsuba renders, torch is whole, the folder is writable."""
    return all(check.ok for check in checks if check.name in ("backend", "torch", "writing"))


def check_python() -> Check:
    """Tell Python's version and where it is."""
    return Check("Python", True, f"{platform.python_version()} ({sys.executable})")


def check_backend() -> list[Check]:
    """Choose a backend and render one pixel with it: the lines backend, LLVM and GPU."""
    gpu, why_not = backend.find_gpu()
    gpu_check = Check("GPU", True, gpu) if gpu else Check("GPU", None, f"none ({why_not})")
    try:
        chosen = backend.choose()
    except InputError:
        _, refused = llvm.find()
        llvm_check = Check("LLVM", False, llvm.described(refused), llvm.advice())
        return [Check("backend", False, "none", llvm.advice()), llvm_check, gpu_check]
    if chosen.llvm_path is None:
        llvm_check = Check("LLVM", None, "not needed with a GPU")
    else:
        llvm_check = Check("LLVM", True, f"{chosen.llvm_version} ({chosen.llvm_path})")
    trouble = _trial_render()
    if trouble:
        failed = Check("backend", False, f"{chosen.variant} does not render: {trouble}", _REPAIR)
        return [failed, llvm_check, gpu_check]
    version = installed("mitsuba")
    value = f"{chosen.variant}, Mitsuba {version}: {chosen.reason}"
    return [Check("backend", True, value), llvm_check, gpu_check]


_REPAIR = "install what it names; make venv installs all that the suite needs"


def check_torch() -> Check:
    """Tell torch's and torchvision's versions, and whether they were made for one another."""
    torch, torchvision = installed("torch"), installed("torchvision")
    advice = backend.INSTALL
    if torch is None or torchvision is None:
        missing = "torch" if torch is None else "torchvision"
        return Check("torch", False, f"{missing} is not installed", advice)
    value = f"torch {torch}, torchvision {torchvision}"
    trouble = mismatch(torch, torchvision, metadata.requires("torchvision") or [])
    return Check("torch", not trouble, f"{value}{trouble}", advice if trouble else "")


def mismatch(torch: str, torchvision: str, requirements: Sequence[str]) -> str:
    """Say why two versions do not belong together; "" when they do.

    torchvision names the one torch it was compiled for, and both come in builds (``+cpu``,
    ``+cu128``) that mix at import only to fail at the first operator.

    Parameters
    ----------
    torch, torchvision : str
        Installed versions, as "2.15.0" or "2.15.0+cpu".
    requirements : sequence of str
        torchvision's own, as "torch==2.15.0".
    """
    release, _, build = torch.partition("+")
    pins = [m[1] for r in requirements if (m := re.match(r"torch\s*\(?==([\w.]+)", r))]
    if pins and release not in pins:
        return f", which needs torch {pins[0]}"
    other = torchvision.partition("+")[2]
    if build != other:
        return f": different builds ({build or 'standard'}, {other or 'standard'})"
    return ""


def check_display(system: str, environment: Mapping[str, str]) -> Check:
    """Tell whether a window could open.

    Parameters
    ----------
    system : str
        As `sys.platform`.
    environment : mapping
        As `os.environ`.
    """
    if system in ("win32", "darwin"):
        return Check("display", True, "the system's own")
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        if environment.get(variable):
            return Check("display", True, f"{variable}={environment[variable]}")
    if shutil.which("xvfb-run"):
        return Check("display", None, "none, but xvfb-run is there (tests, no timing)")
    return Check("display", None, "none", "only experiments with people need one")


def check_psychopy() -> Check:
    """Tell PsychoPy's version, without importing it."""
    version = installed("psychopy-lib") or installed("psychopy")
    if version is None:
        value = "not installed (extra lab)"
        return Check("PsychoPy", None, value, "only experiments with people need it")
    return Check("PsychoPy", True, version)


def check_writing(folder: Path) -> Check:
    """Write a small file into a folder, and remove it."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"mrd")
            file.flush()
    except OSError as error:
        reason = error.strerror or str(error)
        return Check("writing", False, f"{folder}: {reason}", "go to a folder that is yours")
    return Check("writing", True, f"{folder}")


def check_disk(folder: Path) -> Check:
    """Tell the free disk space of a folder, in GB (10⁹ bytes)."""
    try:
        free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        return Check("free disk", False, f"{folder}: {error.strerror or error}")
    if free < LEAST_DISK:
        return Check("free disk", False, f"{free:.1f} GB", f"make room: {LEAST_DISK:.0f} GB")
    return Check("free disk", True, f"{free:.1f} GB")


def _trial_render() -> str:
    """Render one pixel in another process; say in one line what went wrong, "" when nothing."""
    command = python_process.command(_TRIAL)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    try:
        trial = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, env=environment
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {_PATIENCE:.0f} s"
    if trial.returncode == 0:
        return ""
    lines = trial.stderr.strip().splitlines() or [f"the trial ended with {trial.returncode}"]
    # LLVM prints its error first, and then what it was compiling.
    return next((line for line in lines if "error" in line.lower()), lines[-1])
