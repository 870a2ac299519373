"""The GLB container of glTF 2.0: a JSON document and one binary buffer (Khronos, section 4.4)."""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC, VERSION = 0x46546C67, 2
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
ALIGNMENT = 4  # bytes
VERTEX_BUFFER, INDEX_BUFFER = 34962, 34963
COMPONENT_TYPES = {"uint16": 5123, "uint32": 5125, "float32": 5126}
ELEMENT_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3"}
LARGEST_SHORT = 0xFFFE  # 65535 has another meaning in 16-bit indices

Entry = dict[str, Any]


class Glb:
    """A glTF document under construction.

    Parameters
    ----------
    generator
        Name of the program, for ``asset.generator``.
    """

    def __init__(self, generator: str) -> None:
        self.asset: Entry = {"version": "2.0", "generator": generator}
        self._arrays: dict[str, list[Entry]] = {}
        self._extensions: dict[str, Entry | None] = {}
        self._binary = bytearray()

    def add(self, kind: str, entry: Entry) -> int:
        """Append an entry to a top-level array, such as ``nodes``; return its index."""
        entries = self._arrays.setdefault(kind, [])
        entries.append(entry)
        return len(entries) - 1

    def use(self, extension: str) -> None:
        """List an extension in ``extensionsUsed``."""
        self._extensions.setdefault(extension, None)

    def add_to_extension(self, extension: str, kind: str, entry: Entry) -> int:
        """Append an entry to an array of a top-level extension; return its index."""
        content = self._extensions.get(extension) or {}
        entries = content.setdefault(kind, [])
        entries.append(entry)
        self._extensions[extension] = content
        return len(entries) - 1

    def vertices(self, values: NDArray[np.float32], bounds: bool = False) -> int:
        """Store one row a vertex; return the accessor. Positions need `bounds`."""
        entry: Entry = {}
        if bounds:
            entry = {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
        return self._accessor(values.astype(np.float32), VERTEX_BUFFER, entry)

    def indices(self, faces: NDArray[np.integer]) -> int:
        """Store the vertices of triangles, with 16 bits where they suffice; return the accessor."""
        short = int(faces.max()) <= LARGEST_SHORT
        return self._accessor(faces.ravel().astype(np.uint16 if short else np.uint32), INDEX_BUFFER)

    def image(self, png: bytes, name: str) -> int:
        """Store a PNG; return the image."""
        view = self._view(png, None)
        return self.add("images", {"name": name, "mimeType": "image/png", "bufferView": view})

    def to_bytes(self) -> bytes:
        """Return the file."""
        document: Entry = {"asset": self.asset}
        if self._extensions:
            document["extensionsUsed"] = sorted(self._extensions)
        used = {name: content for name, content in self._extensions.items() if content}
        document |= {"extensions": used} if used else {}
        document |= {"scene": 0} if "scenes" in self._arrays else {}
        document |= self._arrays
        chunks = []
        if self._binary:
            document["buffers"] = [{"byteLength": len(self._binary)}]
            chunks = [_chunk(BINARY_CHUNK, bytes(self._binary), b"\0")]
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        chunks.insert(0, _chunk(JSON_CHUNK, text.encode(), b" "))
        length = 12 + sum(map(len, chunks))
        return b"".join([struct.pack("<III", MAGIC, VERSION, length), *chunks])

    def _accessor(self, values: NDArray[Any], target: int, entry: Entry | None = None) -> int:
        """Store an array of one row (or number) an element; return the accessor."""
        width = 1 if values.ndim == 1 else values.shape[1]
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        return self.add(
            "accessors",
            {
                "bufferView": self._view(little.tobytes(), target),
                "componentType": COMPONENT_TYPES[values.dtype.name],
                "count": len(values),
                "type": ELEMENT_TYPES[width],
                **(entry or {}),
            },
        )

    def _view(self, data: bytes, target: int | None) -> int:
        """Store bytes, aligned; return the buffer view."""
        start = len(self._binary)
        self._binary += data + b"\0" * (-len(data) % ALIGNMENT)
        view: Entry = {"buffer": 0, "byteOffset": start, "byteLength": len(data)}
        return self.add("bufferViews", view if target is None else view | {"target": target})


def _chunk(kind: int, data: bytes, padding: bytes) -> bytes:
    """Return a chunk: its length, kind and data, padded to whole words."""
    padded = data + padding * (-len(data) % ALIGNMENT)
    return struct.pack("<II", len(padded), kind) + padded
