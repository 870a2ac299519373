"""What a result was made with: versions of libraries, and the machine."""

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
    """Version of an installed library, None where it is missing; nothing is imported."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str | None]:
    """Versions of Python and of every library that can change a result."""
    return {
        "python": platform.python_version(),
        **{library: installed(library) for library in LIBRARIES},
    }


def hardware() -> dict[str, Any]:
    """System, processor and number of processors of this machine."""
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
    }
