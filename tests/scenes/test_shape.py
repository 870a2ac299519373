import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import sph_harm_y

from scenes.arrays import Mesh
from scenes.base.errors import InputError
from scenes.geometry.normals import vertex_normals
from scenes.geometry.topology import manifold_problem
from scenes.shape import (
    Blob,
    MeshShape,
    Sphere,
    bounding_sphere,
    fitted,
    geometry,
    random_harmonics,
    with_spherical_uvs,
)

BLOBS = st.builds(
    Blob,
    seed=st.integers(0, 2**63 - 1),
    amplitude=st.floats(0, 2),
    degree=st.integers(1, 16),
    subdivisions=st.just(3),
)


def box(**changes):
    solid = trimesh.creation.box(**changes)
    return Mesh(solid.vertices, solid.faces)


@pytest.mark.parametrize(("subdivisions", "vertices"), [(0, 12), (1, 42), (4, 2562)])
def test_a_sphere_has_the_vertices_stated_all_at_its_radius(subdivisions, vertices):
    mesh = geometry(Sphere(subdivisions=subdivisions, radius=1.5))
    assert mesh.vertices.shape == (vertices, 3)
    assert mesh.faces.shape == (2 * vertices - 4, 3)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 1.5, rtol=1e-6)
    assert manifold_problem(mesh) is None


def test_faces_are_turned_outward():
    for shape in (Sphere(), Blob(seed=1)):
        mesh = geometry(shape)
        assert trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).volume > 0


def test_the_fit_centres_the_smallest_bounding_sphere():
    # A 2×2×1 box: its half diagonal is 1.5, so fitted corners are (±2/3, ±2/3, ±1/3).
    mesh = fitted(Mesh(np.add(box(extents=(2, 2, 1)).vertices, (7, -3, 2)), box().faces))
    np.testing.assert_allclose(
        np.abs(mesh.vertices), np.tile([2 / 3, 2 / 3, 1 / 3], (8, 1)), atol=1e-6
    )


def test_vertices_that_no_face_uses_do_not_count_for_the_fit():
    vertices = np.vstack([box().vertices, [[100, 0, 0]]])
    centre, radius = bounding_sphere(Mesh(vertices, box().faces))
    np.testing.assert_allclose(centre, 0, atol=1e-9)
    assert radius == pytest.approx(3**0.5 / 2)


@given(blob=BLOBS)
def test_a_blob_is_closed_fitted_and_shares_its_faces(blob):
    mesh = geometry(blob)
    assert np.array_equal(mesh.faces, geometry(Sphere(subdivisions=3)).faces)
    centre, radius = bounding_sphere(mesh)
    np.testing.assert_allclose([*centre, radius], [0, 0, 0, 1], atol=1e-5)
    assert manifold_problem(mesh) is None


def test_a_blob_without_amplitude_is_the_sphere():
    mesh = geometry(Blob(seed=5, amplitude=0))
    np.testing.assert_allclose(mesh.vertices, geometry(Sphere()).vertices, atol=1e-6)


def test_a_seed_makes_the_same_blob_and_another_seed_another():
    assert geometry(Blob(seed=1)) == geometry(Blob(seed=1))
    assert geometry(Blob(seed=1)) != geometry(Blob(seed=2))


def test_bumps_have_variance_one_and_the_falloff_stated(seed):
    # Gauss-Legendre heights and even azimuths integrate products of these harmonics exactly.
    heights, height_weights = np.polynomial.legendre.leggauss(16)
    theta, phi = np.meshgrid(np.arccos(heights), 2 * np.pi * np.arange(32) / 32, indexing="ij")
    weights = np.repeat(height_weights[:, None], 32, axis=1) * 2 * np.pi / 32
    directions = np.stack(
        [np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)], axis=-1
    )
    values = random_harmonics(directions.reshape(-1, 3), 6, np.random.default_rng(seed))
    f = values.reshape(theta.shape)
    assert np.sum(f * weights) == pytest.approx(0, abs=1e-9)
    assert np.sum(f**2 * weights) == pytest.approx(4 * np.pi)

    draws = np.random.default_rng(seed)
    drawn = np.array([np.sum((draws.standard_normal(2 * n + 1) / n) ** 2) for n in range(1, 7)])
    found = np.array(
        [
            sum(
                abs(np.sum(f * np.conj(sph_harm_y(n, m, theta, phi)) * weights)) ** 2
                for m in range(-n, n + 1)
            )
            for n in range(1, 7)
        ]
    )
    np.testing.assert_allclose(found, drawn * 4 * np.pi / drawn.sum(), rtol=1e-9)


def test_the_logarithm_of_a_blobs_radius_is_the_bumps_times_the_amplitude():
    # Fitting moves and scales; with a small amplitude f is found again but for degrees 0 and 1.
    blob = Blob(seed=3, amplitude=1e-3)
    directions = geometry(Sphere()).vertices.astype(float)
    f = random_harmonics(directions, 6, np.random.default_rng(3))
    radii = np.linalg.norm(geometry(blob).vertices.astype(float), axis=1)
    low = np.column_stack([np.ones(len(directions)), directions])

    def without_low_degrees(values):
        return values - low @ np.linalg.lstsq(low, values, rcond=None)[0]

    np.testing.assert_allclose(
        without_low_degrees(np.log(radii)) / 1e-3, without_low_degrees(f), atol=0.01
    )


def test_spherical_coordinates_follow_the_directions(rng):
    mesh, normals = with_spherical_uvs(geometry(Sphere(subdivisions=5)))
    # Inside triangles, away from the poles, interpolated coordinates are those of the direction.
    weights = rng.dirichlet([1, 1, 1], len(mesh.faces))
    points = np.einsum("fk,fkd->fd", weights, mesh.vertices[mesh.faces].astype(float))
    u, v = np.einsum("fk,fkd->fd", weights, mesh.uvs[mesh.faces].astype(float)).T
    away = np.abs(points[:, 1]) < 0.9
    expected_u = np.arctan2(points[:, 0], -points[:, 2]) / (2 * np.pi)
    apart = np.mod(u - expected_u + 0.5, 1) - 0.5
    assert np.abs(apart[away]).max() < 2e-3
    polar = np.arccos(points[:, 1] / np.linalg.norm(points, axis=1)) / np.pi
    assert np.abs(v - polar).max() < 2e-3
    np.testing.assert_allclose(normals, mesh.vertices, atol=2e-3)


@given(
    blob=st.builds(
        Blob, seed=st.integers(0, 2**63 - 1), amplitude=st.floats(0, 0.3), subdivisions=st.just(3)
    )
)
def test_no_triangle_with_spherical_coordinates_spans_the_seam(blob):
    bare = geometry(blob)
    mesh, normals = with_spherical_uvs(bare)
    assert len(mesh.faces) == len(bare.faces)
    assert len(normals) == len(mesh.vertices)
    np.testing.assert_array_equal(mesh.vertices[mesh.faces], bare.vertices[bare.faces])
    np.testing.assert_array_equal(normals[mesh.faces], vertex_normals(bare)[bare.faces])
    corners = mesh.uvs[mesh.faces]
    # A triangle round a pole has all azimuths. Far from the poles of such gentle blobs:
    polar = ((corners[:, :, 1] < 0.2) | (corners[:, :, 1] > 0.8)).any(axis=1)
    assert np.ptp(corners[~polar, :, 0], axis=1).max() < 0.5


def test_vertices_at_a_pole_are_split_so_that_the_texture_meets_there_evenly():
    # An octahedron has a vertex at each pole and one edge on the seam.
    vertices = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
    faces = [(4, 0, 2), (0, 5, 2), (5, 1, 2), (1, 4, 2), (0, 4, 3), (5, 0, 3), (1, 5, 3), (4, 1, 3)]
    mesh, _ = with_spherical_uvs(Mesh(vertices, faces))
    corners = mesh.uvs[mesh.faces]
    assert np.ptp(corners[:, :, 0], axis=1).max() == pytest.approx(0.25)
    at_pole = np.isin(corners[:, :, 1], (0, 1))
    assert sorted(corners[at_pole][:, 0] % 1) == pytest.approx(
        [0.125, 0.125, 0.375, 0.375, 0.625, 0.625, 0.875, 0.875]
    )


def test_a_mesh_keeps_its_own_texture_coordinates():
    uvs = np.linspace(0, 1, 16).reshape(8, 2)
    mesh = Mesh(box().vertices, box().faces, uvs)
    kept, normals = with_spherical_uvs(mesh)
    assert kept is mesh
    np.testing.assert_array_equal(normals, vertex_normals(mesh))


def test_a_mesh_shape_must_be_loaded_before_it_has_a_geometry():
    with pytest.raises(InputError, match="the mesh 'bunny' is not loaded"):
        geometry(MeshShape(surface="bunny"))
    mesh = box()
    assert geometry(MeshShape(surface=mesh, fit=False)) == mesh
    assert geometry(MeshShape(surface=mesh)) == fitted(mesh)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sphere(subdivisions=8), "8 is out of range; allowed: 0 to 7"),
        (lambda: Blob(seed=-1), "-1 is out of range"),
        (lambda: Blob(seed=1, amplitude=3), "3 is out of range; allowed: 0 to 2"),
        (lambda: Blob(), "Field required"),
        (lambda: MeshShape(surface=3), "use the name of a library mesh, or a file"),
        (lambda: MeshShape(surface="bunny", normals="rough"), "allowed: smooth, flat"),
    ],
)
def test_an_impossible_shape_is_refused(make, message):
    with pytest.raises(ValidationError, match=message):
        make()
