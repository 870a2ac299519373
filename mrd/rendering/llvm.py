"""Find an LLVM with which Dr.Jit can compile, without loading it into this process.

Dr.Jit loads libLLVM when it is imported: the newest file that it finds, whether it works or not.
LLVM 15 and 16 pass every check, then abort the process at the first render. So this module searches
first, and asks each candidate for its version in a separate process, which a broken file may crash.
It needs only the standard library, because `make` uses it before the environment exists.
"""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST = 17
"""The oldest LLVM that can compile all code that Dr.Jit generates."""

VARIABLE = "DRJIT_LIBLLVM_PATH"
"""The environment variable with the path of the libLLVM for Dr.Jit."""

# libLLVM-15.so.1, libLLVM.so.19.1, libLLVM-19.so, libLLVM.dylib, libLLVM-19.dylib, LLVM-C.dll;
# not the component libraries (libLLVMSupport.so). The 1 of libLLVM.so.1 is not LLVM's version.
_NAME = re.compile(
    r"(?:libLLVM(?:-(?P<dash>\d+)[\d.]*)?(?:\.so(?:\.(?P<dot>\d\d+)?[\d.]*)?|\.dylib)|LLVM-C\.dll)$"
)

# Prints the version of one library. LLVMGetVersion exists from LLVM 16 on.
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
        Its version ("19.1.7"; only "15" if just its name was read), or "" when unknown.
    trouble : str
        Why the file cannot be used; "" if it can.
    """

    path: Path
    version: str
    trouble: str = ""

    def __str__(self) -> str:
        notes = [f"LLVM {self.version}"] if self.version else []
        return f"{self.path} ({', '.join([*notes, self.trouble] if self.trouble else notes)})"


def find(folders: Iterable[Path] | None = None) -> tuple[Library | None, list[Library]]:
    """Return the newest usable libLLVM (or None), and the unusable ones tried before it."""
    refused: list[Library] = []
    for candidate in _candidates(usual_folders() if folders is None else folders):
        library = candidate if candidate.trouble else ask(candidate.path)
        if not library.trouble:
            return library, refused
        refused.append(library)
    return None, refused


def described(refused: Iterable[Library]) -> str:
    """Return one line that names unusable libraries and their troubles."""
    return "; ".join(map(str, refused)) or "no libLLVM at all"


def ask(path: Path) -> Library:
    """Return a library with its version, which a separate process reads by loading it."""
    if not path.is_file():
        return Library(path, "", "no such file")
    command = [sys.executable, "-I", "-S", "-c", _QUESTION, str(path)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return Library(path, "", "does not respond")
    if answer.returncode != 0:
        # LLVM 15 and older load, but lack this function.
        old = "LLVMGetVersion" in answer.stderr
        return Library(path, "", f"older than {OLDEST}" if old else "does not load")
    return _checked(path, answer.stdout.strip())


def usual_folders(
    platform: str = sys.platform,
    environment: Mapping[str, str] = os.environ,
    root: Path = Path("/"),
) -> list[Path]:
    """Return the folders where conda, the system, Homebrew or MacPorts install libLLVM."""
    return list(dict.fromkeys(_usual_folders(platform, environment, root)))


def advice() -> str:
    """Return the command that installs a usable LLVM on this system, for messages."""
    if sys.platform == "darwin":
        return "install one: brew install llvm"
    if sys.platform == "win32" or os.environ.get("CONDA_PREFIX"):
        return "install one: conda install -c conda-forge libllvm19"
    return "install one: apt-get install libllvm19 (or conda install -c conda-forge libllvm19)"


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


def _candidates(folders: Iterable[Path]) -> list[Library]:
    """Return each libLLVM file once: first that of the user's setting, then the newest first."""
    own = os.environ.get(VARIABLE)
    first = [_named(Path(own).resolve())] if own else []
    paths = dict.fromkeys(
        path.resolve() for folder in folders for path in _listed(folder) if _NAME.match(path.name)
    )
    others = [_named(path) for path in paths if path not in {library.path for library in first}]
    # Without a version in the name (macOS, Windows), the library must be loaded.
    known = [library if library.version else ask(library.path) for library in others]
    return first + sorted(known, key=_parts, reverse=True)


def _named(path: Path) -> Library:
    """Return a library with the version in its file name; "" if the name has none."""
    match = _NAME.match(path.name)
    version = (match["dash"] or match["dot"] or "") if match else ""
    return _checked(path, version) if version else Library(path, "")


def _checked(path: Path, version: str) -> Library:
    too_old = int(version.split(".")[0]) < OLDEST
    return Library(path, version, f"older than {OLDEST}" if too_old else "")


def _parts(library: Library) -> list[int]:
    return [int(part) for part in library.version.split(".") if part]


def _listed(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # missing, or without permission to read
        return []
