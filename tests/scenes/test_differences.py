from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from scenes import library
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.differences import (
    DISTANCE,
    lighting_difference,
    material_difference,
    pose_difference,
    scene_difference,
    shape_difference,
)
from scenes.lighting import Constant, EnvironmentMap, SunSky, map_directions
from scenes.loading import loaded_lighting
from scenes.material import PRESETS, Material
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Sphere, geometry

ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)
ROUGH = Material(roughness=0.8)


def studio(**changes):
    return loaded_lighting(EnvironmentMap(radiance="studio", **changes), Path())


# --- shape


def test_spheres_of_radius_1_and_1_1_are_a_tenth_apart(rng):
    small, large = geometry(Sphere()), geometry(Sphere(radius=1.1))
    found = shape_difference(small, large, rng, samples=4000)
    # Flat triangles are up to 0.1 % inside their sphere.
    assert found["chamfer"] == pytest.approx(0.1, abs=2e-4)
    assert found["hausdorff"] == pytest.approx(0.1, abs=5e-4)
    assert found["normal_angle"] < 0.5
    assert found["volume_iou"] == pytest.approx(1 / 1.1**3, abs=2e-3)


def test_lengths_are_measured_in_the_targets_size(rng):
    small, large = geometry(Sphere(radius=2)), geometry(Sphere(radius=2.2))
    assert shape_difference(small, large, rng, 500)["chamfer"] == pytest.approx(0.1, abs=2e-4)
    assert shape_difference(large, small, rng, 500)["chamfer"] == pytest.approx(0.2 / 2.2, abs=2e-4)


def test_equal_surfaces_are_not_apart_however_they_are_sampled(rng):
    bunny = library.MESHES["bunny"]()
    found = shape_difference(bunny, bunny, rng, samples=2000)
    assert found["chamfer"] < 1e-12
    assert found["hausdorff"] < 1e-12
    assert found["normal_angle"] < 1e-6
    assert found["volume_iou"] == pytest.approx(1)


def test_hausdorff_sees_a_single_spike(rng):
    sphere = geometry(Sphere())
    spiked = sphere.vertices.copy()
    spiked[17] *= 1.5
    found = shape_difference(sphere, Mesh(spiked, sphere.faces), rng, samples=2000)
    assert found["hausdorff"] == pytest.approx(0.5, abs=1e-3)
    assert found["chamfer"] < 0.01


def test_turned_planes_differ_by_their_angle(rng):
    corners = [(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1)]
    faces = [(0, 2, 1), (0, 3, 2)]
    tilt = Pose(rotation=(0, 0, 30)).matrix()[:3, :3]
    flat, tilted = Mesh(corners, faces), Mesh(np.array(corners) @ tilt.T, faces)
    found = shape_difference(flat, tilted, rng, samples=2000)
    assert found["normal_angle"] == pytest.approx(30, abs=1e-4)
    assert np.isnan(found["volume_iou"])


def test_open_surfaces_have_no_volume(rng):
    solid = trimesh.creation.box()
    closed, open_box = Mesh(solid.vertices, solid.faces), Mesh(solid.vertices, solid.faces[1:])
    assert np.isnan(shape_difference(closed, open_box, rng, 500)["volume_iou"])


# --- material


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_material_does_not_differ_from_itself(name):
    material = Material.model_validate(name)
    assert set(material_difference(material, material).values()) == {0.0}


def test_parameters_differ_by_their_numbers():
    found = material_difference(
        Material(base_color=(0.1, 0.2, 0.3), eta=1.5),
        Material(base_color=(0.4, 0.2, 0.3), eta=1.2, roughness=0.1),
    )
    assert found["base_color"] == pytest.approx(0.3 / 3**0.5)
    assert found["eta"] == pytest.approx(0.3)
    assert found["roughness"] == pytest.approx(0.4)
    assert found["sheen"] == 0


def test_the_log_of_a_doubled_reflectance_differs_by_log_2():
    # A metal's reflectance is proportional to its colour, but for Fresnel at grazing angles.
    dark, bright = (Material(metallic=1, roughness=1, base_color=c) for c in (0.2, 0.4))
    found = material_difference(dark, bright)["rms_log_reflectance"]
    assert found == pytest.approx(np.log(2), rel=0.1)
    assert found < np.log(2)


@given(value=st.floats(0, 1))
def test_distance_is_symmetric_and_sees_a_texture_as_the_number_it_holds(value):
    flat = Material(roughness=Picture(np.full((2, 2), value)))
    plain = Material(roughness=value)
    number = material_difference(ROUGH, plain)["rms_log_reflectance"]
    texture = material_difference(ROUGH, flat)["rms_log_reflectance"]
    assert texture == pytest.approx(number, rel=1e-4, abs=1e-6)
    back = material_difference(plain, ROUGH)["rms_log_reflectance"]
    assert back == pytest.approx(number)


def test_distance_grows_along_a_change():
    steps = [
        material_difference(ROUGH, Material(roughness=r))["rms_log_reflectance"]
        for r in (0.8, 0.6, 0.4, 0.2)
    ]
    assert steps[0] == 0
    assert np.all(np.diff(steps) > 0)


def test_black_surfaces_do_not_break_the_logarithm():
    mirror = Material(base_color=0, roughness=0)
    assert np.isfinite(material_difference(mirror, ROUGH)["rms_log_reflectance"])


# --- lighting


def test_a_light_twice_as_strong_differs_by_log_2_everywhere():
    found = lighting_difference(Constant(), Constant(level=2))
    assert found["rms_log_radiance"] == pytest.approx(np.log(2.0001 / 1.0001))
    assert np.isnan(found["dominant_angle"])


def test_half_a_sphere_counts_half():
    # Twice as bright where y > 0, on a map whose rows change between two rows near the horizon.
    pixels = np.ones((64, 128, 3))
    pixels[:32] = 2
    found = lighting_difference(Constant(), EnvironmentMap(radiance=Picture(pixels)))
    assert found["rms_log_radiance"] == pytest.approx(np.log(2) / 2**0.5, rel=1e-3)
    assert np.isnan(found["dominant_angle"])


def spot(toward):
    """Give a map that is bright near one direction."""
    closeness = map_directions(64, 128) @ np.asarray(toward, float)
    return EnvironmentMap(
        radiance=Picture(np.repeat((closeness > 0.9)[..., None], 3, axis=2) + 0.01)
    )


@pytest.mark.parametrize(
    ("first", "second", "angle"),
    [((0, 0, 1), (1, 0, 0), 90), ((0, 1, 0), (0, -1, 0), 180), ((1, 0, 0), (0.6, 0.8, 0), 53.13)],
)
def test_dominant_directions_differ_by_their_angle(first, second, angle):
    found = lighting_difference(spot(first), spot(second))
    assert found["dominant_angle"] == pytest.approx(angle, abs=1.5)


def test_a_turned_light_is_turned_by_its_angle_about_the_axis():
    # Seen along y, the dominant directions are 40° apart.
    found = lighting_difference(
        spot((1, 0, 0)), spot((1, 0, 0)).model_copy(update={"rotation": 40})
    )
    assert found["dominant_angle"] == pytest.approx(40, abs=0.5)


def test_a_full_turn_is_no_difference():
    found = lighting_difference(studio(), studio(rotation=360))
    assert found["rms_log_radiance"] < 1e-4
    assert found["dominant_angle"] < 1e-3


def test_darkness_is_measured_against_the_target():
    dark = Constant(level=0)
    assert lighting_difference(dark, dark)["rms_log_radiance"] == 0
    found = lighting_difference(Constant(), dark)["rms_log_radiance"]
    assert found == pytest.approx(np.log(1.0001 / 0.0001))
    assert lighting_difference(dark, Constant())["rms_log_radiance"] == pytest.approx(found)


def test_sun_and_sky_must_be_converted_first():
    with pytest.raises(InputError, match="convert them to an environment map"):
        lighting_difference(Constant(), SunSky())


# --- pose, and all together


def test_a_pose_differs_by_angle_and_distance():
    found = pose_difference(Pose(), Pose(rotation=(0, 90, 0), translation=(3, 4, 0)))
    assert found == pytest.approx({"angle": 90, "translation": 5})


def test_a_turn_about_another_point_moves_the_object():
    # The centre goes around the origin, from (1, 0, 0) by half a turn about y to (−1, 0, 0).
    found = pose_difference(Pose(), Pose(rotation=(0, 180, 0)), centre=(1, 0, 0))
    assert found == pytest.approx({"angle": 180, "translation": 2})
    # Turned about the centre itself, it stays where it was.
    found = pose_difference(
        Pose(), Pose(rotation=(0, 180, 0), translation=(2, 0, 0)), centre=(1, 0, 0)
    )
    assert found == pytest.approx({"angle": 180, "translation": 0}, abs=1e-9)


@given(first=ANGLES, second=ANGLES)
def test_the_angle_is_that_of_the_matrices(first, second):
    one, two = (Pose(rotation=each).matrix()[:3, :3] for each in (first, second))
    cosine = np.clip((np.trace(two @ one.T) - 1) / 2, -1, 1)
    angle = pose_difference(Pose(rotation=first), Pose(rotation=second))["angle"]
    assert np.cos(np.radians(angle)) == pytest.approx(cosine, abs=1e-9)


def test_scenes_are_compared_in_the_given_attributes(rng):
    target = Scene(name="t", shape=Sphere(subdivisions=2))
    other = Scene(
        name="o",
        shape=Sphere(subdivisions=2, radius=1.2),
        material=ROUGH,
        lighting=Constant(level=3),
        pose=Pose(rotation=(10, 0, 0)),
    )
    found = scene_difference(target, other, DISTANCE, rng)
    assert list(found) == ["shape", "material", "lighting", "pose"]
    for attribute, measure in DISTANCE.items():
        assert found[attribute][measure] > 0
    assert list(scene_difference(target, other, ["pose"], rng)) == ["pose"]
    with pytest.raises(
        InputError, match="no attribute is called 'lightning'; did you mean 'lighting'"
    ):
        scene_difference(target, other, ["lightning"], rng)


def test_scenes_do_not_differ_from_themselves(rng):
    scene = library.scene("bunny").loaded()
    found = scene_difference(scene, scene, ["material", "lighting", "pose"], rng)
    for attribute in found:
        assert found[attribute][DISTANCE[attribute]] == 0
