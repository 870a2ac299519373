"""A saved state of a search: named arrays and a header, in a file that knows when it is damaged."""

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
_ARRAY = "array."  # keeps a state's own names apart from the header's, and from NumPy's arguments


class DamagedStateError(Exception):
    """A state file does not hold what was written."""


@dataclass(frozen=True)
class State:
    """Where a search stands.

    Parameters
    ----------
    step
        Number of finished steps, from 0.
    arrays
        Variables, moments of the optimiser, …, by name; plain numeric arrays of any shape.
    header
        All else that resuming needs and JSON can hold (the random generator's state, …).
    """

    step: int
    arrays: Mapping[str, NDArray[Any]]
    header: Mapping[str, Any] = field(default_factory=dict)


def write_state(state: State, path: Path) -> None:
    """Write a state in one step: afterwards the file is whole, or as it was before.

    The header is read with its keys in the order that it is written with.

    Raises
    ------
    InputError
        The file cannot be written.
    ValueError
        An array holds Python objects, or the header something that is not JSON.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in state.arrays.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(f"the array '{name}' holds Python objects; states hold numbers alone")
    content = {"schema_version": SCHEMA_VERSION, "step": state.step, "header": dict(state.header)}
    text = json.dumps(content)
    packed = json.dumps({"content": text, "sha256": _digest(text, arrays)})
    members: dict[str, Any] = {f"{_ARRAY}{name}": array for name, array in arrays.items()}
    members[_HEADER] = np.frombuffer(packed.encode(), np.uint8)
    with whole_file(path) as beside, beside.open("wb") as file:
        np.savez(file, **members)


def read_state(path: Path) -> State:
    """Read a state and verify every byte of it.

    Raises
    ------
    DamagedStateError
        The file is torn, altered, or no state.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            packed = json.loads(file[_HEADER].tobytes().decode())
            arrays = {
                name.removeprefix(_ARRAY): file[name] for name in file.files if name != _HEADER
            }
        text, expected = packed["content"], packed["sha256"]
        content = json.loads(text)
    except (
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
    ) as error:  # all that a flipped byte has been seen to raise in zipfile, zlib, NumPy and json
        raise DamagedStateError(f"it cannot be read ({type(error).__name__})") from error
    if _digest(text, arrays) != expected:
        raise DamagedStateError("its checksum differs")
    if content["schema_version"] != SCHEMA_VERSION:
        raise DamagedStateError(f"its schema_version is {content['schema_version']}")
    return State(content["step"], arrays, content["header"])


def _digest(text: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over the header and every array: name, type, shape, bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
