"""Meshes from files and back."""

from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.exchange.ply import export_ply

from scenes.arrays import Mesh
from scenes.atomic import whole_file
from scenes.errors import InputError

# Written into our own PLY files with texture coordinates.
FROM_TOP = b"comment texture coordinate t counts from the top"


def read_mesh(path: Path) -> Mesh:
    """Read a triangle mesh.

    Parameters
    ----------
    path
        PLY, OBJ, GLB, STL or another format that trimesh reads. Several objects in one file are
        joined; polygons are triangulated.

    Returns
    -------
    Mesh
        As stored, not fitted. Vertices at one place are joined where a file (STL) repeats them
        for every triangle. Texture coordinates, where there are some, count v from the top.

    Raises
    ------
    InputError
        When the file is missing, cannot be read, or holds no surface, numbers that are not
        finite, or vertices that are all zero.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such mesh file; check the path")
    header = _ply_header(path)
    try:
        # Only PLY files that store texture coordinates by face need vertices split; otherwise
        # the order of vertices is kept.
        loaded = trimesh.load_mesh(path, process=False, fix_texture=b"texcoord" in header)
        if path.suffix.lower() in (".stl", ".stl_ascii"):
            loaded.merge_vertices()
    # trimesh's readers raise whatever goes wrong inside them.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise InputError(f"{path}: cannot be read as a mesh: {reason}") from error
    if not isinstance(loaded, trimesh.Trimesh) or len(loaded.faces) == 0:
        raise InputError(f"{path}: holds no triangles; export a surface")
    try:
        return Mesh(loaded.vertices, loaded.faces, _uvs(loaded, FROM_TOP in header))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def write_mesh(mesh: Mesh, path: Path) -> None:
    """Write a mesh as binary PLY; `read_mesh` gives back the same numbers.

    Parameters
    ----------
    mesh
        What to write.
    path
        A ``.ply`` file; replaced in one step.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    if mesh.uvs is not None:
        solid.vertex_attributes.update(s=mesh.uvs[:, 0], t=mesh.uvs[:, 1])
    content = export_ply(solid, encoding="binary", vertex_normal=False)
    if mesh.uvs is not None:
        # Turning v round would lose its last bits, so the file says which way it counts.
        content = content.replace(b"end_header", FROM_TOP + b"\nend_header", 1)
    with whole_file(path) as beside:
        beside.write_bytes(content)


def _ply_header(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(4096)
    return start.partition(b"end_header")[0] if start.startswith(b"ply") else b""


def _uvs(loaded: trimesh.Trimesh, from_top: bool) -> NDArray[np.float32] | None:
    uv = getattr(loaded.visual, "uv", None)
    if uv is None or np.shape(uv) != (len(loaded.vertices), 2):
        return None
    if from_top:
        # As stored: trimesh's own array leaves out vertices that no face uses.
        stored = loaded.metadata["_ply_raw"]["vertex"]["data"]
        return np.column_stack([stored["s"], stored["t"]])
    # Elsewhere, as in trimesh, v counts from the bottom.
    return np.column_stack([uv[:, 0], 1 - uv[:, 1]]).astype(np.float32)
