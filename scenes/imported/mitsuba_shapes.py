"""Shapes of Mitsuba's scene files, as polygons in world coordinates."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from scenes.base.errors import InputError, about
from scenes.base.inside_folder import inside
from scenes.geometry.topology import edges_of, hard_edges, place_of
from scenes.imported.draft import check_invertible
from scenes.imported.mitsuba_xml import Plugin
from scenes.imported.report import Report
from scenes.meshes.files import read_polygons
from scenes.meshes.formats.ply import FROM_TOP
from scenes.meshes.formats.polygons import Polygons, checked, from_top, triangulated

Floats = NDArray[np.float64]

FILES = ("obj", "ply")
DISC_SIDES = 128
SPHERE_LEVEL = 5  # subdivisions of an icosahedron: 20,480 faces
ROWS, COLUMNS = 96, 192  # of a sphere with texture coordinates


def polygons_of(plugin: Plugin, path: Path) -> Polygons:
    """Return the polygons of a shape in a scene file at `path`."""
    polygons = _of_file(plugin, path) if plugin.plugin in FILES else BASIC[plugin.plugin](plugin)
    matrix = plugin.transform()
    check_invertible(matrix, str(plugin))
    vertices = polygons.vertices @ matrix[:3, :3].T + matrix[:3, 3]
    mirrored = np.linalg.det(matrix[:3, :3]) < 0
    polygons = replace(polygons, vertices=vertices)
    flipped = plugin.flag("flip_normals", False)
    return _reversed(polygons) if mirrored != flipped else polygons


def is_flat(plugin: Plugin, polygons: Polygons, path: Path, name: str, report: Report) -> bool:
    """Return whether a shape has one normal for each face.

    A file may store normals; a scene has either smooth or flat ones. They are flat if most of the
    edges are hard.
    """
    if plugin.plugin in ("cube", "rectangle", "disk"):
        return True
    if plugin.flag("face_normals", False):
        return True
    if plugin.plugin not in FILES or not _stores_normals(plugin, path):
        return False
    vertices = polygons.vertices
    if plugin.plugin == "ply" and (place_of(vertices) == np.arange(len(vertices))).all():
        return False  # one normal at each position
    triangles, _ = triangulated(checked(polygons))
    faces = polygons.corners[triangles]
    edges = edges_of(vertices, faces)
    hard = hard_edges(vertices, faces, edges)
    bent = hard_edges(vertices, faces, edges, angle=1)
    flat = hard > bent / 2
    if hard and not flat:
        report.lost(f"normals of '{name}': some of its edges are hard; all are smooth")
    return flat


def _of_file(plugin: Plugin, path: Path) -> Polygons:
    """Return the polygons of an OBJ or PLY file."""
    file = inside(path.parent, plugin.text("filename"), path)
    if not file.is_file():
        raise InputError(f"{file}: no such mesh file; {plugin} needs it")
    with about(str(file)):
        polygons = checked(read_polygons(file))
    # The suite counts v from the top of a texture; Mitsuba uses that of OBJ files reversed, and
    # that of PLY files unchanged.
    stored_from_top = plugin.plugin == "ply" and FROM_TOP.encode() in file.read_bytes()[:4096]
    reversed_by_us = not stored_from_top
    reversed_by_mitsuba = plugin.flag("flip_tex_coords", plugin.plugin == "obj")
    if polygons.uvs is not None and reversed_by_us != reversed_by_mitsuba:
        polygons = replace(polygons, uvs=from_top(polygons.uvs))
    return polygons


def _stores_normals(plugin: Plugin, path: Path) -> bool:
    """Return whether the file of a shape stores normals."""
    data = inside(path.parent, plugin.text("filename"), path).read_bytes()
    pattern = rb"^vn\s" if plugin.plugin == "obj" else rb"^property\s+\w+\s+nx\s"
    return re.search(pattern, data, re.MULTILINE) is not None


def _reversed(polygons: Polygons) -> Polygons:
    """Return polygons whose corners have the opposite order."""
    owner = polygons.owner
    order = np.lexsort((-np.arange(len(owner)), owner))
    uvs = None if polygons.uvs is None else polygons.uvs[order]
    return replace(polygons, corners=polygons.corners[order], uvs=uvs)


def _of_faces(vertices: Floats, faces: NDArray[np.integer], uvs: Floats | None) -> Polygons:
    """Return polygons of faces (F, n) with texture coordinates (V, 2), v from the top."""
    corners = np.asarray(faces, np.int64).reshape(-1)
    sizes = np.full(len(faces), faces.shape[1], np.int64)
    return Polygons(
        np.asarray(vertices, np.float64), corners, sizes, None if uvs is None else uvs[corners]
    )


def _rectangle(_: Plugin) -> Polygons:
    """Return a square from −1 to 1 that faces +z."""
    corners = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    # Mitsuba shows the first row of a texture at y = −1.
    return _of_faces(corners, np.array([[0, 1, 2, 3]]), corners[:, :2] / 2 + 0.5)


def _cube(_: Plugin) -> Polygons:
    """Return a cube from −1 to 1; each face shows the whole texture."""
    faces = [
        [(1, -1, -1), (1, -1, 1), (-1, -1, 1), (-1, -1, -1)],
        [(1, 1, -1), (-1, 1, -1), (-1, 1, 1), (1, 1, 1)],
        [(1, -1, -1), (1, 1, -1), (1, 1, 1), (1, -1, 1)],
        [(1, -1, 1), (1, 1, 1), (-1, 1, 1), (-1, -1, 1)],
        [(-1, -1, 1), (-1, 1, 1), (-1, 1, -1), (-1, -1, -1)],
        [(1, 1, -1), (1, -1, -1), (-1, -1, -1), (-1, 1, -1)],
    ]
    uvs = np.tile([[0.0, 1.0], [1, 1], [1, 0], [0, 0]], (6, 1))
    return _of_faces(np.array(faces).reshape(-1, 3), np.arange(24).reshape(6, 4), uvs)


def _disk(_: Plugin) -> Polygons:
    """Return a disc of radius 1 that faces +z; u is the radius, v the angle."""
    turns = np.arange(DISC_SIDES + 1) / DISC_SIDES
    rim = np.column_stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns), 0 * turns])
    centres = np.zeros((DISC_SIDES, 3))
    first = np.arange(DISC_SIDES)
    faces = np.column_stack([len(rim) + first, first, first + 1])
    middle = np.column_stack([np.zeros(DISC_SIDES), (turns[:-1] + turns[1:]) / 2])
    uvs = np.vstack([np.column_stack([np.ones(len(rim)), turns]), middle])
    return _of_faces(np.vstack([rim, centres]), faces, uvs)


def _sphere(plugin: Plugin) -> Polygons:
    """Return a sphere; with texture coordinates if its material has a texture."""
    centre, radius = plugin.vector("center", (0.0, 0.0, 0.0)), plugin.number("radius", 1.0)
    if radius <= 0:
        raise InputError(f"{plugin}: radius: {radius:g} is out of range; allowed: above 0")
    if not any(bsdf.has_textures() for _, bsdf in plugin.nested("bsdf")):
        ball = trimesh.creation.icosphere(subdivisions=SPHERE_LEVEL)
        return _of_faces(np.asarray(ball.vertices) * radius + centre, ball.faces, None)
    u, v = np.meshgrid(np.linspace(0, 1, COLUMNS + 1), np.linspace(0, 1, ROWS + 1))
    phi, theta = 2 * np.pi * np.where(u == 1, 0, u), np.pi * v
    across = np.where((v == 0) | (v == 1), 0, np.sin(theta))
    points = np.stack([across * np.cos(phi), across * np.sin(phi), np.cos(theta)], axis=-1)
    index = np.arange(u.size).reshape(u.shape)
    corners = (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:])
    faces = np.stack(corners, axis=-1).reshape(-1, 4)
    uvs = np.column_stack([u.ravel(), v.ravel()])
    return _of_faces(points.reshape(-1, 3) * radius + centre, faces, uvs)


BASIC: dict[str, Callable[[Plugin], Polygons]] = {
    "rectangle": _rectangle,
    "cube": _cube,
    "disk": _disk,
    "sphere": _sphere,
}
SHAPES = (*FILES, *BASIC)
