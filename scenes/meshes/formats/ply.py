"""Read PLY files (Stanford): ASCII, little and big endian, with any elements and types."""

import io
from pathlib import Path

import numpy as np
from plyfile import PlyData, PlyElement, PlyElementParseError, PlyHeaderParseError

from scenes.base.errors import InputError
from scenes.meshes.formats.polygons import Polygons, flattened, from_top, strip_triangles

# Comment of PLY files that `write_mesh` writes with texture coordinates.
FROM_TOP = "texture coordinate t counts from the top"

INDEX_NAMES = ("vertex_indices", "vertex_index")
UV_NAMES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
# Elements without a surface.
WITHOUT_SURFACE = {"edge": "edges", "material": "materials", "camera": "cameras"}


def read_ply(path: Path) -> Polygons:
    """Return the faces of a PLY file, from its elements ``face`` and ``tristrips``."""
    ply = _parsed(path)
    elements = {element.name: element for element in ply.elements}
    if "vertex" not in elements:
        raise InputError("holds no vertices (element 'vertex'); export a surface")
    vertex = elements.pop("vertex")
    vertices = _positions(vertex)
    left_out = ["vertex colours"] if {"red", "green", "blue"} <= _names(vertex) else []
    if "range_grid" in elements:
        raise InputError("is a range grid, a scan without faces; make a surface from it first")
    faces, tristrips = elements.pop("face", None), elements.pop("tristrips", None)
    lists = [] if faces is None else _lists(faces, INDEX_NAMES)
    strips = [] if tristrips is None else _lists(tristrips, INDEX_NAMES)
    triangles = [strip_triangles(strip) for strip in strips]
    left_out += [
        WITHOUT_SURFACE.get(name, f"elements '{name}'")
        for name, element in elements.items()
        if element.count
    ]

    corners, sizes = flattened(lists)
    if triangles:
        corners = np.concatenate([corners, *(each.ravel() for each in triangles)])
        sizes = np.concatenate([sizes, np.full(sum(map(len, triangles)), 3)])
    uvs = _vertex_uvs(vertex, FROM_TOP in ply.comments)
    at_corners: np.ndarray | None = None
    if uvs is not None and len(corners) and corners.min() >= 0 and corners.max() < len(uvs):
        at_corners = uvs[corners]
    elif faces is not None and not triangles and "texcoord" in _names(faces):
        at_corners = _corner_uvs(_lists(faces, ("texcoord",)), len(corners))
    return Polygons(vertices, corners, sizes, at_corners, tuple(left_out))


def _parsed(path: Path) -> PlyData:
    """Read a file; raise if it contains more than its header states."""
    try:
        data = path.read_bytes()
        head, _, body = data.partition(b"end_header")
        if b"format ascii" in head:
            ply = PlyData.read(io.BytesIO(data))
            lines = [line for line in body.splitlines() if line.strip()]
            rest = b" ".join(lines[sum(element.count for element in ply.elements) :])
        else:
            ply, rest = _of_triangles(path, body) or _of_any(data)
    except PlyHeaderParseError as error:
        raise InputError(f"has a broken PLY header: {error}; export it again") from error
    except (PlyElementParseError, ValueError, OverflowError, MemoryError) as error:
        raise InputError(f"is damaged or cut short: {error}; export it again") from error
    if rest.strip(b"\0\r\n\t "):
        raise InputError("holds more than its header states; the file is damaged: export it again")
    return ply


def _of_triangles(path: Path, body: bytes) -> tuple[PlyData, bytes] | None:
    """Read a binary file of triangles only, and return the bytes after it; None if it has others.

    This is much faster than `_of_any`.
    """
    try:
        with path.open("rb") as file:
            known = {"face": dict.fromkeys(INDEX_NAMES, 3)}
            ply = PlyData.read(file, known_list_len=known)
    except PlyElementParseError:
        return None
    if any(element.data.dtype.hasobject for element in ply.elements):
        return None
    start = 2 if body.startswith(b"\r\n") else 1
    return ply, body[start + sum(element.data.nbytes for element in ply.elements) :]


def _of_any(data: bytes) -> tuple[PlyData, bytes]:
    """Read a binary file, and return the bytes after its last element."""
    stream = io.BytesIO(data)
    return PlyData.read(stream), stream.read()


def _positions(vertex: PlyElement) -> np.ndarray:
    """Return the positions (V, 3) of vertices."""
    names = _names(vertex)
    if not {"x", "y", "z"} <= names:
        raise InputError("its vertices have no x, y and z; export a surface")
    return np.column_stack([np.asarray(vertex[axis], np.float64) for axis in "xyz"])


def _names(element: PlyElement) -> set[str]:
    """Return the names of an element's properties."""
    return {each.name for each in element.properties}


def _lists(element: PlyElement, names: tuple[str, ...]) -> np.ndarray | list[np.ndarray]:
    """Return the lists of a property, one per item; as one array if all have the same length."""
    for name in names:
        if name in _names(element):
            values = element[name]
            return values if values.ndim == 2 else [np.atleast_1d(each) for each in values]
    raise InputError(
        f"its element '{element.name}' has none of {', '.join(names)}; export a surface"
    )


def _vertex_uvs(vertex: PlyElement, is_from_top: bool) -> np.ndarray | None:
    """Return the texture coordinates (V, 2) of vertices; None without any."""
    for u, v in UV_NAMES:
        if {u, v} <= _names(vertex):
            uvs = np.column_stack([vertex[u], vertex[v]]).astype(np.float64)
            return uvs if is_from_top else from_top(uvs)
    return None


def _corner_uvs(lists: np.ndarray | list[np.ndarray], corners: int) -> np.ndarray | None:
    """Return texture coordinates stored by face (u and v of each corner in turn), or None."""
    values = np.concatenate([*lists, []]).astype(np.float64)
    return from_top(values.reshape(-1, 2)) if len(values) == 2 * corners else None
