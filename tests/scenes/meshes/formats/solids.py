"""Random closed solids, and their area and volume worked out from their polygons."""

import numpy as np
import trimesh
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.scenes.meshes.formats.writers import Solid


def area_and_volume(solid: Solid) -> tuple[float, float]:
    """By Newell's formula and the divergence theorem: no polygon is cut into triangles."""
    vertices, polygons = solid
    centre = vertices.mean(axis=0)
    area = volume = 0.0
    for face in polygons:
        points = vertices[face] - centre
        normal = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0) / 2
        area += float(np.linalg.norm(normal))
        volume += float(points[0] @ normal) / 3
    return area, volume


def mesh_area_and_volume(mesh) -> tuple[float, float]:
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    corners = corners - corners.reshape(-1, 3).mean(axis=0)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    volume = np.einsum("fd,fd->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    return float(np.linalg.norm(across, axis=1).sum() / 2), float(volume)


def prism(outline: np.ndarray, height: float) -> Solid:
    """Walls of quads over a floor and a lid of one polygon each."""
    count = len(outline)
    flat = [np.column_stack([outline, np.full(count, z)]) for z in (height / 2, -height / 2)]
    polygons = [list(range(count)), list(range(2 * count - 1, count - 1, -1))]
    for k in range(count):
        after = (k + 1) % count
        polygons.append([k, k + count, after + count, after])
    return np.concatenate(flat), polygons


def both(first: Solid, second: Solid) -> Solid:
    shifted = [[v + len(first[0]) for v in face] for face in second[1]]
    return np.concatenate([first[0], second[0]]), first[1] + shifted


@st.composite
def solids(draw, *, flat: bool) -> Solid:
    """A bumpy ball, a prism (`flat`: a star-shaped one, of concave polygons), or both."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sphere = trimesh.creation.icosphere(subdivisions=draw(st.integers(0, 1)))
    radii = rng.uniform(0.6, 1.4, (len(sphere.vertices), 1))
    ball = (sphere.vertices * radii, sphere.faces.tolist())
    kind = draw(st.sampled_from(("ball", "prism", "both")))
    if flat:
        count = draw(st.integers(4, 12))
        angles = 2 * np.pi * np.arange(count) / count
        reach = rng.uniform(0.3, 1, count)
        outline = np.column_stack([np.cos(angles), np.sin(angles)]) * reach[:, None]
    else:
        outline = np.array([(1, 0), (0, 1), (-0.7, 0), (0, -0.6)]) * rng.uniform(0.5, 1)
    column = prism(outline, rng.uniform(0.2, 1))
    solid = {"ball": ball, "prism": column, "both": both(ball, (column[0] + (4, 0, 0), column[1]))}[
        kind
    ]
    size = 10.0 ** draw(st.integers(-3, 3))
    turn = Rotation.from_rotvec(rng.normal(size=3)).as_matrix()
    return size * (solid[0] @ turn.T + rng.uniform(-5, 5, 3)), solid[1]
