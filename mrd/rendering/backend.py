"""Choose what Mitsuba runs on, before Dr.Jit is imported: a GPU, or the newest usable LLVM.

Importing this module imports neither; `activate` does, once the choice is made, because Dr.Jit
loads its LLVM at import and never another (`mrd.rendering.llvm` tells what goes wrong then).
"""

import ctypes
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mrd.rendering import llvm
from scenes.base.errors import InputError, how_to_install

INSTALL = how_to_install("generate")
"""How renderer and networks come onto a machine."""


@dataclass(frozen=True)
class Backend:
    """What Mitsuba runs on, and why.

    Attributes
    ----------
    variant : {"cuda_ad_rgb", "llvm_ad_rgb"}
        Mitsuba's variant.
    llvm_path, llvm_version : Path and str, or None
        The libLLVM that Dr.Jit is told to load; None with CUDA, which needs none.
    reason : str
        One line for people.
    """

    variant: Literal["cuda_ad_rgb", "llvm_ad_rgb"]
    llvm_path: Path | None
    llvm_version: str | None
    reason: str

    @property
    def device(self) -> Literal["cuda", "cpu"]:
        """Torch's device beside it."""
        return "cuda" if self.variant == "cuda_ad_rgb" else "cpu"


def choose(folders: Iterable[Path] | None = None) -> Backend:
    """Choose CUDA if it can render here, else the newest usable LLVM.

    Sets nothing, and imports nothing (but torch, when an NVIDIA driver is present).

    Parameters
    ----------
    folders : iterable of Path, optional
        Where to look for libLLVM, in place of the system's usual places.

    Raises
    ------
    scenes.base.errors.InputError
        When neither is usable; says what was found and what to install.
    """
    gpu, why_no_gpu = find_gpu()
    if gpu:
        return Backend("cuda_ad_rgb", None, None, f"CUDA on {gpu}")
    usable, refused = llvm.find(folders)
    if usable is None:
        raise InputError(
            f"no usable LLVM (rendering without a GPU needs version {llvm.OLDEST} or newer): "
            f"found {llvm.described(refused)}; {llvm.advice()}"
        )
    passed_over = f"; passed over: {llvm.described(refused)}" if refused else ""
    reason = f"LLVM {usable.version} ({why_no_gpu}){passed_over}"
    return Backend("llvm_ad_rgb", usable.path, usable.version, reason)


def activate() -> Backend:
    """Choose a backend, tell Dr.Jit, import Mitsuba and set its variant; once a process.

    Raises
    ------
    scenes.base.errors.InputError
        When no backend is usable, when Mitsuba is not installed, or when Dr.Jit was imported
        before with another libLLVM.
    """
    global _active
    if _active is not None:
        return _active
    chosen = choose()
    if importlib.util.find_spec("mitsuba") is None:
        raise InputError(f"mitsuba is not installed; {INSTALL}")
    if chosen.llvm_version is not None:
        if "drjit" in sys.modules and not _loaded(chosen.llvm_version):
            raise InputError(
                "drjit was imported before mrd.rendering.backend.activate() and has not loaded "
                f"{chosen.llvm_path}; start Python anew and activate first"
            )
        os.environ[llvm.VARIABLE] = str(chosen.llvm_path)
    try:
        importlib.import_module("mitsuba").set_variant(chosen.variant)
    except (ImportError, NameError) as error:
        # A system library that is missing: Dr.Jit then stumbles over its own handler's NameError.
        cause = error.__context__ if isinstance(error.__context__, ImportError) else error
        raise InputError(f"mitsuba does not start with {chosen.reason}: {cause}") from error
    _active = chosen
    return chosen


_active: Backend | None = None


def find_gpu() -> tuple[str | None, str]:
    """Find a GPU that torch sees and that Mitsuba can trace rays on.

    Returns
    -------
    name : str or None
        The GPU's name.
    why_not : str
        Why there is none.
    """
    windows = sys.platform == "win32"
    # A driver's library opens in no time, torch takes seconds: most machines need not ask it.
    if not _opens("nvcuda.dll" if windows else "libcuda.so.1"):
        return None, "no NVIDIA driver"
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError):  # not installed, or its own libraries are missing
        return None, "torch cannot be imported"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of an old driver, and then answers no
        seen = torch.cuda.is_available()
    if not seen:
        return None, "torch sees no GPU"
    name = torch.cuda.get_device_name(0)
    if not _opens("nvoptix.dll" if windows else "libnvoptix.so.1"):
        return None, f"{name} without OptiX, which comes with NVIDIA's graphics driver"
    return name, ""


def _opens(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _loaded(version: str) -> bool:
    """Tell whether Dr.Jit, imported already, has loaded the LLVM of this version."""
    loaded = importlib.import_module("drjit").detail.llvm_version()
    return ".".join(map(str, loaded)) == version
