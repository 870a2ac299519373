"""Read and write mesh files."""

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
from scenes.base.errors import InputError, reading
from scenes.geometry.orientation import turned_outward
from scenes.geometry.topology import hard_edges
from scenes.meshes.cleaning import joined_corners, once, placed, with_area
from scenes.meshes.formats.gltf import read_gltf
from scenes.meshes.formats.gltf_document import GLB_MAGIC
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
# First bytes that identify a file, whatever its suffix.
BEGINNINGS = {b"ply\n": ".ply", b"ply\r": ".ply", GLB_MAGIC: ".glb"}


@dataclass(frozen=True, eq=False)
class MeshReading:
    """A mesh that was read from a file; as text, a summary in one line.

    Parameters
    ----------
    mesh : Mesh
        The mesh that is rendered.
    polygons
        Number of polygons in the file.
    extents : (3,) float64
        Lengths along x, y and z in the units of the file.
    hard_edges
        Number of edges at which two faces meet at an angle of more than 60°.
    border_edges, crowded_edges
        Number of edges that belong to one face, and to more than two. Both are 0 for a closed
        surface.
    changes
        Changes that were made, such as ``"320 faces turned outward"``.
    left_out
        Contents of the file that a mesh cannot store, such as ``"vertex colours"``.
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
        """Whether every edge belongs to exactly two faces."""
        return self.border_edges == 0 and self.crowded_edges == 0

    def __str__(self) -> str:
        sizes = " × ".join(f"{length:.6g}" for length in self.extents)
        parts = [
            f"{len(self.mesh.vertices)} vertices, {len(self.mesh.faces)} triangles"
            + (f" (of {self.polygons} polygons)" if self.polygons != len(self.mesh.faces) else ""),
            f"extents {sizes}",
            self._topology(),
            f"{_many(self.hard_edges, 'hard edge')} (round or black with normals: smooth; use "
            "normals: flat)"
            if self.hard_edges
            else "",
            "texture coordinates" if self.mesh.uvs is not None else "no texture coordinates",
            f"changed: {'; '.join(self.changes)}" if self.changes else "nothing changed",
            f"left out: {'; '.join(self.left_out)}" if self.left_out else "",
        ]
        return ", ".join(filter(None, parts))

    def _topology(self) -> str:
        """Return in words whether the surface is closed."""
        if self.is_closed:
            return "closed, faces outward"
        parts = []
        if self.border_edges:
            parts.append(f"{self.border_edges} edges of one face")
        if self.crowded_edges:
            parts.append(f"{self.crowded_edges} edges of more than two")
        return f"not closed ({', '.join(parts)}; faces are black from behind)"


def read_mesh_file(path: Path, *, fit: bool) -> MeshReading:
    """Read a mesh file, and report the changes that were made.

    Polygons are divided into triangles. Vertices at the same position are joined (where
    texture coordinates differ, one vertex is kept for each). Vertices without a face, faces without
    three different positions and repeated faces are left out. Faces are turned to face outward.

    Parameters
    ----------
    path
        OBJ, PLY, STL, OFF, GLB or glTF 2.0 file. All objects of a file are joined.
    fit
        True: moved and scaled, in double precision, so that the smallest bounding sphere is the
        unit sphere. False: in the units of the file.

    Returns
    -------
    MeshReading
        It holds the mesh. Texture coordinates, if every corner has some, count v from the top.

    Raises
    ------
    InputError
        The file is missing, damaged or of another kind; it holds no surface, numbers that are not
        finite, or a part without two sides; or, with `fit` False, it is so far from the origin
        that 32-bit positions would distort it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such mesh file; check the path")
    with reading(path):
        if path.suffix.lower() == ".gltf":  # not cached: files of its buffers may change
            return _read(path, fit)
        state = path.stat()
        return _read_cached(path.absolute(), state.st_mtime_ns, state.st_size, fit)


@lru_cache(maxsize=4)
def _read_cached(path: Path, _changed: int, _size: int, fit: bool) -> MeshReading:
    """Read a file that did not change once: commands check files, then load them."""
    return _read(path, fit)


def _read(path: Path, fit: bool) -> MeshReading:
    """Read a file with the reader of its kind."""
    polygons = checked(read_polygons(path))
    triangles, changes = triangulated(polygons)
    triangles, used, flat = with_area(polygons, triangles)
    extents = np.ptp(polygons.vertices[used], axis=0)
    vertices = placed(polygons.vertices, used, fit).astype(np.float32)
    triangles, flattened, repeated = once(vertices, polygons, triangles)
    vertices, faces, uvs, joined = joined_corners(vertices, polygons, triangles)
    turned = turned_outward(vertices.astype(np.float64), faces)
    total = len(polygons.vertices)
    flat, unused, unclear = flat + flattened, total - len(used), turned.without_outside
    notes = {
        f"{_many(flat, 'face')} without an area left out": flat,
        f"{_many(repeated, 'repeated face')} left out": repeated,
        f"{joined} of {total} vertices joined with others at their place": joined,
        f"{unused} of {total} vertices without a face left out": unused,
        f"{turned.count} of {len(faces)} faces turned outward": turned.count,
        f"{_many(unclear, 'face')} not turned: an open sheet, or hidden": unclear,
    }
    changes += [note for note, count in notes.items() if count]
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


def read_polygons(path: Path) -> Polygons:
    """Return the polygons of a file in the units of the file, before they are checked."""
    data = path.read_bytes()
    kind = BEGINNINGS.get(data[:4], path.suffix.lower())
    if kind not in READERS:
        known = ", ".join(READERS)
        raise InputError(f"'{path.suffix}' is no kind of mesh that is read; use {known}")
    if not data:
        raise InputError("is empty; export it again")
    return READERS[kind](data, path)


def _many(count: int, what: str) -> str:
    """Return a count with its noun: 1 face, 2 faces."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def write_mesh(mesh: Mesh, path: Path) -> None:
    """Write a mesh as binary PLY; `read_stored_mesh` returns exactly the same numbers."""
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    if mesh.uvs is not None:
        solid.vertex_attributes.update(s=mesh.uvs[:, 0], t=mesh.uvs[:, 1])
    content = export_ply(solid, encoding="binary", vertex_normal=False)
    if mesh.uvs is not None:
        # Storing 1 − v would lose the last bits, so a comment states that v counts from the top.
        comment = f"comment {FROM_TOP}\nend_header".encode()
        content = content.replace(b"end_header", comment, 1)
    with whole_file(path) as beside:
        beside.write_bytes(content)


def read_stored_mesh(path: Path) -> Mesh:
    """Read a mesh that `write_mesh` wrote, or one of the suite, without any change."""
    path = Path(path)
    with reading(path):
        polygons = checked(read_ply(path))
        if (polygons.sizes != 3).any():
            raise InputError("holds polygons; a stored mesh has only triangles")
        uvs = None
        if polygons.uvs is not None:
            vertex = PlyData.read(str(path))["vertex"]
            uvs = np.column_stack([vertex["s"], vertex["t"]])
        vertices = polygons.vertices.astype(np.float32)
        return Mesh(vertices, polygons.corners.reshape(-1, 3).astype(np.int32), uvs)
