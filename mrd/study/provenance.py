"""Versions of libraries and the machine, as recorded with every result."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

LIBRARIES = (
    "mrd-suite",
    "drjit",
    "mitsuba",
    "numpy",
    "OpenEXR",
    "pydantic",
    "scipy",
    "torch",
    "torchvision",
    "trimesh",
)


def installed(library: str) -> str | None:
    """Return the version of a library, None if it is not installed; the library is not imported."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of every library that can change a result."""
    return {
        "python": platform.python_version(),
        **{library: installed(library) for library in LIBRARIES},
    }


def hardware() -> dict[str, Any]:
    """Return operating system, processor type and number of processors of this machine."""
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
    }
