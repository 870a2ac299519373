"""Choose what Mitsuba runs on, before Dr.Jit is imported.

Dr.Jit loads libLLVM while it is itself being imported, and takes the newest file that it finds,
usable or not. A library too old for it is noticed late: LLVM 15 and 16 pass every check, then
abort the process at the first render. So this module looks first, asks each candidate for its
version in a process of its own, and tells Dr.Jit which file to load. It needs the standard
library alone, and nothing in it can take the process down.
"""

import ctypes
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scenes.errors import InputError

OLDEST = 17
"""The oldest LLVM whose code generator knows all that Dr.Jit emits."""

VARIABLE = "DRJIT_LIBLLVM_PATH"
"""The environment variable that tells Dr.Jit which libLLVM to load."""

# libLLVM-15.so.1, libLLVM.so.19.1, libLLVM-19.so, libLLVM.dylib, libLLVM-19.dylib, LLVM-C.dll;
# not the component libraries (libLLVMSupport.so).
_NAME = re.compile(
    r"(?:libLLVM(?:-(?P<dash>\d+)[\d.]*)?(?:\.so(?:\.(?P<dot>\d+)[\d.]*)?|\.dylib)|LLVM-C\.dll)$"
)

# Asks one library for its version. LLVMGetVersion exists from LLVM 16 on.
_QUESTION = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
parts = [ctypes.c_uint() for _ in range(3)]
library.LLVMGetVersion(*map(ctypes.byref, parts))
print(*(part.value for part in parts), sep=".")
"""
_PATIENCE = 10.0  # seconds; an answer takes about 0.1 s


@dataclass(frozen=True)
class Library:
    """A file that may be a usable libLLVM.

    Attributes
    ----------
    path : Path
        The file's real path.
    version : str
        Its version ("19.1.7"; only "15" when its name alone was read), or "" when unknown.
    trouble : str
        Why it cannot be used; "" when nothing speaks against it.
    """

    path: Path
    version: str
    trouble: str = ""

    def __str__(self) -> str:
        version = f"LLVM {self.version}" if self.version else "no version"
        return f"{self.path} ({version}{', ' if self.trouble else ''}{self.trouble})"


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


def choose(folders: Sequence[Path] | None = None) -> Backend:
    """Choose CUDA if it can render here, else the newest usable LLVM.

    Nothing is imported (but torch, when an NVIDIA driver is present) and nothing is set.

    Parameters
    ----------
    folders : sequence of Path, optional
        Where to look for libLLVM, in place of the system's usual places. A path in the
        environment variable DRJIT_LIBLLVM_PATH is tried first in any case.

    Raises
    ------
    scenes.errors.InputError
        When neither is usable; says what was found and what to install.
    """
    gpu, why_no_gpu = find_gpu()
    if gpu:
        return Backend("cuda_ad_rgb", None, None, f"CUDA on {gpu}")
    candidates = _candidates(usual_folders() if folders is None else folders)
    usable, refused = _first_usable(candidates)
    if usable is None:
        found = "; ".join(map(str, refused)) if refused else "no libLLVM at all"
        raise InputError(
            f"no usable LLVM (rendering without a GPU needs version {OLDEST} or newer): "
            f"found {found}; {advice()}"
        )
    passed_over = f"; passed over: {'; '.join(map(str, refused))}" if refused else ""
    reason = f"LLVM {usable.version} ({why_no_gpu}){passed_over}"
    return Backend("llvm_ad_rgb", usable.path, usable.version, reason)


def find_llvm(folders: Sequence[Path] | None = None) -> Library | None:
    """Find the libLLVM that `choose` would choose if there were no GPU."""
    return _first_usable(_candidates(usual_folders() if folders is None else folders))[0]


def activate() -> Backend:
    """Choose a backend, tell Dr.Jit, import Mitsuba and set its variant; once a process.

    Raises
    ------
    scenes.errors.InputError
        When no backend is usable, when Mitsuba is not installed, or when Dr.Jit was imported
        before with another libLLVM (it loads one at import, and never another).
    """
    global _active
    if _active is not None:
        return _active
    chosen = choose()
    if importlib.util.find_spec("mitsuba") is None:
        raise InputError("mitsuba is not installed; pip install 'mrd-suite[generate]'")
    if chosen.llvm_version is not None:
        if "drjit" in sys.modules and not _loaded(chosen.llvm_version):
            raise InputError(
                "drjit was imported before mrd.backend.activate() and has loaded another libLLVM "
                f"than {chosen.llvm_path}; start Python anew and activate first"
            )
        os.environ[VARIABLE] = str(chosen.llvm_path)
    mitsuba = importlib.import_module("mitsuba")
    try:
        mitsuba.set_variant(chosen.variant)
    except ImportError as error:
        raise InputError(f"mitsuba cannot use {chosen.reason}: {_first_line(error)}") from error
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
        warnings.simplefilter("ignore")  # it warns of old drivers, and then answers no
        seen = torch.cuda.is_available()
    if not seen:
        return None, "torch sees no GPU"
    name = torch.cuda.get_device_name(0)
    if not _opens("nvoptix.dll" if windows else "libnvoptix.so.1"):
        return None, f"{name} without OptiX, which comes with NVIDIA's graphics driver"
    return name, ""


def ask(path: Path) -> Library:
    """Ask a library for its version, in a process of its own: broken files may crash it."""
    if not path.is_file():
        return Library(path, "", "no such file")
    command = [sys.executable, "-I", "-S", "-c", _QUESTION, str(path)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return Library(path, "", "does not answer")
    if answer.returncode != 0:
        # LLVM 15 and older load, and know no such function.
        old = "LLVMGetVersion" in answer.stderr
        return Library(path, "", f"older than {OLDEST}" if old else "does not load")
    version = answer.stdout.strip()
    too_old = int(version.split(".")[0]) < OLDEST
    return Library(path, version, f"older than {OLDEST}" if too_old else "")


def usual_folders(
    platform: str = sys.platform,
    environment: Mapping[str, str] = os.environ,
    root: Path = Path("/"),
) -> list[Path]:
    """List where libLLVM may lie: packages, Homebrew, MacPorts, conda.

    Parameters
    ----------
    platform : str
        As `sys.platform`.
    environment : mapping
        As `os.environ`: CONDA_PREFIX, the library search path, and on Windows the program folders.
    root : Path
        Where the system's absolute folders begin.
    """
    return list(dict.fromkeys(_usual_folders(platform, environment, root)))


def _usual_folders(platform: str, environment: Mapping[str, str], root: Path) -> Iterator[Path]:
    windows, mac = platform == "win32", platform == "darwin"
    for prefix in (environment.get("CONDA_PREFIX"), sys.prefix):
        if prefix:
            yield Path(prefix, "Library", "bin") if windows else Path(prefix, "lib")
    search = "PATH" if windows else "DYLD_LIBRARY_PATH" if mac else "LD_LIBRARY_PATH"
    separator = ";" if windows else ":"
    yield from (Path(p) for p in environment.get(search, "").split(separator) if p)
    if windows:
        if "PROGRAMFILES" in environment:
            yield Path(environment["PROGRAMFILES"], "LLVM", "bin")
        return
    yield root / "usr/local/lib"
    if mac:
        yield from (root / "opt/homebrew/opt").glob("llvm*/lib")
        yield from (root / "usr/local/opt").glob("llvm*/lib")
        yield from (root / "opt/local/libexec").glob("llvm-*/lib")
        return
    triplet = sysconfig.get_config_var("MULTIARCH")  # x86_64-linux-gnu, on Debian's relatives
    if triplet:
        yield root / "usr/lib" / triplet
    for lib in (root / "usr/lib64", root / "usr/lib"):
        yield lib
        yield from lib.glob("llvm*/lib*")


def advice() -> str:
    """Say what to install on this system."""
    if sys.platform == "darwin":
        return "install one: brew install llvm"
    if sys.platform == "win32" or os.environ.get("CONDA_PREFIX"):
        return "install one: conda install -c conda-forge libllvm19"
    return "install one: apt-get install libllvm19 (or conda install -c conda-forge libllvm19)"


def _candidates(folders: Iterable[Path]) -> list[Library]:
    """List each distinct libLLVM: the user's own first, then the newest first."""
    own = os.environ.get(VARIABLE)
    first = [_from_name(Path(own).resolve())] if own else []
    found: dict[Path, Library] = {}
    for folder in folders:
        for path in _listed(folder):
            if _NAME.match(path.name):
                found.setdefault(path.resolve(), _from_name(path.resolve()))
    for library in first:
        found.pop(library.path, None)
    named = [c if c.version else ask(c.path) for c in found.values()]
    return first + sorted(named, key=_age)


def _first_usable(candidates: Iterable[Library]) -> tuple[Library | None, list[Library]]:
    """Find the first candidate that answers with a usable version, and those refused before it."""
    refused: list[Library] = []
    for candidate in candidates:
        answered = candidate if candidate.trouble else ask(candidate.path)
        if not answered.trouble:
            return answered, refused
        refused.append(answered)
    return None, refused


def _from_name(path: Path) -> Library:
    """Read the version off a file's name, if it is there."""
    match = _NAME.match(path.name)
    version = (match["dash"] or match["dot"] or "") if match else ""
    if version and int(version) < OLDEST:
        return Library(path, version, f"older than {OLDEST}")
    return Library(path, version)


def _age(library: Library) -> tuple[int, ...]:
    return tuple(-int(part) for part in library.version.split(".") if part) or (0,)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # missing, or not ours to read
        return []


def _opens(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _loaded(version: str) -> bool:
    """Tell whether Dr.Jit, imported already, has loaded the LLVM of this version."""
    loaded = importlib.import_module("drjit").detail.llvm_version()
    return loaded is not None and ".".join(map(str, loaded)) == version


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
