"""Make what the project runs in: system packages, then the virtual environment ``.venv``.

Run by every target of the Makefile, with a Python that need have nothing but its standard library;
``--tests`` asks for the system packages of the tests as well. Existing parts are not changed,
so a second run installs nothing.
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
EXTRAS = "generate,lab,analysis,bayes,cluster,docs,dev"


class Missing(Exception):
    """Something that this script cannot bring; str() is one line."""


def prepare(listings: Sequence[Path]) -> None:
    """Install what is missing: the system packages of some lists, then Python's."""
    for listing in listings:
        missing = missing_packages(listing.read_text())
        if missing:
            install_packages(missing, listing)
            still = missing_packages(listing.read_text())
            if still:
                raise Missing(f"installed, but without effect: {' '.join(still)}")
    digest = requirements_digest()
    stamp = VENV / "complete"
    complete, works = stamp.is_file(), venv_works()
    if not (complete and works and stamp.read_text() == digest):
        say(what_is_done(complete=complete, works=works))
        install_environment(works=works)
        stamp.write_text(digest)
        say("ready: . .venv/bin/activate, then mrd --help")


# System packages ---------------------------------------------------------------------------------


def missing_packages(listing: str) -> list[str]:
    """List the packages of a list whose provision is not there."""
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
    # Debian keeps daemons where only root's PATH looks.
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def _library(name: str) -> bool:
    if sys.platform != "linux":  # other systems bring these with themselves
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
            f"install what they provide, as {listing.relative_to(ROOT)} describes it"
        )
    as_root: list[str] = []
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise Missing(f"missing system packages; as root: apt-get install {names}")
        as_root = ["sudo"]
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    say(f"installing system packages: {names}")
    # A list that cannot be refreshed may still be good enough: only the installation decides.
    subprocess.run([*apt, *wait, "-qq", "update"], check=False)
    command = [*apt, *wait, "-qq", "-y", "--no-install-recommends", "install", *packages]
    if subprocess.run(command, check=False).returncode != 0:
        raise Missing(f"apt-get could not install: {names}")


# Python's packages -------------------------------------------------------------------------------


def requirements_digest() -> str:
    """Hash all that decides what the environment holds; the settings of tools do not."""
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())
    decisive = [
        sys.version_info[:2],
        EXTRAS,
        written["build-system"],
        written["project"],
        (ROOT / "constraints.txt").read_text(),
    ]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def venv_works() -> bool:
    """Tell whether the environment has a Python that starts, and its pip."""
    python = VENV / "bin" / "python"
    if not python.exists():
        return False
    return (
        subprocess.run([python, "-c", "import pip"], check=False, capture_output=True).returncode
        == 0
    )


def what_is_done(*, complete: bool, works: bool) -> str:
    """Say what becomes of an environment, which was once complete or not, and works or not."""
    if not works:
        python = sys.version.split()[0]
        return f"making {VENV.name} with Python {python} (some minutes, about 6 GB)"
    if complete:
        return f"updating {VENV.name}: what it has to hold has changed; what fits stays"
    return f"completing {VENV.name}: it does not hold all that it has to"


def install_environment(*, works: bool) -> None:
    """Make ``.venv`` if it does not work, and install the project and its needs into it."""
    fresh = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if not works and subprocess.run(fresh, check=False).returncode != 0:
        raise Missing(f"{sys.executable} -m venv failed")
    # Not a word about where from: pip's own settings decide.
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    command = [*pip, "install", "-q", "-c", str(ROOT / "constraints.txt"), "-e", f".[{EXTRAS}]"]
    if subprocess.run(command, check=False, cwd=ROOT).returncode != 0:
        raise Missing(f"pip could not install into {VENV.name}; mended, make continues from here")


def say(line: str) -> None:
    """Tell a person what takes so long."""
    print(f"environment: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        prepare([PACKAGES, OF_TESTS] if "--tests" in sys.argv[1:] else [PACKAGES])
    except Missing as problem:
        sys.exit(f"environment: {problem}")
