"""A saved state of a search: named arrays and a header, with a checksum over all of it."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.base.atomic_files import whole_file

SCHEMA_VERSION = 1

_HEADER = "header"
_ARRAY = "array."  # prefix, so that an array can have the name of the header or of an argument


class DamagedStateError(Exception):
    """A state file cannot be read, or its content does not fit its checksum."""


@dataclass(frozen=True)
class SearchState:
    """State of a search after `step` finished steps: numeric arrays, and a header for JSON."""

    step: int
    arrays: Mapping[str, NDArray[Any]]
    header: Mapping[str, Any] = field(default_factory=dict)


def write_state(state: SearchState, path: Path) -> None:
    """Write a state to a file, which appears only when complete; header keys keep their order."""
    arrays = {name: np.asarray(array, order="C") for name, array in state.arrays.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(f"the array '{name}' holds Python objects; a state holds only numbers")
    content = {"schema_version": SCHEMA_VERSION, "step": state.step, "header": dict(state.header)}
    text = json.dumps(content)
    packed = json.dumps({"content": text, "sha256": _digest(text, arrays)})
    members: dict[str, Any] = {f"{_ARRAY}{name}": array for name, array in arrays.items()}
    members[_HEADER] = np.frombuffer(packed.encode(), np.uint8)
    with whole_file(path) as beside, beside.open("wb") as file:
        np.savez(file, **members)


# All errors that zipfile, zlib, NumPy and json raised in tests with a changed byte.
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    MemoryError,
)


def read_state(path: Path) -> SearchState:
    """Read a state and verify its checksum; raise DamagedStateError if it fails."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            packed = json.loads(file[_HEADER].tobytes().decode())
            arrays = {
                name.removeprefix(_ARRAY): file[name] for name in file.files if name != _HEADER
            }
        text, expected = packed["content"], packed["sha256"]
        content = json.loads(text)
    except _UNREADABLE as error:
        raise DamagedStateError(f"it cannot be read ({type(error).__name__})") from error
    if _digest(text, arrays) != expected:
        raise DamagedStateError("its checksum differs")
    if content["schema_version"] != SCHEMA_VERSION:
        raise DamagedStateError(f"its schema_version is {content['schema_version']}")
    return SearchState(content["step"], arrays, content["header"])


def _digest(text: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of the header and of the name, type, shape and bytes of every array."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
