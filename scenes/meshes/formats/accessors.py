"""Read the numbers of a glTF file: its buffers, buffer views and accessors."""

import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.base.inside_folder import is_inside

TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


def buffers_of(document: dict[str, Any], binary: bytes | None, folder: Path) -> list[bytes | None]:
    """Return the buffers of a document: binary chunk, data URIs, files; None without data."""
    result: list[bytes | None] = []
    for number, buffer in enumerate(document.get("buffers", [])):
        uri = buffer.get("uri")
        if uri is None:
            data = binary if number == 0 else None
        elif uri.startswith("data:"):
            data = from_data_uri(uri, f"buffer {number}")
        elif "://" in uri:
            raise InputError(f"buffer {number} is at '{uri}'; save it beside the file")
        else:
            data = _from_file(folder, unquote(uri))
        if data is not None and len(data) < buffer["byteLength"]:
            raise InputError(
                f"buffer {number} is cut short: {len(data)} bytes of {buffer['byteLength']}; "
                "export it again"
            )
        result.append(data)
    return result


def from_data_uri(uri: str, what: str) -> bytes:
    """Return the bytes in a data URI; `what` names it in errors."""
    head, _, body = uri.partition(",")
    try:
        if head.endswith(";base64"):
            return base64.b64decode(unquote(body), validate=True)
    except binascii.Error as error:
        raise InputError(f"{what} is damaged: {error}; export it again") from error
    raise InputError(f"{what} is not base64; export the file as GLB")


def _from_file(folder: Path, name: str) -> bytes:
    """Return the bytes of a buffer's file, which must be in the folder of the mesh."""
    if not is_inside(name):
        raise InputError(f"its buffer '{name}' is in another folder; keep it beside the file")
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise InputError(
            f"its buffer {name} cannot be read ({error.strerror}); keep it beside the file, "
            "or export a GLB"
        ) from error


class Accessors:
    """The accessors of a document, read in double precision."""

    def __init__(self, document: dict[str, Any], buffers: list[bytes | None]) -> None:
        self._accessors = document.get("accessors", [])
        self._views = document.get("bufferViews", [])
        self._buffers = buffers

    def read(self, index: int) -> NDArray[np.float64]:
        """Return an accessor's values (count, width); normalised integers are scaled to −1 to 1."""
        accessor = self._accessors[index]
        count, width = accessor["count"], WIDTHS[accessor["type"]]
        dtype = np.dtype(TYPES[accessor["componentType"]])
        if "bufferView" in accessor:
            raw = self._values(accessor, dtype, count, width)
        else:
            raw = np.zeros((count, width), dtype)
        if sparse := accessor.get("sparse"):
            raw = raw.copy()
            kind = np.dtype(TYPES[sparse["indices"]["componentType"]])
            rows = self._values(sparse["indices"], kind, sparse["count"], 1).ravel()
            raw[rows] = self._values(sparse["values"], dtype, sparse["count"], width)
        values = raw.astype(np.float64)
        if accessor.get("normalized") and dtype.kind in "iu":
            values = np.maximum(values / np.iinfo(dtype).max, -1)
        return values

    def _values(
        self, record: dict[str, Any], dtype: np.dtype[Any], count: int, width: int
    ) -> NDArray[Any]:
        """Return values (count, width) of the buffer view that a record names."""
        index = record["bufferView"]
        view = self._views[index]
        data = self._buffers[view["buffer"]]
        if data is None:
            raise InputError("holds no data for its vertices (a compressed file?); export it again")
        row = dtype.itemsize * width
        stride = view.get("byteStride", row)
        first = view.get("byteOffset", 0) + record.get("byteOffset", 0)
        last = first + (count - 1) * stride + row
        end = view.get("byteOffset", 0) + view["byteLength"]
        if count and (first < 0 or last > min(end, len(data))):
            raise InputError(f"buffer view {index} is cut short; export it again")
        return np.ndarray((count, width), dtype, data, first, (stride, dtype.itemsize))
