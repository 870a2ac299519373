import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from scenes import library
from scenes.arrays import Mesh
from scenes.geometry.surface import Surface, volume_iou
from scenes.shape import Blob, Sphere, geometry


def box(centre=(0, 0, 0), extents=(1, 1, 1)):
    solid = trimesh.creation.box(extents=extents)
    return Mesh(np.add(solid.vertices, centre), solid.faces)


def exhaustive(mesh, points):
    """Distances to every triangle, the smallest taken."""
    triangles = mesh.vertices.astype(float)[mesh.faces]
    return np.array(
        [
            np.linalg.norm(
                trimesh.triangles.closest_point(triangles, np.tile(p, (len(triangles), 1))) - p,
                axis=1,
            ).min()
            for p in points
        ]
    )


def test_distances_to_a_box_known_by_hand():
    points = np.array([(0, 0, 2), (2, 2, 0), (2, 2, 2), (0.5, 0, 0), (0.4, 0, 0)], float)
    distances, closest = Surface(box()).closest(points)
    np.testing.assert_allclose(distances, [1.5, 1.5 * 2**0.5, 1.5 * 3**0.5, 0, 0.1], atol=1e-12)
    np.testing.assert_allclose(closest.points[0], (0, 0, 0.5), atol=1e-12)
    np.testing.assert_allclose(closest.points[1], (0.5, 0.5, 0), atol=1e-12)


@pytest.mark.parametrize("name", ["bunny", "suzanne", "blob"])
def test_closest_points_are_those_of_an_exhaustive_search(rng, count, name):
    mesh = geometry(Blob(seed=1)) if name == "blob" else library.MESHES[name]()
    points = rng.normal(size=(count(100, 1000), 3)) * 0.7
    distances, closest = Surface(mesh).closest(points)
    np.testing.assert_allclose(distances, exhaustive(mesh, points), atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(closest.points - points, axis=1), distances, atol=1e-12
    )


def test_where_many_triangles_are_equally_near_the_distance_is_right_to_their_size(rng):
    points = rng.normal(size=(200, 3)) * 0.01
    distances, _ = Surface(geometry(Sphere())).closest(points)
    error = distances - exhaustive(geometry(Sphere()), points)
    assert error.min() >= -1e-12
    assert error.max() < 1e-3


def test_long_thin_triangles_are_found(rng):
    # A needle across the surface: its centre is far from most of it.
    sphere = geometry(Sphere(subdivisions=3))
    needle = [(-3, 0, 2), (3, 0, 2), (3, 1e-3, 2)]
    n = len(sphere.vertices)
    mesh = Mesh(
        np.vstack([sphere.vertices, needle]), np.vstack([sphere.faces, [[n, n + 1, n + 2]]])
    )
    points = np.column_stack([rng.uniform(-2.9, 2.9, 50), np.zeros(50), np.full(50, 2.1)])
    distances, _ = Surface(mesh).closest(points)
    np.testing.assert_allclose(distances, exhaustive(mesh, points), atol=1e-9)


def test_samples_are_on_the_surface_and_uniform_by_area(rng):
    surface = Surface(box(extents=(1, 1, 2)))
    drawn = surface.sample(20_000, rng)
    distances, closest = surface.closest(drawn.points)
    assert distances.max() < 1e-12
    # Top and bottom have 2 of 10 units of area. Binomial: one false alarm in a million.
    share = np.mean(np.abs(drawn.points[:, 2]) > 1 - 1e-9)
    assert share == pytest.approx(0.2, abs=5 * np.sqrt(0.2 * 0.8 / 20_000))
    np.testing.assert_allclose(np.linalg.norm(drawn.normals, axis=1), 1)
    np.testing.assert_allclose(drawn.normals, closest.normals, atol=1e-6)


def test_normals_are_interpolated(rng):
    drawn = Surface(geometry(Sphere(subdivisions=4))).sample(1000, rng)
    outward = drawn.points / np.linalg.norm(drawn.points, axis=1, keepdims=True)
    assert np.sum(drawn.normals * outward, axis=1).min() > np.cos(np.radians(1))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (box(), box(), 1),
        (box(), box(centre=(0.5, 0, 0)), 1 / 3),
        (box(), box(centre=(0, 0, 0.25)), 0.75 / 1.25),
        (box(), box(extents=(0.5, 0.5, 0.5)), 1 / 8),
        (box(), box(centre=(3, 0, 0)), 0),
    ],
)
def test_shared_volumes_known_by_hand(rng, first, second, expected):
    # 65,536 stratified rays: the error of a ray count along an edge is below 1/256 of it.
    assert volume_iou(first, second, rng) == pytest.approx(expected, abs=0.01)


def test_shared_volume_does_not_depend_on_the_orientation(rng):
    turn = Rotation.random(rng=rng).as_matrix()
    first, second = (
        Mesh(mesh.vertices @ turn.T, mesh.faces) for mesh in (box(), box(centre=(0.5, 0, 0)))
    )
    assert volume_iou(first, second, rng) == pytest.approx(1 / 3, abs=0.005)


def test_overlapping_parts_count_once(rng):
    two = trimesh.util.concatenate(
        [trimesh.creation.box(), trimesh.creation.box().apply_translation((0.5, 0, 0))]
    )
    whole = box(centre=(0.25, 0, 0), extents=(1.5, 1, 1))
    assert volume_iou(Mesh(two.vertices, two.faces), whole, rng) == pytest.approx(1, abs=0.01)
