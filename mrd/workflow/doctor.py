"""Check what this machine can do, and what to install.

No library is imported that may be missing or broken: versions are read from installed metadata,
and one trial render runs in another process. So `mrd doctor` works with the base install alone.
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
"""Free disk space in GB (10⁹ bytes); with less, a study may fill the disk."""

# One pixel of a sphere in white light: neither imports nor versions show that rendering works.
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
    """One line of the table: what was checked and found, and what to do ("" if nothing).

    `ok` is None for mere information, and for something that is missing but not needed.
    """

    name: str
    ok: bool | None
    value: str
    advice: str = ""


def examine(folder: Path | None = None) -> list[Check]:
    """Check everything that a study may need; this takes some seconds and changes nothing.

    Parameters
    ----------
    folder : Path, optional
        Folder of a study; the current folder by default.

    Returns
    -------
    list of Check
        One line each: what was checked (``name``), whether it works (``ok``; None if it is not
        needed), what was found (``value``), and what to do (``advice``).
    """
    folder = Path.cwd() if folder is None else folder
    return [
        check_python(),
        *check_backend(),
        check_torch(),
        check_display(sys.platform, os.environ),
        check_psychopy(),
        check_writing(folder),
        check_disk(folder),
    ]


def usable(checks: Sequence[Check]) -> bool:
    """Return whether searches can run: Mitsuba renders, torch works, the folder is writable."""
    return all(check.ok for check in checks if check.name in ("backend", "torch", "writing"))


def check_python() -> Check:
    """Check Python: its version and path."""
    return Check("Python", True, f"{platform.python_version()} ({sys.executable})")


def check_backend() -> list[Check]:
    """Choose a backend and render one pixel; return the checks of backend, LLVM and GPU."""
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
    """Check that torch and torchvision are installed, and fit each other."""
    torch, torchvision = installed("torch"), installed("torchvision")
    advice = backend.INSTALL
    if torch is None or torchvision is None:
        missing = "torch" if torch is None else "torchvision"
        return Check("torch", False, f"{missing} is not installed", advice)
    value = f"torch {torch}, torchvision {torchvision}"
    trouble = mismatch(torch, torchvision, metadata.requires("torchvision") or [])
    return Check("torch", not trouble, f"{value}{trouble}", advice if trouble else "")


def mismatch(torch: str, torchvision: str, requirements: Sequence[str]) -> str:
    """Return why installed versions do not fit each other; "" if they do.

    `requirements` are torchvision's: it names the one torch it was compiled for. Builds (``+cpu``,
    ``+cu128``) that differ can be imported together, but fail at the first operator.
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
    """Check whether a window could open; `system` is `sys.platform`, `environment` `os.environ`."""
    if system in ("win32", "darwin"):
        return Check("display", True, "the system's own")
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        if environment.get(variable):
            return Check("display", True, f"{variable}={environment[variable]}")
    if shutil.which("xvfb-run"):
        return Check("display", None, "none, but xvfb-run is installed (tests, no timing)")
    return Check("display", None, "none", "only experiments with people need one")


def check_psychopy() -> Check:
    """Check PsychoPy's version, without importing it."""
    version = installed("psychopy-lib") or installed("psychopy")
    if version is None:
        value = "not installed (extra lab)"
        return Check("PsychoPy", None, value, "only experiments with people need it")
    return Check("PsychoPy", True, version)


def check_writing(folder: Path) -> Check:
    """Check that a folder is writable, with a temporary file."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"mrd")
            file.flush()
    except OSError as error:
        reason = error.strerror or str(error)
        return Check("writing", False, f"{folder}: {reason}", "go to a folder that is yours")
    return Check("writing", True, f"{folder}")


def check_disk(folder: Path) -> Check:
    """Check the free disk space of a folder, in GB (10⁹ bytes)."""
    try:
        free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        return Check("free disk", False, f"{folder}: {error.strerror or error}")
    if free < LEAST_DISK:
        return Check("free disk", False, f"{free:.1f} GB", f"make room: {LEAST_DISK:.0f} GB")
    return Check("free disk", True, f"{free:.1f} GB")


def _trial_render() -> str:
    """Render one pixel in another process; return the error in one line, "" if it works."""
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
