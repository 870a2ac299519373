"""Controls: at given distances from the target, in a random direction."""

import numpy as np
import pytest

from mrd.search.controls import amplitudes_at, control_scenes
from mrd.search.directions import reflected, smooth_field
from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.differences import DISTANCE, chamfer, scene_difference, shape_difference, shift
from scenes.lighting import Constant, EnvironmentMap
from scenes.material import Material
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Blob, MeshShape, Sphere, geometry, with_spherical_uvs
from scenes.visibility import check_visible

SAMPLING, SAMPLES = 7, 1000


def scene(**changes):
    plain = {
        "name": "toy",
        "shape": Blob(seed=1, subdivisions=2),
        "material": Material(base_color=(0.6, 0.3, 0.2), roughness=0.4, metallic=0.0),
    }
    return Scene(**(plain | changes))


def search(*attributes, **changes):
    return SearchConfig(attributes=attributes, **changes)


def distances(target, other, attributes):
    """By the functions that results are measured by; shapes on few points, to be quick."""
    rng = np.random.default_rng(SAMPLING)
    if tuple(attributes) == ("shape",):
        meshes = geometry(target.shape), geometry(other.shape)
        return {"shape": shape_difference(*meshes, rng, SAMPLES)["chamfer"]}
    found = scene_difference(target, other, attributes, rng)
    return {name: found[name][DISTANCE[name]] for name in attributes}


# ---- How far --------------------------------------------------------------------------------


def test_a_proportional_distance_is_inverted():
    found = amplitudes_at(lambda a: 3 * a, [0.3, 6.0, 30.0])
    assert found == pytest.approx([0.1, 2.0, 10.0], rel=0.002)


def test_a_curve_that_falls_again_is_inverted_on_its_way_up():
    found = amplitudes_at(np.sin, [0.5, 0.8])
    assert np.sin(found) == pytest.approx([0.5, 0.8], rel=0.002)


def test_distance_zero_has_amplitude_zero():
    assert amplitudes_at(lambda a: a, [0.0, 0.5]) == [0.0, pytest.approx(0.5, rel=0.002)]


def test_a_distance_out_of_reach_gives_none():
    assert amplitudes_at(lambda a: min(a, 1.0), [0.5, 2.0]) is None
    assert amplitudes_at(lambda a: 1 - np.exp(-a), [1.5]) is None


def test_few_evaluations_are_needed():
    calls = []

    def distance(amplitude):
        calls.append(amplitude)
        return 0.2 * amplitude**1.3

    amplitudes_at(distance, list(np.linspace(0.1, 1, 8)))
    assert len(calls) < 40


# ---- Each attribute -------------------------------------------------------------------------

ROUGH = Picture(np.linspace(0.1, 0.9, 64, dtype=np.float32).reshape(8, 8, 1))
SKY = EnvironmentMap(radiance=Picture(np.full((16, 32, 3), 0.7, np.float32)), level=2.0)

CASES = {
    "shape": (scene(), search("shape"), {"shape": 0.05}),
    "material": (scene(), search("material"), {"material": 0.8}),
    "texture": (
        scene(material=Material(base_color=0.5, roughness=ROUGH)),
        search("material", material_parameters=("roughness",)),
        {"material": 0.4},
    ),
    "map": (scene(lighting=SKY), search("lighting"), {"lighting": 0.6}),
    "constant": (scene(lighting=Constant(radiance=0.4)), search("lighting"), {"lighting": 0.9}),
    "two": (scene(lighting=SKY), search("material", "lighting"), {"material": 0.3, "lighting": 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_distance_is_the_wanted_one_to_one_percent(case, rng):
    target, config, far = CASES[case]
    wanted = [{name: share * value for name, value in far.items()} for share in (0.2, 0.6, 1.0)]
    made = control_scenes(target, config, wanted, [0.0] * 3, rng, SAMPLING, SAMPLES)
    for level, other in zip(wanted, made, strict=True):
        assert distances(target, other, far) == pytest.approx(level, rel=0.01)
        searched = {name: getattr(target, name) for name in far}
        assert other.model_copy(update=searched) == target


def test_a_direction_is_one_for_all_levels(rng):
    target, config, _ = CASES["shape"]
    near, far = control_scenes(
        target, config, [{"shape": 0.02}, {"shape": 0.04}], [0, 0], rng, SAMPLING, SAMPLES
    )
    own = geometry(target.shape).vertices
    moves = [(geometry(each.shape).vertices - own).ravel() for each in (near, far)]
    assert np.corrcoef(moves)[0, 1] > 0.99999
    assert np.linalg.norm(moves[1]) > np.linalg.norm(moves[0])


def test_the_seed_determines_the_direction(seed):
    target, config, far = CASES["material"]
    made = [
        control_scenes(target, config, [far], [0.0], np.random.default_rng(s), SAMPLING)[0]
        for s in (seed, seed, seed + 1)
    ]
    assert made[0].sha256 == made[1].sha256 != made[2].sha256


def test_materials_stay_in_their_ranges(rng):
    target = scene(material=Material(base_color=(0.95, 0.02, 0.5), roughness=0.9, metallic=1.0))
    config = search("material", material_parameters=("base_color", "roughness", "metallic", "eta"))
    for _ in range(20):
        (other,) = control_scenes(
            target, config, [{"material": 1.0}], [0.0], rng, SAMPLING, SAMPLES
        )
        Material.model_validate(other.material.model_dump())  # refuses what is out of range
        assert 0.05 <= other.material.roughness <= 1
        assert other.material.sheen == target.material.sheen


def test_a_distance_beyond_every_material_is_refused(rng):
    config = search("material", material_parameters=("spec_tint",))
    with pytest.raises(InputError, match="no random direction of material reaches"):
        control_scenes(scene(), config, [{"material": 50.0}], [0.0], rng, SAMPLING, SAMPLES)


def test_a_value_is_folded_back_from_the_end_of_its_range():
    folded = reflected(np.array([-0.1, 0.3, 1.2, 2.1, -1.3]), 0.0, 1.0)
    np.testing.assert_allclose(folded, [0.1, 0.3, 0.8, 0.1, 0.7])


def off_centre(**changes):
    """A blob whose centre is one unit from the origin that poses turn about."""
    blob = geometry(Blob(seed=2, subdivisions=2))
    aside = Mesh(blob.vertices + np.float32([1, 0, 0]), blob.faces)
    return scene(
        shape=MeshShape(surface=aside, fit=False), pose=Pose(translation=(-1, 0, 0)), **changes
    )


def test_poses_have_the_wanted_angle_and_shift(rng):
    for target in (scene(pose=Pose(rotation=(10, 20, 30))), off_centre()):
        wanted, far = [{"pose": 42.0}, {"pose": 120.0}], [0.0, 0.2]
        for _ in range(4):
            made = control_scenes(target, search("pose"), wanted, far, rng, SAMPLING, SAMPLES)
            for level, length, other in zip(wanted, far, made, strict=True):
                assert distances(target, other, ["pose"]) == pytest.approx(level, rel=0.01)
                assert shift(target, other) == pytest.approx(length, abs=1e-6)
                check_visible(other)


def test_a_pose_beyond_every_view_is_refused(rng):
    with pytest.raises(InputError, match="no random direction of pose keeps the object in view"):
        control_scenes(scene(), search("pose"), [{"pose": 9.0}], [50.0], rng, SAMPLING, SAMPLES)


# ---- Smooth modes ---------------------------------------------------------------------------


def test_a_direction_of_shapes_is_smooth_and_seeded(seed):
    mesh = geometry(Sphere(subdivisions=3))
    field = smooth_field(mesh, np.random.default_rng(seed))
    assert np.mean(field**2) == pytest.approx(1)
    edges = mesh.faces[:, :2]
    steps = field[edges[:, 0]] - field[edges[:, 1]]
    # White noise would differ by √2 between neighbours; the 30 lowest modes of a sphere, of degree
    # 5 at most, by √30 × the edge length of about 0.15 at most.
    assert np.sqrt(np.mean(steps**2)) < 0.5
    assert abs(field.mean()) < 0.2
    again = smooth_field(mesh, np.random.default_rng(seed))
    np.testing.assert_allclose(field, again, atol=1e-9)


def test_vertices_at_one_place_move_as_one(rng):
    mesh, _ = with_spherical_uvs(geometry(Sphere(subdivisions=2)))
    field = smooth_field(mesh, rng)
    _, owner = np.unique(mesh.vertices, axis=0, return_inverse=True)
    for place in np.flatnonzero(np.bincount(owner.ravel()) > 1):
        assert np.ptp(field[owner.ravel() == place]) == 0


def test_chamfer_alone_is_that_of_the_whole_difference(seed):
    one, two = geometry(Sphere(subdivisions=2)), geometry(Blob(seed=2, subdivisions=2))
    whole = shape_difference(one, two, np.random.default_rng(seed), 500)["chamfer"]
    assert chamfer(one, two, np.random.default_rng(seed), 500) == whole
