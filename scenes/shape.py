"""Shapes of the object: a sphere, a blob or a mesh; and their triangles."""

from typing import Annotated, Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from pydantic import Field, Tag
from scipy.special import sph_harm_y

from scenes.arrays import Mesh
from scenes.base.errors import InputError
from scenes.base.frozen import Frozen, between, by_type
from scenes.geometry.areas import face_areas
from scenes.geometry.normals import vertex_normals
from scenes.geometry.smallest_sphere import smallest_sphere

Subdivisions = Annotated[int, between(0, 7)]
Normals = Literal["smooth", "flat"]


class Sphere(Frozen):
    """A sphere: a subdivided icosahedron.

    Parameters
    ----------
    subdivisions
        0 to 7; n subdivisions give 10·4ⁿ + 2 vertices (4: 2562) and 20·4ⁿ faces.
    radius
        In scene units, above 0 up to 1000.
    normals
        Shading normals: ``"smooth"`` interpolates vertex normals, ``"flat"`` has one per face.
    """

    kind: Literal["sphere"] = "sphere"
    subdivisions: Subdivisions = 4
    radius: Annotated[float, between(0, 1000, above_low=True)] = 1.0
    normals: Normals = "smooth"


class Blob(Frozen):
    """A smooth random object, fitted to the unit bounding sphere.

    In every direction from its centre, its radius is exp(amplitude × f). f is a random sum of real
    spherical harmonics of degrees l = 1 to `degree`, with Gaussian coefficients that decrease as
    1/l, scaled to variance 1 over the sphere. Blobs with equal `subdivisions` share their faces.

    Parameters
    ----------
    seed
        0 to 2⁶³ − 1; each seed gives another blob.
    amplitude
        0 (a sphere) to 2.
    degree
        Highest degree, 1 to 32: a higher degree gives finer bumps.
    subdivisions
        As for a sphere, 0 to 7.
    normals
        As for a sphere.
    """

    kind: Literal["blob"] = "blob"
    seed: Annotated[int, between(0, 2**63 - 1)]
    amplitude: Annotated[float, between(0, 2)] = 0.25
    degree: Annotated[int, between(1, 32)] = 6
    subdivisions: Subdivisions = 4
    normals: Normals = "smooth"


class MeshShape(Frozen):
    """A mesh.

    Parameters
    ----------
    surface
        Name of a library mesh (``bunny``, ``suzanne``, ``spot``), a file (OBJ, PLY, STL, OFF, GLB
        or glTF), or a `Mesh`.
    fit
        True: the mesh is moved and scaled to the unit bounding sphere about the origin when it is
        loaded (`fit` is then False). False: the mesh is used unchanged, in scene units.
    normals
        As for a sphere.
    """

    kind: Literal["mesh"] = "mesh"
    surface: Annotated[
        Annotated[str, Tag("file")] | Annotated[Mesh, Tag("mesh")],
        by_type("use the name of a library mesh, or a file", mesh=Mesh, file=str),
    ]
    fit: bool = True
    normals: Normals = "smooth"


Shape = Annotated[Sphere | Blob | MeshShape, Field(discriminator="kind")]


def geometry(shape: Shape) -> Mesh:
    """Return the triangles of a shape, before the pose; a mesh must be loaded."""
    match shape:
        case Sphere():
            unit = _icosphere(shape.subdivisions)
            return Mesh(unit.vertices * shape.radius, unit.faces)
        case Blob():
            return _blob(shape)
        case MeshShape(surface=Mesh() as mesh):
            return fitted(mesh) if shape.fit else mesh
        case MeshShape():
            raise InputError(f"the mesh '{shape.surface}' is not loaded; call Scene.loaded()")


def fitted(mesh: Mesh) -> Mesh:
    """Return a mesh moved and scaled so that its smallest bounding sphere is the unit sphere."""
    centre, radius = bounding_sphere(mesh)
    moved = (mesh.vertices - centre) / radius
    return Mesh(moved.astype(np.float32), mesh.faces, mesh.uvs)


def random_harmonics(
    directions: NDArray[np.float64], degree: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return a smooth random function of `directions` (N, 3): mean 0, mean square 1 on the sphere.

    It is a sum of real spherical harmonics of degrees l = 1 to `degree`, with Gaussian coefficients
    of standard deviation 1/l, drawn in the order of l and m = −l … l.
    """
    theta = np.arccos(np.clip(directions[:, 1], -1, 1))
    phi = np.arctan2(directions[:, 0], directions[:, 2])
    total, power = np.zeros(len(directions)), 0.0
    for order in range(1, degree + 1):
        for m in range(-order, order + 1):
            coefficient = rng.standard_normal() / order
            total += coefficient * _real_harmonic(order, m, theta, phi)
            power += coefficient**2
    # The harmonics are orthonormal over the sphere, so the mean square is power/4π.
    return total / np.sqrt(power / (4 * np.pi))


def bounding_sphere(mesh: Mesh) -> tuple[NDArray[np.float64], float]:
    """Return centre (3,) and radius of the smallest sphere around all vertices that faces use."""
    return smallest_sphere(mesh.vertices[np.unique(mesh.faces)].astype(np.float64))


def with_spherical_uvs(mesh: Mesh) -> tuple[Mesh, NDArray[np.float32]]:
    """Return a mesh with texture coordinates, and its smooth normals.

    A mesh without coordinates gets spherical ones about its centroid: u = φ/2π with φ the azimuth
    from −z toward +x, and v = θ/π with θ the angle from +y. Vertices are repeated at the poles and
    at the seam (−z), with u above 1 on the far side.
    """
    normals = vertex_normals(mesh)
    if mesh.uvs is not None:
        return mesh, normals
    place = mesh.vertices.astype(np.float64) - _centroid(mesh)
    distance = np.linalg.norm(place, axis=1)
    u = np.mod(np.arctan2(place[:, 0], -place[:, 2]) / (2 * np.pi), 1)
    v = np.arccos(np.clip(place[:, 1] / np.where(distance > 0, distance, 1), -1, 1)) / np.pi

    corner_u, corner_v = u[mesh.faces], v[mesh.faces]
    pole = np.hypot(place[:, 0], place[:, 2])[mesh.faces] <= 1e-6 * distance.max()
    corner_u = _unwrapped(corner_u, pole)

    # One vertex for each pair of old vertex and u (v depends on the vertex alone).
    keys = np.column_stack([mesh.faces.ravel(), np.round(corner_u.ravel() * 2**30)])
    _, first, corner = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    old = mesh.faces.ravel()[first]
    split = Mesh(
        mesh.vertices[old],
        corner.reshape(-1, 3).astype(np.int32),
        np.column_stack([corner_u.ravel()[first], corner_v.ravel()[first]]).astype(np.float32),
    )
    return split, normals[old]


def _icosphere(subdivisions: int) -> Mesh:
    """Return a unit sphere: an icosahedron, subdivided."""
    sphere = trimesh.creation.icosphere(subdivisions=subdivisions)
    return Mesh(sphere.vertices, sphere.faces)


def _blob(shape: Blob) -> Mesh:
    """Return the mesh of a blob."""
    unit = _icosphere(shape.subdivisions)
    directions = unit.vertices.astype(np.float64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    bumps = random_harmonics(directions, shape.degree, np.random.default_rng(shape.seed))
    vertices = directions * np.exp(shape.amplitude * bumps)[:, None]
    return fitted(Mesh(vertices.astype(np.float32), unit.faces))


def _real_harmonic(
    degree: int, m: int, theta: NDArray[np.float64], phi: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the real spherical harmonic of a degree and order m."""
    harmonic = sph_harm_y(degree, abs(m), theta, phi)
    if m == 0:
        return np.asarray(harmonic.real)
    return np.sqrt(2) * np.asarray(harmonic.imag if m < 0 else harmonic.real)


def _centroid(mesh: Mesh) -> NDArray[np.float64]:
    """Return the centroid of the surface, which does not depend on how it is triangulated."""
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    return np.average(corners.mean(axis=1), axis=0, weights=face_areas(mesh))


def _unwrapped(u: NDArray[np.float64], pole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return u at the corners of faces, without jumps at the seam; at a pole, the face's mean."""
    known = np.where(pole, np.nan, u)
    low = np.nanmin(np.where(pole, np.inf, u), axis=1, keepdims=True)
    high = np.nanmax(np.where(pole, -np.inf, u), axis=1, keepdims=True)
    known = np.where((high - low > 0.5) & (known < 0.5), known + 1, known)
    count = np.count_nonzero(~pole, axis=1)
    middle = np.nansum(known, axis=1) / np.maximum(count, 1)
    return np.where(pole, middle[:, None], known)
