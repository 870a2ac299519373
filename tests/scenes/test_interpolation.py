"""Interpolated scenes: worked out by hand, exact at both ends, refused without a path."""

import numpy as np
import pytest

from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.differences import RADIANCE_FLOOR, chamfer, lighting_difference, pose_difference
from scenes.interpolation import between, check_path
from scenes.lighting import Constant, EnvironmentMap, SunSky
from scenes.material import Material
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Blob, MeshShape, Sphere, geometry

EVERYTHING = ("shape", "material", "lighting", "pose")


def scene(**changes):
    return Scene(**({"name": "toy", "shape": Sphere(subdivisions=1)} | changes))


def test_the_ends_are_exact():
    first = scene()
    second = scene(
        name="other",
        shape=Blob(seed=1, subdivisions=1),
        material=Material(base_color=(0.1, 0.2, 0.3), roughness=0.2),
        lighting=Constant(radiance=3.0, level=0.5),
        pose=Pose(rotation=(0, 90, 0)),
    )
    assert between(first, second, 0, EVERYTHING) == first
    assert between(first, second, 1, EVERYTHING) == second.model_copy(update={"name": "toy"})


def test_only_the_named_attributes_change():
    first = scene()
    second = scene(material=Material(roughness=0.1), pose=Pose(rotation=(0, 90, 0)))
    middle = between(first, second, 0.5, ["material"])
    assert middle.material.roughness == pytest.approx(0.3)
    assert middle.model_copy(update={"material": first.material}) == first


def test_vertices_move_along_lines():
    first, second = scene(), scene(shape=Sphere(subdivisions=1, radius=2))
    quarter = between(first, second, 0.25, ["shape"])
    np.testing.assert_allclose(
        geometry(quarter.shape).vertices, 1.25 * geometry(first.shape).vertices, rtol=1e-6
    )
    assert quarter.shape.normals == "smooth"


def test_materials_mix_numbers_colours_and_textures():
    texture = Picture(np.full((2, 3, 3), (0.2, 0.4, 0.6), np.float32))
    first = scene(material=Material(base_color=(0.0, 0.2, 1.0), eta=1.2))
    second = scene(material=Material(base_color=texture, eta=2.2))
    mixed = between(first, second, 0.25, ["material"]).material
    assert mixed.base_color.pixels.shape == (2, 3, 3)
    np.testing.assert_allclose(mixed.base_color.pixels[1, 2], (0.05, 0.25, 0.9), rtol=1e-6)
    assert mixed.eta == pytest.approx(1.45)
    grey = between(scene(material=Material(base_color=0.2)), first, 0.5, ["material"]).material
    assert grey.base_color == pytest.approx((0.1, 0.2, 0.6))


def test_radiance_changes_by_equal_ratios():
    first = scene(lighting=Constant(radiance=(1.0, 1.0, 1.0)))
    second = scene(lighting=Constant(radiance=(4.0, 1.0, 0.25), level=2.0))
    middle = between(first, second, 0.5, ["lighting"]).lighting
    floor = RADIANCE_FLOOR
    by_hand = [np.sqrt((1 + floor) * (c + floor)) - floor for c in (8.0, 2.0, 0.5)]
    assert middle.radiance == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("t", [0.2, 0.7])
def test_log_radiance_differs_in_proportion(rng, t):
    maps = [
        EnvironmentMap(radiance=Picture(rng.exponential(size=(64, 128, 3)).astype(np.float32)))
        for _ in range(2)
    ]
    first, second = (scene(lighting=each) for each in maps)
    partly = between(first, second, t, ["lighting"]).lighting
    name = "rms_log_radiance"
    whole = lighting_difference(first.lighting, second.lighting)[name]
    assert lighting_difference(first.lighting, partly)[name] == pytest.approx(t * whole, rel=1e-4)


def test_black_light_has_a_path_too():
    dark, bright = scene(lighting=Constant(radiance=0.0)), scene(lighting=Constant(radiance=1.0))
    middle = between(dark, bright, 0.5, ["lighting"]).lighting.radiance[0]
    assert 0 < middle < 1


def test_orientation_turns_at_constant_speed():
    first = scene(pose=Pose(rotation=(20, 30, -40), translation=(1, 0, 0)))
    second = scene(pose=Pose(rotation=(-70, 10, 100), translation=(0, 2, 0)))
    whole = pose_difference(first.pose, second.pose)["angle"]
    for t in (0.25, 0.75):
        pose = between(first, second, t, ["pose"]).pose
        assert pose_difference(first.pose, pose)["angle"] == pytest.approx(t * whole, rel=1e-6)
        assert pose.translation == pytest.approx((1 - t, 2 * t, 0))


def test_the_sun_takes_the_shorter_way():
    first, second = (SunSky(sun_azimuth=a, turbidity=b) for a, b in ((350, 2), (20, 6)))
    sky = between(scene(lighting=first), scene(lighting=second), 0.5, ["lighting"]).lighting
    assert sky.sun_azimuth == pytest.approx(365)
    assert sky.turbidity == pytest.approx(4)


def test_shape_distance_grows_along_the_way(rng):
    first, second = scene(), scene(shape=Blob(seed=3, subdivisions=1, amplitude=0.5))
    shapes = [between(first, second, t, ["shape"]).shape for t in (0.0, 0.5, 1.0)]
    start, *others = (geometry(shape) for shape in shapes)
    near, middle, far = (chamfer(start, each, rng, 2000) for each in (start, *others))
    assert near == pytest.approx(0, abs=1e-6)
    assert middle < far


PICTURE = Picture(np.ones((4, 8, 3), np.float32))


@pytest.mark.parametrize(
    ("changes", "attribute", "message"),
    [
        (
            {"shape": Sphere(subdivisions=2)},
            "shape",
            r"shape: no interpolation between meshes of different topology \(42 vertices and 80 "
            r"faces against 162 and 320\); use kind: trajectory",
        ),
        (
            {"lighting": EnvironmentMap(radiance=PICTURE)},
            "lighting",
            "no interpolation between kind constant and kind map",
        ),
        ({}, "colour", "no attribute is called 'colour'"),
    ],
)
def test_without_a_path_it_is_refused(changes, attribute, message):
    with pytest.raises(InputError, match=message):
        check_path(scene(), scene(**changes), [attribute])
    with pytest.raises(InputError, match=message):
        between(scene(), scene(**changes), 0, [attribute])


def test_maps_and_textures_of_another_size_are_refused():
    maps = [EnvironmentMap(radiance=PICTURE), EnvironmentMap(radiance=PICTURE, rotation=9.0)]
    with pytest.raises(InputError, match="environment maps of different size or rotation"):
        check_path(*(scene(lighting=each) for each in maps), ["lighting"])
    textures = [Picture(np.full((n, n, 3), 0.5, np.float32)) for n in (2, 4)]
    with pytest.raises(InputError, match=r"base_color: no interpolation between textures of 2×2"):
        check_path(*(scene(material=Material(base_color=e)) for e in textures), ["material"])


def test_same_faces_in_another_order_are_another_topology():
    mesh = geometry(Sphere(subdivisions=1))
    turned = MeshShape(surface=Mesh(mesh.vertices, mesh.faces[::-1]), fit=False)
    with pytest.raises(InputError, match="different topology"):
        check_path(scene(), scene(shape=turned), ["shape"])


def test_a_fraction_outside_is_refused():
    with pytest.raises(ValueError, match=r"t is 1\.5; allowed: 0 to 1"):
        between(scene(), scene(), 1.5, ["shape"])
