"""The scenes of a null: seeded, within their ranges, of the target's size and level."""

import numpy as np
import pytest

from mrd.criterion import null_scenes
from mrd.criterion.null_scenes import null_scene
from mrd.rendering.representation import as_map, represented
from mrd.study.search_groups import StartConfig
from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh, Picture
from scenes.camera import Ring, cameras
from scenes.differences import pose_difference
from scenes.library import MESHES
from scenes.lighting import Constant, EnvironmentMap, SunSky, map_directions, solid_angles
from scenes.material import SCALARS, Material
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Blob, MeshShape, Sphere, bounding_sphere, geometry
from scenes.visibility import check_visible

SKY = EnvironmentMap(radiance=Picture(1 + map_directions(16, 32) * 0.5))


def drawn(target: Scene, search: SearchConfig, number: int, seed: int = 1) -> list[Scene]:
    target = represented(target, search)
    return [null_scene(target, search, rng) for rng in np.random.default_rng(seed).spawn(number)]


def search_of(*attributes, **changes):
    return SearchConfig(attributes=attributes, environment_height=8, **changes)


@pytest.mark.parametrize("attribute", ["shape", "material", "lighting", "pose"])
def test_the_same_seed_draws_the_same_scenes_and_another_does_not(small, attribute):
    target = small(lighting=SKY)
    search = search_of(attribute)
    first = [scene.sha256 for scene in drawn(target, search, 6)]
    assert first == [scene.sha256 for scene in drawn(target, search, 6)]
    assert len(set(first)) == 6
    assert not set(first) & {scene.sha256 for scene in drawn(target, search, 6, seed=2)}
    # A longer null begins like a shorter one.
    assert first == [scene.sha256 for scene in drawn(target, search, 9)][:6]


def test_no_null_is_the_target(small):
    for attribute in ("shape", "material", "lighting", "pose"):
        search = search_of(attribute)
        target = small(shape=MeshShape(surface="bunny"), lighting=SKY)
        own = represented(target, search).sha256
        assert own not in {scene.sha256 for scene in drawn(target, search, 8)}


# ---- Shapes -------------------------------------------------------------------------------------


def test_shapes_are_blobs_within_their_ranges_and_other_library_meshes(small, count):
    target = small(shape=MeshShape(surface="bunny"))
    scenes = drawn(target, search_of("shape"), count(60, 400))
    blobs = [scene.shape for scene in scenes if isinstance(scene.shape, Blob)]
    meshes = [scene.shape for scene in scenes if isinstance(scene.shape, MeshShape)]
    assert len(blobs) + len(meshes) == len(scenes)
    for blob in blobs:
        assert null_scenes.BLOB_AMPLITUDE[0] <= blob.amplitude <= null_scenes.BLOB_AMPLITUDE[1]
        assert null_scenes.BLOB_DEGREE[0] <= blob.degree <= null_scenes.BLOB_DEGREE[1]
    # The bunny itself, turned, is not among them.
    suzanne = len(MESHES["suzanne"]().faces)
    assert {len(geometry(mesh).faces) for mesh in meshes} == {suzanne}
    # Binomial band of 4 standard deviations: false alarm 6e-5 (the seed is fixed).
    share, n = null_scenes.SHARE_OF_MESHES, len(scenes)
    assert abs(len(meshes) - share * n) < 4 * np.sqrt(share * (1 - share) * n)


@pytest.mark.parametrize(("centre", "radius"), [((0, 0, 0), 1), ((0.5, 0.2, -0.3), 0.4)])
def test_shapes_fill_the_bounding_sphere_of_the_target(small, centre, radius):
    mesh = geometry(Blob(seed=8, subdivisions=2))
    own = Mesh(mesh.vertices * radius + np.array(centre), mesh.faces)
    target = small(shape=MeshShape(surface=own, fit=False))
    for scene in drawn(target, search_of("shape"), 12):
        found_centre, found_radius = bounding_sphere(geometry(scene.shape))
        np.testing.assert_allclose(found_centre, centre, atol=2e-3)
        np.testing.assert_allclose(found_radius, radius, rtol=2e-3)
        check_visible(scene)


# ---- Materials ----------------------------------------------------------------------------------


def test_materials_lie_within_their_ranges(small, count):
    search = search_of("material", material_parameters=("base_color", *SCALARS))
    scenes = drawn(small(), search, count(100, 1000))
    ranges = {
        "base_color": null_scenes.BASE_COLOR,
        "roughness": null_scenes.ROUGHNESS,
        "anisotropic": null_scenes.ANISOTROPIC,
        "eta": (1.2, 2.0),
    }
    for name in ("base_color", *SCALARS):
        values = np.array([getattr(scene.material, name) for scene in scenes])
        low, high = ranges.get(name, (0, 1))
        assert low <= values.min() < values.max() <= high
        # The range is used: its middle half is not all that is drawn.
        assert values.min() < low + 0.25 * (high - low)
        assert values.max() > high - 0.25 * (high - low)
    assert {scene.material.metallic for scene in scenes} == {0.0, 1.0}
    for scene in scenes:
        Material(**scene.material.model_dump())


def test_searched_parameters_alone_are_drawn(small):
    own = Material(base_color=(0.1, 0.2, 0.3), roughness=0.33, metallic=0.4)
    search = search_of("material", material_parameters=("roughness",))
    scenes = drawn(small(material=own), search, 5)
    assert len({scene.material.roughness for scene in scenes}) == 5
    assert {scene.material.base_color for scene in scenes} == {(0.1, 0.2, 0.3)}
    assert {scene.material.metallic for scene in scenes} == {0.4}


def test_textures_of_a_null_vary_smoothly_over_the_object(small):
    search = search_of("material", texture_resolution=8)
    for scene in drawn(small(), search, 6):
        texels = scene.material.base_color.pixels
        assert texels.shape == (8, 8, 3)
        assert null_scenes.BASE_COLOR[0] <= texels.min() + 1e-6
        assert texels.max() <= null_scenes.BASE_COLOR[1] + 1e-6
        assert texels.std(axis=(0, 1)).max() > 0.01
        assert np.abs(np.diff(texels, axis=0)).mean() < 2 * texels.std()


# ---- Lights -------------------------------------------------------------------------------------


def mean(lighting):
    pixels = lighting.radiance.pixels
    return float(np.average(pixels.mean(axis=2), weights=solid_angles(*pixels.shape[:2])))


def test_lights_have_the_targets_level_within_a_stop(small, count):
    target = small(lighting=SKY.model_copy(update={"level": 3.0}))
    scenes = drawn(target, search_of("lighting"), count(30, 200))
    stops = np.log2([mean(scene.lighting) / 3.0 for scene in scenes])
    low, high = null_scenes.LIGHT_STOPS
    # The target's own mean is taken from its map, of other rows.
    assert low - 0.02 < stops.min() < stops.max() < high + 0.02
    assert stops.std() > 0.3
    assert {scene.lighting.radiance.pixels.shape for scene in scenes} == {(8, 16, 3)}


def test_constant_lights_stay_constant_and_take_a_tint(small):
    scenes = drawn(
        small(lighting=Constant(radiance=(1, 1, 1), level=2.0)), search_of("lighting"), 20
    )
    radiance = np.array([scene.lighting.radiance for scene in scenes])
    assert {scene.lighting.kind for scene in scenes} == {"constant"}
    stops = np.log2(radiance.mean(axis=1) / 2)
    assert (np.abs(stops) <= 1 + 1e-9).all()
    assert (radiance.std(axis=1) / radiance.mean(axis=1)).max() > 0.2


def test_daylights_of_a_null_differ_in_what_is_searched(small):
    start = SunSky(sun_elevation=30, level=4.0)
    target = small(lighting=SKY.model_copy(update={"level": 3.0}))
    changes = {"start": StartConfig(lighting=start)}
    scenes = drawn(target, search_of("lighting", **changes), 20)
    # Both scales are searched: of the target's level within a stop.
    stops = np.log2([mean(scene.lighting) / 3.0 for scene in scenes])
    assert (
        null_scenes.LIGHT_STOPS[0] - 0.02
        < stops.min()
        < stops.max()
        < null_scenes.LIGHT_STOPS[1] + 0.02
    )
    assert len({scene.sha256 for scene in scenes}) == 20
    # Of an azimuth alone: the same light, turned.
    turned = drawn(target, search_of("lighting", sky_parameters=("sun_azimuth",), **changes), 6)
    means = [mean(scene.lighting) for scene in turned]
    own = mean(as_map(start, 8))
    np.testing.assert_allclose(means, own, rtol=0.05)
    assert len({scene.sha256 for scene in turned}) == 6


def test_several_attributes_are_drawn_together(small):
    target = small(shape=Sphere(subdivisions=2), lighting=SKY)
    for scene in drawn(target, search_of("shape", "material", "lighting"), 4):
        assert scene.shape != target.shape
        assert scene.material != target.material
        assert scene.lighting.radiance != target.lighting.radiance
        assert scene.cameras == target.cameras
        assert scene.pose == target.pose


# ---- Poses --------------------------------------------------------------------------------------


def test_poses_are_any_orientation_about_the_objects_own_centre(small, count):
    mesh = geometry(Blob(seed=8, subdivisions=2))
    aside = Mesh(mesh.vertices * 0.6 + np.array((0.5, 0.2, -0.3)), mesh.faces)
    target = small(
        shape=MeshShape(surface=aside, fit=False),
        pose=Pose(rotation=(10, 20, 30), translation=(0.1, 0, 0)),
        cameras=Ring(count=3),
    )
    middle, radius = bounding_sphere(aside)
    homogeneous = np.append(middle, 1)
    own = (target.pose.matrix() @ homogeneous)[:3]
    scenes = drawn(target, search_of("pose"), count(100, 1000))
    moves = []
    for scene in scenes:
        assert scene.shape == target.shape
        moves.append((scene.pose.matrix() @ homogeneous)[:3] - own)
        check_visible(scene)
    lengths = np.linalg.norm(moves, axis=1) / radius
    assert lengths.max() <= null_scenes.SHIFT + 1e-6
    assert lengths.max() > 0.8 * null_scenes.SHIFT
    # The angle θ of a uniform rotation has the density (1 − cos θ)/π: mean π/2 + 2/π, standard
    # deviation 0.65. Band of 4 standard errors: false alarm 6e-5.
    angles = np.radians([pose_difference(target.pose, scene.pose)["angle"] for scene in scenes])
    assert abs(angles.mean() - (np.pi / 2 + 2 / np.pi)) < 4 * 0.65 / np.sqrt(len(scenes))


def test_a_null_pose_keeps_the_centre_in_every_frame(small):
    # The object's centre stands near the edge of the frame.
    target = small(cameras=Ring(count=1, target=(1.3, 0, 0)), pose=Pose())
    for scene in drawn(target, search_of("pose"), 40):
        pixels = cameras(target.cameras)[0].project([scene.pose.translation])
        assert (pixels > -1e-3).all()
        assert (pixels < 128 + 1e-3).all()


def test_textures_of_scalars_are_drawn_smoothly(small):
    search = search_of(
        "material", texture_resolution=8, textured_parameters=("base_color", "roughness")
    )
    for scene in drawn(small(), search, 6):
        texels = scene.material.roughness.pixels
        assert texels.shape == (8, 8, 1)
        assert null_scenes.ROUGHNESS[0] <= texels.min() + 1e-6
        assert texels.max() <= null_scenes.ROUGHNESS[1]
        assert texels.std() > 0.005
        assert scene.material.metallic in (0.0, 1.0)
