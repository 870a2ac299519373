"""Install the system packages, then the virtual environment ``.venv``.

Every target of the Makefile runs this script, with a Python that needs only its standard library.
``--tests`` adds the system packages of the tests. Only missing packages are installed, so a second
run changes nothing.
"""

import ctypes
import hashlib
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "environment" / "debian-packages.txt"
OF_TESTS = ROOT / "environment" / "debian-packages-tests.txt"
VENV = ROOT / ".venv"
EXTRAS = "generate,dinov2,lab,analysis,bayes,cluster,docs,dev"


class Missing(Exception):
    """Raised if this script cannot install something; the text is one line."""


def prepare(listings: Sequence[Path]) -> None:
    """Install the missing system packages of some lists, then the Python packages."""
    for listing in listings:
        missing = missing_packages(listing.read_text())
        if missing:
            install_packages(missing, listing)
            still = missing_packages(listing.read_text())
            if still:
                raise Missing(f"installed, but still not found: {' '.join(still)}")
    digest = requirements_digest()
    stamp = VENV / "complete"
    complete, works = stamp.is_file(), venv_works()
    if not (complete and works and stamp.read_text() == digest):
        say(message(complete=complete, works=works))
        install_environment(works=works)
        stamp.write_text(digest)
        say("ready: . .venv/bin/activate, then mrd --help")


# System packages ---------------------------------------------------------------------------------


def missing_packages(listing: str) -> list[str]:
    """Return the packages of a list whose program, module or library is not found."""
    lines = (line.split("#")[0].split() for line in listing.splitlines())
    return [line[0] for line in lines if line and not PROVISIONS[line[1]](*line[2:])]


def _llvm() -> bool:
    sys.path.insert(0, str(ROOT))
    try:
        usable, _ = importlib.import_module("mrd.rendering.llvm").find()
    finally:
        sys.path.remove(str(ROOT))
    return usable is not None


def _module(name: str) -> bool:
    importlib.invalidate_caches()
    return importlib.util.find_spec(name) is not None


def _program(name: str) -> bool:
    # Debian has daemons in folders that only the PATH of root contains.
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def _library(name: str) -> bool:
    if sys.platform != "linux":  # other systems include these
        return True
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


PROVISIONS: Mapping[str, Callable[..., bool]] = {
    "llvm": _llvm,
    "module": _module,
    "program": _program,
    "library": _library,
}


def install_packages(packages: list[str], listing: Path) -> None:
    """Install Debian packages of a list, as root or through sudo."""
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise Missing(
            f"missing system packages (Debian's names): {names}; this system has no apt-get: "
            f"install equivalent packages ({listing.relative_to(ROOT)} says what each is for)"
        )
    as_root: list[str] = []
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise Missing(f"missing system packages; as root: apt-get install {names}")
        as_root = ["sudo"]
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    say(f"installing system packages: {names}")
    # If the update fails, the installation may still succeed.
    subprocess.run([*apt, *wait, "-qq", "update"], check=False)
    command = [*apt, *wait, "-qq", "-y", "--no-install-recommends", "install", *packages]
    if subprocess.run(command, check=False).returncode != 0:
        raise Missing(f"apt-get could not install: {names}")


# Python's packages -------------------------------------------------------------------------------


def requirements_digest() -> str:
    """Return a hash of everything that determines the environment's packages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    decisive = [
        sys.version_info[:2],
        EXTRAS,
        project["build-system"],
        project["project"],
        (ROOT / "constraints.txt").read_text(),
    ]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def venv_works() -> bool:
    """Return whether Python and pip of the environment start."""
    python = VENV / "bin" / "python"
    if not python.exists():
        return False
    return (
        subprocess.run([python, "-c", "import pip"], check=False, capture_output=True).returncode
        == 0
    )


def message(*, complete: bool, works: bool) -> str:
    """Return the message about the next step, for an environment in this state."""
    if not works:
        python = sys.version.split()[0]
        return f"creating {VENV.name} with Python {python} (some minutes, about 6 GB)"
    if complete:
        return f"updating {VENV.name}: the required packages have changed"
    return f"completing {VENV.name}: packages are missing"


def install_environment(*, works: bool) -> None:
    """Create ``.venv`` if it does not work; install the project and its dependencies."""
    fresh = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if not works and subprocess.run(fresh, check=False).returncode != 0:
        raise Missing(f"{sys.executable} -m venv failed")
    # The package index comes from pip's own settings.
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    command = [*pip, "install", "-q", "-c", str(ROOT / "constraints.txt"), "-e", f".[{EXTRAS}]"]
    if subprocess.run(command, check=False, cwd=ROOT).returncode != 0:
        raise Missing(
            f"pip could not install into {VENV.name}: correct the error above, and run make again"
        )


def say(line: str) -> None:
    """Print a line of progress."""
    print(f"environment: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        prepare([PACKAGES, OF_TESTS] if "--tests" in sys.argv[1:] else [PACKAGES])
    except Missing as problem:
        sys.exit(f"environment: {problem}")
