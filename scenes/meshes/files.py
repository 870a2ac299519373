"""Meshes from files and back: the one place that turns a mesh file into a `Mesh`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from plyfile import PlyData
from trimesh.exchange.ply import export_ply

from scenes.arrays import Mesh
from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError
from scenes.geometry.orientation import turned_outward
from scenes.geometry.topology import hard_edges
from scenes.meshes.cleaning import joined_corners, once, placed, with_area
from scenes.meshes.formats.gltf import GLB_MAGIC, read_gltf
from scenes.meshes.formats.obj import read_obj
from scenes.meshes.formats.off import read_off
from scenes.meshes.formats.ply import FROM_TOP, read_ply
from scenes.meshes.formats.polygons import Polygons, checked, triangulated
from scenes.meshes.formats.stl import read_stl

READERS: dict[str, Callable[[bytes, Path], Polygons]] = {
    ".obj": lambda data, _: read_obj(data),
    ".ply": lambda _, path: read_ply(path),
    ".stl": lambda data, _: read_stl(data),
    ".off": lambda data, _: read_off(data),
    ".glb": lambda data, path: read_gltf(data, path.parent),
    ".gltf": lambda data, path: read_gltf(data, path.parent),
}
# What a file of another name begins with, where it is one of these after all.
BEGINNINGS = {b"ply\n": ".ply", b"ply\r": ".ply", GLB_MAGIC: ".glb"}


@dataclass(frozen=True, eq=False)
class MeshReading:
    """What a mesh file held, and the mesh made of it.

    Parameters
    ----------
    mesh : Mesh
        The mesh that is rendered.
    polygons
        Number of polygons in the file.
    extents : (3,) float64
        Lengths along x, y and z in the units of the file.
    hard_edges
        Number of edges at which two faces turn by more than 60°.
    border_edges, crowded_edges
        Number of edges of one face, and of more than two. Both are 0 for a closed surface.
    changes
        What was changed, such as ``"320 faces turned outward"``.
    left_out
        What the file holds beside the surface and a mesh does not keep.
    """

    mesh: Mesh
    polygons: int
    extents: NDArray[np.float64]
    hard_edges: int
    border_edges: int
    crowded_edges: int
    changes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def is_closed(self) -> bool:
        """True where every edge belongs to exactly two faces."""
        return self.border_edges == 0 and self.crowded_edges == 0

    def __str__(self) -> str:
        sizes = " × ".join(f"{length:.6g}" for length in self.extents)
        parts = [
            f"{len(self.mesh.vertices)} vertices, {len(self.mesh.faces)} triangles"
            + (f" (of {self.polygons} polygons)" if self.polygons != len(self.mesh.faces) else ""),
            f"extents {sizes}",
            self._topology(),
            *([self._hard()] if self.hard_edges else []),
            "texture coordinates" if self.mesh.uvs is not None else "no texture coordinates",
            f"changed: {'; '.join(self.changes)}" if self.changes else "nothing changed",
        ]
        if self.left_out:
            parts.append(f"left out: {'; '.join(self.left_out)}")
        return ", ".join(parts)

    def _hard(self) -> str:
        many = _many(self.hard_edges, "hard edge")
        return f"{many} (round or black with normals: smooth; use normals: flat)"

    def _topology(self) -> str:
        if self.is_closed:
            return "closed, faces outward"
        parts = []
        if self.border_edges:
            parts.append(f"{self.border_edges} edges of one face")
        if self.crowded_edges:
            parts.append(f"{self.crowded_edges} edges of more than two")
        return f"not closed ({', '.join(parts)}; faces are black from behind)"


def read_mesh(path: Path) -> Mesh:
    """Read a mesh file, in the units of the file: `read_mesh_file` without its remarks."""
    return read_mesh_file(path, fit=False).mesh


def read_mesh_file(path: Path, *, fit: bool) -> MeshReading:
    """Read a mesh file, and say what was changed.

    Polygons become triangles that keep every edge. Vertices at one place become one (two, where
    texture coordinates differ); vertices without a face, faces without three places and repeated
    faces are left out. Faces are turned so that they show the outside.

    Parameters
    ----------
    path
        OBJ, PLY, STL, OFF, GLB or glTF 2.0. All objects of a file are joined.
    fit
        True: moved and scaled, in double precision, so that the smallest bounding sphere is the
        unit sphere. False: in the units of the file.

    Returns
    -------
    MeshReading
        With the mesh; texture coordinates, where every corner has some, count v from the top.

    Raises
    ------
    InputError
        The file is missing, damaged or of another kind; holds no surface, numbers that are not
        finite, or a part without two sides; or, with `fit` False, lies so far from the origin
        that 32-bit positions would distort it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such mesh file; check the path")
    try:
        if path.suffix.lower() == ".gltf":  # its buffers may change beside it
            return _reading(_polygons(path), fit)
        state = path.stat()
        return _remembered(path.absolute(), state.st_mtime_ns, state.st_size, fit)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


@lru_cache(maxsize=4)
def _remembered(path: Path, _changed: int, _size: int, fit: bool) -> MeshReading:
    """Read a file that was not read before in this state: commands check files, then load them."""
    return _reading(_polygons(path), fit)


def _polygons(path: Path) -> Polygons:
    """Read a file by the reader of its kind: by how it begins, else by its suffix."""
    data = path.read_bytes()
    kind = BEGINNINGS.get(data[:4], path.suffix.lower())
    if kind not in READERS:
        known = ", ".join(READERS)
        raise InputError(f"'{path.suffix}' is no kind of mesh that is read; use {known}")
    if not data:
        raise InputError("is empty; export it again")
    return checked(READERS[kind](data, path))


def _reading(polygons: Polygons, fit: bool) -> MeshReading:
    """Turn polygons into a mesh."""
    triangles, changes = triangulated(polygons)
    triangles, used, flat = with_area(polygons, triangles)
    extents = np.ptp(polygons.vertices[used], axis=0)
    vertices = placed(polygons.vertices, used, fit).astype(np.float32)
    triangles, flattened, repeated = once(vertices, polygons, triangles)
    vertices, faces, uvs, joined = joined_corners(vertices, polygons, triangles)
    turned = turned_outward(vertices.astype(np.float64), faces)
    total = len(polygons.vertices)
    changes += [
        note
        for count, note in (
            (flat + flattened, f"{_many(flat + flattened, 'face')} without an area left out"),
            (repeated, f"{_many(repeated, 'repeated face')} left out"),
            (joined, f"{joined} of {total} vertices joined with others at their place"),
            (total - len(used), f"{total - len(used)} of {total} vertices without a face left out"),
            (turned.count, f"{turned.count} of {len(faces)} faces turned outward"),
            (
                turned.without_outside,
                f"{_many(turned.without_outside, 'face')} not turned: an open sheet, or hidden",
            ),
        )
        if count
    ]
    return MeshReading(
        Mesh(vertices, turned.faces.astype(np.int32), uvs),
        len(polygons.sizes),
        extents,
        hard_edges(vertices, turned.faces, turned.edges),
        turned.edges.of_one,
        turned.edges.of_more,
        tuple(changes),
        polygons.left_out,
    )


def _many(count: int, what: str) -> str:
    """Count things in words: 1 face, 2 faces."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def write_mesh(mesh: Mesh, path: Path) -> None:
    """Write a mesh as binary PLY; `read_stored_mesh` gives back the same numbers.

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
        comment = f"comment {FROM_TOP}\nend_header".encode()
        content = content.replace(b"end_header", comment, 1)
    with whole_file(path) as beside:
        beside.write_bytes(content)


def read_stored_mesh(path: Path) -> Mesh:
    """Read a mesh that `write_mesh` wrote, or an asset of the suite: every number as it is.

    Raises
    ------
    InputError
        The file is missing or damaged.
    """
    path = Path(path)
    try:
        polygons = checked(read_ply(path))
        if (polygons.sizes != 3).any():
            raise InputError("holds polygons; a stored mesh has triangles alone")
        uvs = _stored_uvs(path) if polygons.uvs is not None else None
        vertices = polygons.vertices.astype(np.float32)
        return Mesh(vertices, polygons.corners.reshape(-1, 3).astype(np.int32), uvs)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _stored_uvs(path: Path) -> NDArray[np.float32]:
    vertex = PlyData.read(str(path))["vertex"]
    return np.column_stack([vertex["s"], vertex["t"]])
