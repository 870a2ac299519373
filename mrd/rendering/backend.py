"""Choose Mitsuba's backend before Dr.Jit is imported: a GPU, or the newest usable LLVM.

Importing this module imports neither Mitsuba nor Dr.Jit; `activate` does. Dr.Jit loads its LLVM at
import and cannot change it later (see `mrd.rendering.llvm`).
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
"""Advice for error messages: how to install the renderer and the networks."""


@dataclass(frozen=True)
class Backend:
    """What renders on this machine: Mitsuba's variant, LLVM if needed, and the reason.

    Attributes
    ----------
    variant : {"cuda_ad_rgb", "llvm_ad_rgb"}
        Mitsuba's variant.
    llvm_path, llvm_version : Path and str, or None
        The libLLVM that Dr.Jit loads; None with CUDA, which needs none.
    reason : str
        Why this variant was chosen: one line of text for users.
    """

    variant: Literal["cuda_ad_rgb", "llvm_ad_rgb"]
    llvm_path: Path | None
    llvm_version: str | None
    reason: str

    @property
    def device(self) -> Literal["cuda", "cpu"]:
        """Torch device on the same hardware, "cpu" or "cuda"."""
        return "cuda" if self.variant == "cuda_ad_rgb" else "cpu"


def choose(folders: Iterable[Path] | None = None) -> Backend:
    """Return CUDA if it can render on this machine, else the newest usable LLVM.

    No setting is changed; torch is imported, but only if an NVIDIA driver is present.
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
    """Choose a backend and import Mitsuba with its variant; a second call returns the same backend.

    Activate before torch is imported, so that its threads do not keep a processor busy while they
    wait.

    Raises
    ------
    scenes.base.errors.InputError
        No backend is usable, Mitsuba is not installed, or Dr.Jit was already imported with another
        libLLVM.
    """
    global _active
    if _active is not None:
        return _active
    # Read when torch is imported: its waiting threads leave their processor to other programs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    chosen = choose()
    if importlib.util.find_spec("mitsuba") is None:
        raise InputError(f"mitsuba is not installed; {INSTALL}")
    if chosen.llvm_version is not None:
        if "drjit" in sys.modules and not _loaded(chosen.llvm_version):
            raise InputError(
                "drjit was imported before mrd.rendering.backend.activate() and has not loaded "
                f"{chosen.llvm_path}; restart Python and activate first"
            )
        os.environ[llvm.VARIABLE] = str(chosen.llvm_path)
    try:
        importlib.import_module("mitsuba").set_variant(chosen.variant)
    except (ImportError, NameError) as error:
        # If a system library is missing, Dr.Jit raises a NameError in its own handler.
        cause = error.__context__ if isinstance(error.__context__, ImportError) else error
        raise InputError(f"mitsuba does not start with {chosen.reason}: {cause}") from error
    _active = chosen
    return chosen


_active: Backend | None = None


def find_gpu() -> tuple[str | None, str]:
    """Return the name of a usable GPU and "", or None and why there is none."""
    windows = sys.platform == "win32"
    # Opening the driver's library is quick, importing torch takes seconds.
    if not _opens("nvcuda.dll" if windows else "libcuda.so.1"):
        return None, "no NVIDIA driver"
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError):  # not installed, or its own libraries are missing
        return None, "torch cannot be imported"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of an old driver, and then returns False
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
    """Return whether the imported Dr.Jit has loaded the LLVM of this version."""
    loaded = importlib.import_module("drjit").detail.llvm_version()
    return ".".join(map(str, loaded)) == version
