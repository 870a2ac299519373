"""Target, start, result and null have one form, and differ only in the searched attributes."""

import numpy as np
import pytest

from mrd.criterion.null_scenes import null_scene
from mrd.rendering.representation import (
    GREY_BEHIND_LIGHTING,
    as_map,
    form_of_family,
    represented,
    start_scene,
)
from mrd.rendering.to_mitsuba import Form
from mrd.search.variables.build import build_variables
from mrd.study.search_groups import StartConfig
from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.differences import lighting_difference
from scenes.film import Film
from scenes.geometry.topology import manifold_problem
from scenes.lighting import Constant, EnvironmentMap, SunSky, map_directions, radiance_over_sphere
from scenes.material import Material
from scenes.path_depth import OPAQUE_DEPTH, TRANSMITTING_DEPTH
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Blob, MeshShape, Sphere, geometry

TEXTURE = Picture(np.random.default_rng(1).uniform(0.2, 0.8, size=(12, 12, 3)))
SKY = EnvironmentMap(radiance=Picture(1 + map_directions(33, 66) * 0.5), rotation=40, level=2)

PARTS = ("shape", "material", "pose", "lighting", "cameras", "film")


def search_of(*attributes, **changes):
    return SearchConfig(attributes=attributes, environment_height=8, **changes)


def family(target, search, seed=1):
    """Return target, start, result (after one change of the variables) and two null scenes."""
    represented_target = represented(target, search)
    start = start_scene(represented_target, search.starts(), search)
    result = start
    for variables in build_variables(start, search):
        for tensor in variables.tensors.values():
            tensor.data.mul_(1.01).add_(0.001)
        variables.keep_in_bounds()
        result = variables.apply_to(result)
    nulls = [
        null_scene(represented_target, search, rng) for rng in np.random.default_rng(seed).spawn(2)
    ]
    return {"target": represented_target, "start": start, "result": result, "nulls": nulls}


def with_part_of(scene: Scene, part: str, other: Scene) -> Scene:
    return scene.model_copy(update={part: getattr(other, part)})


COMBINATIONS = [
    ("shape",),
    ("material",),
    ("lighting",),
    ("shape", "material"),
    ("shape", "lighting"),
    ("material", "lighting"),
    ("shape", "material", "lighting"),
    ("pose",),
    ("shape", "pose"),
    ("pose", "material", "lighting"),
]


@pytest.mark.parametrize("attributes", COMBINATIONS, ids="-".join)
@pytest.mark.parametrize(
    "lighting", [Constant(radiance=(0.8, 0.9, 1)), SKY], ids=["constant", "map"]
)
def test_unsearched_parts_are_equal_in_all_scenes(small, attributes, lighting):
    target = small(
        shape=Blob(seed=3, subdivisions=2),
        material=Material(base_color=(0.6, 0.3, 0.2), roughness=0.3),
        lighting=lighting,
        pose=Pose(rotation=(10, 20, 30), translation=(0.1, 0, 0)),
        film=Film(exposure=1.3),
    )
    found = family(target, search_of(*attributes))
    for other in (found["start"], found["result"], *found["nulls"]):
        for part in PARTS:
            same = with_part_of(found["target"], part, other).sha256 == found["target"].sha256
            assert same == (part not in attributes), part
        assert other.name == target.name


@pytest.mark.parametrize(
    ("attributes", "normals"),
    [
        (attributes, normals)
        for attributes in COMBINATIONS
        for normals in ("smooth", "flat")
        if normals == "smooth" or not {"shape", "pose"} & set(attributes)  # refused: below
    ],
)
def test_one_rule_for_normals_and_texture_coordinates(small, attributes, normals):
    target = small(
        shape=Blob(seed=3, subdivisions=2, normals=normals),
        pose=Pose(rotation=(10, 20, 30)),
        lighting=SKY,
    )
    search = search_of(*attributes)
    found = family(target, search)
    everyone = [found["target"], found["start"], found["result"], *found["nulls"]]
    assert {scene.shape.normals for scene in everyone} == {normals}
    assert {geometry(scene.shape).uvs is None for scene in everyone} == {True}
    assert len({form_of_family(search, scene) for scene in everyone}) == 1


@pytest.mark.parametrize("target_lighting", [Constant(), SKY, SunSky(sun_scale=0.01)])
@pytest.mark.parametrize("start_lighting", [None, SKY, SunSky(level=2)])
def test_one_kind_and_size_of_light(small, target_lighting, start_lighting):
    search = search_of("lighting", start=StartConfig(lighting=start_lighting))
    found = family(small(lighting=target_lighting), search)
    everyone = [found["target"], found["start"], found["result"], *found["nulls"]]
    alike = {
        (light.kind, getattr(getattr(light, "radiance", None), "pixels", np.empty(0)).shape)
        if light.kind == "map"
        else light.kind
        for light in (scene.lighting for scene in everyone)
    }
    both_constant = target_lighting.kind == "constant" and start_lighting is None
    assert alike == ({"constant"} if both_constant else {("map", (8, 16, 3))})
    # Level and rotation are part of the pixels.
    assert {(light.level, light.rotation) for light in (s.lighting for s in everyone)} == {(1, 0)}


@pytest.mark.parametrize(
    "color", [0.3, (0.2, 0.4, 0.6), TEXTURE], ids=["grey", "colour", "texture"]
)
def test_one_size_of_texture(small, color):
    search = search_of("material", texture_resolution=5)
    found = family(small(material=Material(base_color=color)), search)
    everyone = [found["target"], found["start"], found["result"], *found["nulls"]]
    assert {scene.material.base_color.pixels.shape for scene in everyone} == {(5, 5, 3)}
    assert form_of_family(search, found["target"]).texture_coordinates


def test_a_texture_of_another_size_is_averaged(small):
    pixels = np.arange(16.0).reshape(4, 4, 1) / 20 * np.ones(3)
    found = represented(
        small(material=Material(base_color=Picture(pixels))),
        search_of("material", texture_resolution=2),
    )
    # Means of the four quarters, by hand.
    expected = np.array([[2.5, 4.5], [10.5, 12.5]]) / 20
    np.testing.assert_allclose(found.material.base_color.pixels[..., 0], expected, rtol=1e-6)


def test_a_map_of_another_size_keeps_its_light(small):
    found = represented(small(lighting=SKY), search_of("lighting")).lighting
    expected = radiance_over_sphere(SKY, 8)
    assert found.radiance == expected
    assert as_map(Constant(radiance=(1, 2, 3), level=2), 4).radiance.pixels[0, 0].tolist() == [
        2,
        4,
        6,
    ]


def test_a_searched_map_has_no_black(small):
    """Black has log radiance −∞, which no search reaches: it would count as a difference."""
    half = Picture(np.repeat([[[2.0]], [[2.0]], [[0.0]], [[0.0]]], 8, axis=1) * np.ones(3))
    search = search_of("lighting", start=StartConfig(lighting=Constant(level=0.001)))
    target = represented(small(lighting=EnvironmentMap(radiance=half)), search)
    pixels = target.lighting.radiance.pixels
    assert 0.5e-4 < pixels.min() < 2e-4
    assert pixels.max() == pytest.approx(2, rel=1e-3)
    # Variables that start at the target return the target.
    (variables,) = build_variables(target, search)
    again = variables.apply_to(target)
    difference = lighting_difference(target.lighting, again.lighting)
    assert difference["rms_log_radiance"] < 1e-4


def test_unsearched_material_parameters_are_those_of_the_target(small):
    metal = Material(base_color=(0.9, 0.9, 0.9), metallic=1.0, roughness=0.3, anisotropic=0.8)
    search = search_of(
        "material",
        material_parameters=("base_color", "roughness"),
        start=StartConfig(material=Material(base_color=0.1, roughness=0.9, metallic=0.0)),
    )
    found = family(small(material=metal), search)
    for other in (found["start"], found["result"], *found["nulls"]):
        assert other.material.metallic == 1
        assert other.material.anisotropic == 0.8
    assert found["start"].material.base_color == 0.1
    assert found["start"].material.roughness == 0.9


@pytest.mark.parametrize(
    ("background", "attributes", "expected"),
    [
        ("auto", ("lighting",), GREY_BEHIND_LIGHTING),
        ("auto", ("shape", "lighting"), GREY_BEHIND_LIGHTING),
        ("auto", ("shape",), "auto"),
        ("auto", ("material",), "auto"),
        ("environment", ("lighting",), "environment"),
        (0.2, ("lighting",), 0.2),
    ],
)
def test_a_searched_light_is_not_seen_behind_the_object(small, background, attributes, expected):
    target = small(film=Film(exposure=1.0, background=background))
    found = family(target, search_of(*attributes))
    for scene in (found["target"], found["start"], found["result"], *found["nulls"]):
        assert scene.film.background == expected


@pytest.mark.parametrize(
    ("material", "changes"),
    [
        (Material(base_color=TEXTURE), {}),
        (Material(roughness=Picture(np.full((2, 2, 1), 0.5))), {}),
        (Material(), {"attributes": ("shape", "material"), "texture_resolution": 4}),
    ],
    ids=["texture", "roughness", "searched"],
)
def test_a_shape_search_with_textures_is_refused(small, material, changes):
    search = SearchConfig(**({"attributes": ("shape",)} | changes))
    with pytest.raises(InputError, match="'small': a shape search carries no texture coordinates"):
        represented(small(material=material), search)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        (("pose",), "pose"),
        (("shape", "material"), "shape"),
        (("pose", "shape"), "shape and pose"),
    ],
)
def test_a_moving_flat_shaded_mesh_is_refused(small, attributes, said):
    target = small(shape=Blob(seed=3, subdivisions=2, normals="flat"))
    match = rf"'small': shape\.normals is flat, and {said} searched; .* set normals: smooth"
    with pytest.raises(InputError, match=match):
        represented(target, search_of(*attributes))


def test_a_pose_search_that_starts_at_the_target_is_refused(small):
    search = search_of("pose")
    with pytest.raises(InputError, match=r"start\.pose is that of the target 'small'"):
        start_scene(represented(small(), search), search.starts(), search)
    both = search_of("pose", "material")
    assert start_scene(represented(small(), both), both.starts(), both).pose == Pose()


@pytest.mark.parametrize("roughness", [0.3, Picture(np.full((6, 6, 1), 0.4))])
def test_scalars_may_be_textures(small, roughness):
    search = search_of(
        "material",
        texture_resolution=3,
        material_parameters=("roughness", "metallic"),
        textured_parameters=("base_color", "roughness"),
    )
    found = family(small(material=Material(roughness=roughness, metallic=0.2)), search)
    everyone = [found["target"], found["start"], found["result"], *found["nulls"]]
    for scene in everyone:
        assert scene.material.roughness.pixels.shape == (3, 3, 1)
        assert scene.material.base_color == found["target"].material.base_color
        assert isinstance(scene.material.metallic, float)
    assert len({scene.material.roughness.sha256 for scene in everyone}) == 5
    assert form_of_family(search, found["target"]).texture_coordinates


@pytest.mark.parametrize("where", ["target", "start"])
def test_a_texture_that_the_search_cannot_produce_is_refused(small, where):
    rough = Material(roughness=Picture(np.full((2, 2, 1), 0.5)))
    target, start = (rough, None) if where == "target" else (Material(), rough)
    search = search_of("material", start=StartConfig(material=start), texture_resolution=4)
    message = r"material of 'small' .*: roughness are .*\[base_color, roughness\]"
    with pytest.raises(InputError, match=message):
        family(small(material=target), search)


@pytest.mark.parametrize(
    ("attributes", "changes", "material", "expected"),
    [
        (("shape",), {}, {}, Form(False, OPAQUE_DEPTH)),
        (("shape",), {}, {"anisotropic": 0.5}, Form(False, OPAQUE_DEPTH)),
        (("shape",), {}, {"spec_trans": 0.5}, Form(False, TRANSMITTING_DEPTH)),
        (("material",), {}, {}, Form(False, OPAQUE_DEPTH)),
        (("material",), {"texture_resolution": 2}, {}, Form(True, OPAQUE_DEPTH)),
        (("lighting",), {"texture_resolution": 2}, {}, Form(False, OPAQUE_DEPTH)),
        (("lighting",), {}, {"base_color": TEXTURE}, Form(True, OPAQUE_DEPTH)),
        (("lighting",), {}, {"anisotropic": 0.5}, Form(True, OPAQUE_DEPTH)),
        (
            ("material",),
            {"material_parameters": ("anisotropic",)},
            {},
            Form(True, OPAQUE_DEPTH),
        ),
        (
            ("material",),
            {"material_parameters": ("spec_trans",)},
            {},
            Form(False, TRANSMITTING_DEPTH),
        ),
        (("lighting",), {"material_parameters": ("spec_trans",)}, {}, Form(False, OPAQUE_DEPTH)),
    ],
)
def test_the_form_of_a_family(small, attributes, changes, material, expected):
    target = small(material=Material(**material))
    assert form_of_family(search_of(*attributes, **changes), target) == expected


def test_start_is_converted_to_the_form_of_the_target(small):
    search = search_of("shape", "lighting", start=StartConfig(shape=Sphere(subdivisions=2)))
    target = represented(small(shape=Blob(seed=1, subdivisions=3), lighting=SKY), search)
    start = start_scene(target, search.starts(), search)
    assert start.shape == Sphere(subdivisions=2)
    # White of the target's mean radiance, 2, as a map like the target's.
    np.testing.assert_allclose(start.lighting.radiance.pixels, 2, rtol=1e-3)
    assert start.lighting.radiance.pixels.shape == (8, 16, 3)


def test_a_given_start_light_is_kept(small):
    search = search_of("lighting", start=StartConfig(lighting=Constant(radiance=(1, 2, 3))))
    target = represented(small(lighting=SKY), search)
    found = start_scene(target, search.starts(), search).lighting.radiance.pixels
    np.testing.assert_allclose(found, np.broadcast_to([1, 2, 3], (8, 16, 3)), rtol=1e-6)


def doubled(scene: Scene) -> Scene:
    """Return a sphere whose faces share no vertices, like a file with hard edges."""
    mesh = geometry(scene.shape)
    corners = np.arange(3 * len(mesh.faces)).reshape(-1, 3)
    surface = Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), corners)
    return scene.model_copy(update={"shape": MeshShape(surface=surface, fit=False)})


def test_a_moving_surface_has_one_vertex_per_position(small):
    scene = doubled(small())
    found = represented(scene, search_of("shape", mode="diverge")).shape.surface
    assert found.vertices.shape == (642, 3)
    assert manifold_problem(found) is None
    assert represented(scene, search_of("material")).shape == scene.shape
