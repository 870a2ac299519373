"""Meshes from files and back: the one place that turns a mesh file into a `Mesh`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from plyfile import PlyData
from trimesh.exchange.ply import export_ply

from scenes.arrays import Mesh
from scenes.atomic import whole_file
from scenes.errors import InputError
from scenes.mesh_formats.gltf import GLB_MAGIC, read_gltf
from scenes.mesh_formats.obj import read_obj
from scenes.mesh_formats.off import read_off
from scenes.mesh_formats.ply import FROM_TOP, read_ply
from scenes.mesh_formats.polygons import Polygons, checked, triangulated
from scenes.mesh_formats.stl import read_stl
from scenes.orientation import Turned, turned_outward
from scenes.smallest_sphere import smallest_sphere
from scenes.topology import place_of

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

# Positions are kept in 32 bits; rounding moves no vertex by more than this share of the size.
LARGEST_ROUNDING = 1e-5
LARGEST = 1e30  # span of a mesh in the units of its file, and its inverse the smallest


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
            "texture coordinates" if self.mesh.uvs is not None else "no texture coordinates",
            f"changed: {'; '.join(self.changes)}" if self.changes else "nothing changed",
        ]
        if self.left_out:
            parts.append(f"left out: {'; '.join(self.left_out)}")
        return ", ".join(parts)

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
        return _reading(_polygons(path), fit)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


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
    used = np.unique(polygons.corners[triangles])
    extents = np.ptp(polygons.vertices[used], axis=0)
    vertices = _placed(polygons.vertices, used, fit).astype(np.float32)
    triangles, dropped = _with_area(vertices, polygons, triangles)
    vertices, faces, uvs, merged = _joined_corners(vertices, polygons, triangles)
    turned = turned_outward(vertices.astype(np.float64), faces)
    changes += [*dropped, *merged, *_unused(polygons, used), *_remarks(turned)]
    return MeshReading(
        Mesh(vertices, turned.faces.astype(np.int32), uvs),
        len(polygons.sizes),
        extents,
        turned.edges.of_one,
        turned.edges.of_more,
        tuple(changes),
        polygons.left_out,
    )


def _placed(
    vertices: NDArray[np.float64], used: NDArray[np.int64], fit: bool
) -> NDArray[np.float64]:
    """Vertices in scene units, in double precision.

    Raises
    ------
    InputError
        They would be distorted when rounded to 32 bits.
    """
    if not vertices[used].any():
        raise InputError(
            f"all {len(used)} vertices are zero (a compressed file that was not decoded looks "
            "like this); export the mesh without compression"
        )
    farthest = float(np.abs(vertices[used]).max())
    size = float(np.ptp(vertices[used], axis=0).max()) if farthest < LARGEST else np.inf
    if size == 0:
        raise InputError("all vertices lie at one place; export a surface")
    if not 1 / LARGEST < size < LARGEST:
        raise InputError(
            f"its vertices lie up to {farthest:.3g} from the origin and span {size:.3g}; allowed: "
            f"{1 / LARGEST:g} to {LARGEST:g}: export it in another unit"
        )
    if fit:
        centre, radius = smallest_sphere(vertices[used])
        return (vertices - centre) / radius
    if np.spacing(np.float32(farthest)) / 2 > LARGEST_ROUNDING * size:
        raise InputError(
            f"its vertices lie up to {farthest:.6g} from the origin and span {size:.6g}, which "
            "32-bit positions cannot hold; set fit: true, or move the mesh to the origin"
        )
    return vertices


def _with_area(
    vertices: NDArray[np.float32], polygons: Polygons, triangles: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[str]]:
    """Triangles with three different places, each once."""
    place = place_of(vertices)
    corners = place[polygons.corners[triangles]]
    a, b, c = corners.T
    whole = (a != b) & (b != c) & (a != c)
    notes = []
    if lost := int(np.count_nonzero(~whole)):
        notes.append(f"{_many(lost, 'face')} without an area left out")
    triangles, corners = triangles[whole], corners[whole]
    # The same three places in the same turn: the smallest first.
    first = corners.argmin(axis=1)
    rolled = np.take_along_axis(corners, (first[:, None] + np.arange(3)) % 3, axis=1)
    _, once = np.unique(rolled, axis=0, return_index=True)
    if repeated := len(triangles) - len(once):
        notes.append(f"{_many(repeated, 'repeated face')} left out")
    if not len(once):
        raise InputError("all faces have no area; export a surface")
    return triangles[np.sort(once)], notes


def _joined_corners(
    vertices: NDArray[np.float32], polygons: Polygons, triangles: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32] | None, list[str]]:
    """Vertices, faces and texture coordinates with one vertex for each place (and coordinates)."""
    place = place_of(vertices)
    corners = triangles.reshape(-1)
    of_vertex = polygons.corners[corners]
    keys = [place[of_vertex]]
    uvs = None
    if polygons.uvs is not None:
        uvs = polygons.uvs[corners].astype(np.float32)
        _, pair = np.unique(uvs, axis=0, return_inverse=True)
        keys.append(pair.reshape(-1))
    # In the order of the file's vertices, so that a clean file keeps its own.
    table = np.column_stack([*keys])
    _, first, key = np.unique(table, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(of_vertex[first] if uvs is None else first, kind="stable")
    if uvs is not None:
        order = np.lexsort((first, of_vertex[first]))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    faces = number[key.reshape(-1)].reshape(-1, 3)
    kept = first[order]
    fewer = len(np.unique(of_vertex)) - len(np.unique(place[of_vertex]))
    joined = uvs is None and fewer > 0
    notes = [f"{fewer} of {len(polygons.vertices)} vertices joined with others at their place"]
    return vertices[of_vertex[kept]], faces, None if uvs is None else uvs[kept], notes * joined


def _unused(polygons: Polygons, used: NDArray[np.int64]) -> list[str]:
    """Say how many vertices have no face."""
    lost = len(polygons.vertices) - len(used)
    total = len(polygons.vertices)
    return [f"{lost} of {total} vertices without a face left out"] if lost else []


def _many(count: int, what: str) -> str:
    """Count things in words: 1 face, 2 faces."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _remarks(turned: Turned) -> list[str]:
    """Say which faces were turned, and which have no outside."""
    notes = []
    if turned.count:
        notes.append(f"{turned.count} of {len(turned.faces)} faces turned outward")
    if turned.without_outside:
        notes.append(
            f"{_many(turned.without_outside, 'face')} kept as stored: an open sheet has no outside"
        )
    return notes


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
