import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from scenes.camera import (
    Camera,
    Cameras,
    Fibonacci,
    Ring,
    Single,
    cameras,
    share_in_view,
    sides_of_view,
)

POINTS = st.tuples(*[st.floats(-10, 10)] * 3)
RIGS = st.one_of(
    st.builds(Fibonacci, count=st.integers(1, 20), held_out=st.integers(0, 10)),
    st.builds(
        Ring, count=st.integers(1, 20), held_out=st.integers(0, 10), elevation=st.floats(-80, 80)
    ),
    st.builds(Single, elevation=st.floats(-90, 90)),
)


def front(**changes):
    return Camera(name="c0", origin=(0, 0, 5), **changes)


def test_a_camera_projects_by_its_parameters():
    # 90° across 100 pixels: at distance 5 the frame is 10 units wide, 10 pixels a unit.
    camera = front(field_of_view=90, width=100, height=60)
    pixels = camera.project([(0, 0, 0), (1, 0, 0), (0, 1, 0), (-5, 3, 0), (0.5, 0, 4)])
    expected = [(50, 30), (60, 30), (50, 20), (0, 0), (75, 30)]
    np.testing.assert_allclose(pixels, expected, atol=1e-9)


def test_points_behind_a_camera_have_no_pixel():
    pixels = front().project([(0, 0, 6), (0, 0, 5), (1, 0, 5), (0, 0, 4)])
    assert np.isnan(pixels).any(axis=1).tolist() == [True, True, True, False]


def test_an_unrotated_camera_has_the_axes_of_the_world():
    expected = np.eye(4)
    expected[2, 3] = 5
    np.testing.assert_allclose(front().to_world(), expected, atol=1e-15)


@given(
    origin=POINTS, target=POINTS, along=st.floats(0.1, 10), x=st.floats(-1, 1), y=st.floats(-1, 1)
)
def test_projection_agrees_with_the_matrix(origin, target, along, x, y):
    assume(np.linalg.norm(np.cross(np.subtract(target, origin), (0, 1, 0))) > 0.1)
    camera = Camera(name="c0", origin=origin, target=target, field_of_view=60, width=64, height=32)
    matrix = camera.to_world()
    np.testing.assert_allclose(matrix[:3, :3].T @ matrix[:3, :3], np.eye(3), atol=1e-9)
    # The point at (x, y) half-widths of the frame, `along` in front of the camera.
    half = np.tan(np.radians(30))
    world = matrix @ [x * half * along, y * half * along, -along, 1]
    np.testing.assert_allclose(
        camera.project(world[None, :3]), [(32 + 32 * x, 16 - 32 * y)], atol=1e-4
    )
    np.testing.assert_allclose(camera.project(np.array([target])), [(32, 16)], atol=1e-4)


def test_the_renderer_projects_alike(mi, rng):
    for _ in range(10):
        origin, target = rng.normal(size=3) * 4, rng.normal(size=3)
        camera = Camera(
            name="c0",
            origin=tuple(origin),
            target=tuple(target),
            up=tuple(rng.normal(size=3)),
            field_of_view=rng.uniform(10, 100),
            width=96,
            height=64,
        )
        look = mi.ScalarTransform4f().look_at(
            origin=list(camera.origin), target=list(camera.target), up=list(camera.up)
        )
        sensor = mi.load_dict(
            {
                "type": "perspective",
                "fov": camera.field_of_view,
                "fov_axis": "x",
                "to_world": look,
                "film": {"type": "hdrfilm", "width": camera.width, "height": camera.height},
            }
        )
        # Points about the target, well inside the frame.
        points = target + rng.normal(size=(20, 3)) * 0.02 * np.linalg.norm(target - origin)
        interaction = mi.Interaction3f()
        interaction.p = mi.Point3f(points.T.astype(np.float32))
        sample, _ = sensor.sample_direction(interaction, mi.Point2f(0, 0))
        seen = np.array(sample.uv).T
        np.testing.assert_allclose(camera.project(points), seen, atol=2e-3)


def test_azimuth_and_elevation_have_the_meaning_stated():
    def origin(**place):
        return cameras(Single(distance=2.0, **place))[0].origin

    np.testing.assert_allclose(origin(azimuth=0, elevation=0), (0, 0, 2), atol=1e-12)
    np.testing.assert_allclose(origin(azimuth=90, elevation=0), (2, 0, 0), atol=1e-12)
    np.testing.assert_allclose(origin(azimuth=0, elevation=30), (0, 1, 3**0.5), atol=1e-12)


def test_a_camera_straight_above_has_the_front_below():
    above = cameras(Single(elevation=90))[0]
    pixels = above.project([(0, 0, 0.5), (0.5, 0, 0)])
    assert pixels[0, 1] > 64
    assert pixels[1, 0] > 64


def test_a_ring_has_equal_steps_and_held_out_cameras_in_its_gaps():
    placed = cameras(Ring(count=4, held_out=2, elevation=0, azimuth=10))
    azimuths = [np.degrees(np.arctan2(c.origin[0], c.origin[2])) % 360 for c in placed]
    np.testing.assert_allclose(azimuths, [10, 100, 190, 280, 55, 235], atol=1e-9)
    assert [c.name for c in placed] == ["c0", "c1", "c2", "c3", "h0", "h1"]
    assert [c.held_out for c in placed] == [False] * 4 + [True] * 2


def test_more_held_out_cameras_than_gaps_share_them():
    placed = cameras(Ring(count=2, held_out=3, elevation=0))
    azimuths = sorted(np.degrees(np.arctan2(c.origin[0], c.origin[2])) % 360 for c in placed)
    np.testing.assert_allclose(azimuths, [0, 60, 120, 180, 270], atol=1e-9)


def test_a_fibonacci_rig_spreads_evenly():
    placed = cameras(Fibonacci(count=4, distance=1.0))
    heights = [c.origin[1] for c in placed]
    np.testing.assert_allclose(heights, [-0.75, -0.25, 0.25, 0.75], atol=1e-12)
    many = np.array([c.origin for c in cameras(Fibonacci(count=200, distance=1.0))])
    # Evenly spread: the mean direction is 0 and the second moments are 1/3 in every axis.
    np.testing.assert_allclose(many.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(many.T @ many / 200, np.eye(3) / 3, atol=0.01)


def test_a_fibonacci_rig_keeps_to_its_elevations():
    placed = cameras(Fibonacci(count=30, held_out=10, elevations=(0, 45), distance=1.0))
    elevations = np.degrees(np.arcsin([c.origin[1] for c in placed]))
    assert elevations.min() >= 0
    assert elevations.max() <= 45


@given(rig=RIGS)
def test_all_cameras_differ_and_look_at_the_target(rig):
    placed = cameras(rig)
    origins = np.array([c.origin for c in placed])
    apart = np.linalg.norm(origins[:, None] - origins[None], axis=2) + 9 * np.eye(len(placed))
    # With up to 30 cameras at distance 5, far more than a unit in most rigs; never the same.
    assert apart.min() > 0.05
    np.testing.assert_allclose(np.linalg.norm(origins, axis=1), 5, rtol=1e-9)
    for camera in placed:
        np.testing.assert_allclose(camera.project([(0, 0, 0)]), [(64, 64)], atol=1e-6)
    assert len({camera.name for camera in placed}) == len(placed)


@pytest.mark.parametrize(
    ("rig", "message"),
    [
        ({"kind": "ring", "count": 0}, "0 is out of range; allowed: 1 to 1000"),
        ({"kind": "ring", "elevation": 90}, "90 is out of range; allowed: -89 to 89"),
        ({"kind": "fibonacci", "elevations": [30, 10]}, "give the lower first"),
        ({"kind": "single", "azimuth": 5, "held_out_azimuths": [365]}, "same azimuth"),
        ({"kind": "single", "elevation": 90, "held_out_azimuths": [5]}, "no other azimuths"),
        ({"kind": "ring", "resolution": 4}, "4 is out of range; allowed: 8 to 8192"),
    ],
)
def test_an_impossible_rig_is_refused(rig, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(Cameras).validate_python(rig)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": (0, 0, 5)}, "the same place"),
        ({"up": (0, 0, 2)}, "up is parallel"),
        ({"up": (0, 0, 0)}, "up is parallel to the view, or zero"),
        ({"field_of_view": 180}, "180 is out of range; allowed: above 0, up to 170"),
    ],
)
def test_an_impossible_camera_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        front(**changes)


@given(rig=RIGS, points=st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=1, max_size=8))
def test_points_within_the_sides_of_view_are_in_every_frame(rig, points):
    normals, offsets = sides_of_view(rig)
    gaps = np.array(points) @ normals.T - offsets
    assume(np.abs(gaps).min() > 1e-9)
    within = (gaps > 0).all(axis=1)
    pixels = np.stack([camera.project(points) for camera in cameras(rig)])
    in_frame = ((pixels >= 0) & (pixels <= rig.resolution)).all(axis=(0, 2))
    np.testing.assert_array_equal(within, in_frame)


def test_a_shift_ends_at_the_first_side_that_it_would_cross():
    normals, offsets = np.array([(1.0, 0, 0), (0, 1, 0)]), np.array([-1.0, -2])  # x ≥ −1, y ≥ −2
    start = np.zeros(3)
    assert share_in_view(start, np.array([-4.0, -4, 0]), normals, offsets) == 0.25
    assert share_in_view(start, np.array([9.0, -1, 0]), normals, offsets) == 1
    # A side that the start is already beyond does not limit the shift.
    assert share_in_view(np.array([-2.0, 0, 0]), np.array([-1.0, 0, 0]), normals, offsets) == 1
