"""Read STL files, binary and ASCII."""

import numpy as np

from scenes.base.errors import InputError
from scenes.meshes.formats.polygons import Polygons, flattened
from scenes.meshes.formats.text import decoded, numbers

HEADER = 84  # bytes: 80 of free text, and the number of triangles
RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read_stl(data: bytes) -> Polygons:
    """Return the faces of an STL file; the order of corners, not the normals, gives the outside."""
    count = int.from_bytes(data[80:HEADER], "little") if len(data) >= HEADER else 0
    whole = HEADER + count * RECORD.itemsize
    # A binary file may begin with "solid" too; only its number of triangles has zero bytes.
    if len(data) == whole or b"\0" in data or not data.lstrip().lower().startswith(b"solid"):
        if len(data) < max(whole, HEADER):
            raise InputError(
                f"is damaged or cut short: {len(data)} bytes, but {count} triangles need {whole}; "
                "export it again"
            )
        if len(data) >= whole + RECORD.itemsize:
            raise InputError(
                f"names {count} triangles and holds more: {len(data)} bytes, but these need "
                f"{whole}; the file is damaged: export it again"
            )
        return _binary(data, count)
    return _ascii(decoded(data))


def _binary(data: bytes, count: int) -> Polygons:
    """Return the faces of a binary file with `count` triangles."""
    records = np.frombuffer(data, RECORD, count, HEADER)
    vertices = records["corners"].reshape(-1, 3).astype(np.float64)
    left_out = ("colours of faces",) if records["attribute"].any() else ()
    return Polygons(vertices, np.arange(3 * count), np.full(count, 3), left_out=left_out)


def _ascii(text: str) -> Polygons:
    """Return the faces of a text file."""
    vertices: list[list[float]] = []
    faces: list[list[int]] = []
    for line, words in enumerate(map(str.split, text.splitlines()), 1):
        keyword = words[0].lower() if words else ""
        if keyword == "outer":
            faces.append([])
        elif keyword == "vertex":
            if not faces:
                raise InputError(f"line {line}: a vertex outside a face; export the file again")
            faces[-1].append(len(vertices))
            vertices.append(numbers(line, words[1:4], at_least=3))
    if "endsolid" not in text.lower():
        raise InputError("is cut short: 'endsolid' is missing; export it again")
    return Polygons(np.array(vertices, np.float64).reshape(-1, 3), *flattened(faces))
