"""What the optimiser moves: start, bounds, step, and the way to a scene and back."""

import mitsuba as mi
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mrd.rendering.stage import Stage
from mrd.rendering.to_mitsuba import VERTICES, Form, form_of, light_key, to_mitsuba
from mrd.search.variables.base import mitsuba_values
from mrd.search.variables.lighting import BRIGHTEST, DARKEST, LightingVariables
from mrd.search.variables.material import BOUNDS, MaterialVariables
from mrd.search.variables.pose import PoseVariables, rotation_matrix
from mrd.search.variables.shape import LARGEST_GROWTH, ShapeVariables, smoothing_matrix
from mrd.study.search_section import Regularisers
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.camera import Ring, cameras
from scenes.lighting import Constant, EnvironmentMap, SunSky
from scenes.material import SCALARS, Material
from scenes.placed import world_vertices
from scenes.pose import Pose
from scenes.shape import Blob, MeshShape, Sphere, geometry

TETRAHEDRON = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


def map_of(pixels):
    return EnvironmentMap(radiance=Picture(pixels))


# ---- Shape --------------------------------------------------------------------------------------


def test_the_smoothing_matrix_of_a_tetrahedron():
    # Every vertex has the three others for neighbours: L = 4 I − 1.
    found = smoothing_matrix(4, TETRAHEDRON, 2.0).toarray()
    np.testing.assert_array_equal(found, np.eye(4) + 2 * (4 * np.eye(4) - 1))


def test_the_smoothing_matrix_of_a_square_pyramid():
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1], [1, 3, 2], [1, 4, 3]])
    found = smoothing_matrix(5, faces, 1.0).toarray()
    # The base is cut along 1–3: degrees 4, 4, 3, 4, 3, and 2 and 4 are no neighbours.
    assert found.diagonal().tolist() == [5, 5, 4, 5, 4]
    assert found[2, 4] == found[4, 2] == 0
    assert found[1, 3] == found[0, 2] == -1
    np.testing.assert_allclose(found.sum(axis=1), 1)  # constants do not change


@pytest.mark.parametrize("smoothness", [0.0, 15.0, 200.0])
def test_vertices_come_back_from_smoothed_coordinates(small, smoothness):
    scene = small(shape=Blob(seed=4, subdivisions=3))
    variables = ShapeVariables(scene, smoothness)
    expected = geometry(scene.shape).vertices
    np.testing.assert_allclose(variables.vertices().detach(), expected, atol=1e-5)
    placed = geometry(variables.apply_to(scene).shape)
    np.testing.assert_allclose(placed.vertices, expected, atol=1e-5)
    np.testing.assert_array_equal(placed.faces, geometry(scene.shape).faces)


def test_the_solve_has_the_gradient_of_the_inverse(small):
    scene = small(shape=MeshShape(surface=Mesh(np.eye(4)[:, :3] + 0.1, TETRAHEDRON), fit=False))
    variables = ShapeVariables(scene, 3.0)
    weights = torch.arange(12, dtype=torch.float32).reshape(4, 3)
    (variables.vertices() * weights).sum().backward()
    inverse = np.linalg.inv(smoothing_matrix(4, TETRAHEDRON, 3.0).toarray())
    np.testing.assert_allclose(
        variables.tensors["latent"].grad, inverse.T @ weights.numpy(), rtol=1e-5
    )


def test_a_step_of_the_coordinates_is_a_smooth_step_of_the_vertices(small):
    scene = small(shape=Sphere(subdivisions=3))
    variables = ShapeVariables(scene, 15.0)
    before = variables.vertices().detach()
    with torch.no_grad():
        variables.tensors["latent"][0] += 1.0
    moved = (variables.vertices().detach() - before).norm(dim=1).numpy()
    neighbours = np.unique(geometry(scene.shape).faces[(geometry(scene.shape).faces == 0).any(1)])
    assert moved[0] == moved.max() < 0.1
    assert moved[neighbours[1:]].min() > 0.3 * moved[0]


def test_vertices_reach_the_world_by_the_pose(small):
    turned = Pose(rotation=(10, 40, 80), translation=(1, 2, 3))
    scene = small(shape=Blob(seed=4, subdivisions=2), pose=turned)
    variables = ShapeVariables(scene, 15.0)
    found = variables.values()[VERTICES].detach()
    np.testing.assert_allclose(found, world_vertices(geometry(scene.shape), scene), atol=1e-5)


def test_vertices_are_kept_within_their_bound(small):
    scene = small(shape=Sphere(subdivisions=2, radius=3.0))
    variables = ShapeVariables(scene, 15.0)
    with torch.no_grad():
        variables.tensors["latent"].mul_(5)
    assert variables.vertices().norm(dim=1).min() > 14
    variables.keep_in_bounds()
    radius = variables.vertices().norm(dim=1).detach()
    np.testing.assert_allclose(radius, LARGEST_GROWTH * 3.0, rtol=1e-4)
    inside = variables.tensors["latent"].clone()
    variables.keep_in_bounds()
    torch.testing.assert_close(variables.tensors["latent"], inside, rtol=1e-4, atol=1e-4)


def test_the_bound_goes_by_the_larger_of_start_and_target(small):
    start = small(shape=Sphere(subdivisions=2, radius=0.5))
    for extent, farthest in ((0.2, 1.0), (5.0, 10.0)):
        variables = ShapeVariables(start, 15.0, extent=extent)
        with torch.no_grad():
            variables.tensors["latent"].mul_(100)
        variables.keep_in_bounds()
        assert float(variables.vertices().detach().norm(dim=1).max()) == pytest.approx(
            farthest, rel=1e-4
        )


def test_new_triangles_change_no_bound_and_no_measure_of_the_start(small):
    start = small(shape=Sphere(subdivisions=2, radius=1.0))
    small_sphere = geometry(Sphere(subdivisions=3, radius=0.5))
    weights = Regularisers(area=1.0)
    variables = ShapeVariables(start, 15.0, regularisers=weights, mesh=small_sphere)
    # A quarter of the start's area, but for the facets of two subdivisions.
    assert float(variables.penalty().detach()) == pytest.approx(0.25, rel=0.05)
    with torch.no_grad():
        variables.tensors["latent"].mul_(100)
    variables.keep_in_bounds()
    assert float(variables.vertices().detach().norm(dim=1).max()) == pytest.approx(2.0, rel=1e-4)


def test_vertices_within_their_bound_are_left_alone(small):
    variables = ShapeVariables(small(), 15.0)
    before = variables.tensors["latent"].clone()
    variables.keep_in_bounds()
    assert torch.equal(variables.tensors["latent"], before)


def test_an_open_mesh_is_no_start(small):
    scene = small(shape=MeshShape(surface=Mesh(np.eye(3), [[0, 1, 2]]), fit=False))
    with pytest.raises(InputError, match=r"start\.shape of 'small': 3 of 3 edges do not belong"):
        ShapeVariables(scene, 15.0)


@pytest.mark.parametrize("normals", ["smooth", "flat"])
def test_the_rule_for_normals_is_kept(small, normals):
    scene = small(shape=Sphere(subdivisions=2, normals=normals))
    assert ShapeVariables(scene, 15.0).apply_to(scene).shape.normals == normals


# ---- Material -----------------------------------------------------------------------------------

PARAMETERS = ("base_color", *SCALARS)


def test_a_material_comes_back_as_it_was(small):
    material = Material(
        base_color=(0.2, 0.4, 0.6), roughness=0.3, metallic=0.7, eta=1.7, anisotropic=0.1,
        sheen=0.2, sheen_tint=0.3, clearcoat=0.4, clearcoat_gloss=0.5, spec_tint=0.6,
        spec_trans=0.7, flatness=0.8,
    )  # fmt: skip
    scene = small(material=material)
    placed = MaterialVariables(scene, PARAMETERS).apply_to(scene).material
    assert Material(**placed.model_dump()) == placed  # still valid
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(placed, name), getattr(material, name), atol=1e-7)


def test_textures_come_back_as_they_were(small, rng):
    color = Picture(rng.uniform(0.1, 0.9, size=(3, 5, 3)))
    rough = Picture(rng.uniform(0.1, 0.9, size=(4, 2, 1)))
    scene = small(material=Material(base_color=color, roughness=rough))
    variables = MaterialVariables(scene, ("base_color", "roughness"))
    assert variables.tensors["base_color"].shape == (3, 5, 3)
    assert variables.apply_to(scene).material == scene.material


def test_a_grey_becomes_a_colour(small):
    scene = small(material=Material(base_color=0.3))
    variables = MaterialVariables(scene, ("base_color",))
    np.testing.assert_allclose(variables.apply_to(scene).material.base_color, [0.3] * 3, atol=1e-7)


@pytest.mark.parametrize("name", PARAMETERS)
def test_material_parameters_stay_in_bounds(small, name):
    scene = small()
    variables = MaterialVariables(scene, (name,))
    low, high = BOUNDS.get(name, (0, 1))
    for value, bound in ((-3.0, low), (9.0, high)):
        with torch.no_grad():
            variables.tensors[name].fill_(value)
        variables.keep_in_bounds()
        np.testing.assert_allclose(variables.tensors[name].detach(), bound, rtol=1e-6)
        placed = variables.apply_to(scene).material
        Material(**placed.model_dump())  # bounds lie within what a material may be


def test_a_start_on_the_edge_begins_inside(small):
    variables = MaterialVariables(
        small(material=Material(base_color=0.0, roughness=0.0)), PARAMETERS
    )
    assert variables.tensors["base_color"].min() >= BOUNDS["base_color"][0]
    assert variables.tensors["roughness"].min() >= np.float32(BOUNDS["roughness"][0])


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name != "base_color"])
def test_a_parameter_that_starts_at_nothing_still_moves(small, name):
    """Mitsuba leaves lobes out that are zero when a scene is loaded."""
    other = {"sheen_tint": {"sheen": 1.0}, "clearcoat_gloss": {"clearcoat": 1.0}}
    start = small(material=Material(base_color=(0.6, 0.3, 0.2), **other.get(name, {})))
    moved_to = 0.8 if name != "eta" else 2.2
    aim = start.model_copy(update={"material": start.material.model_copy(update={name: moved_to})})
    variables = MaterialVariables(start, (name,))
    with torch.no_grad():
        variables.tensors[name].fill_(moved_to)
    form = form_of(aim)
    stage = Stage(start, form=form)
    stage.move(variables.values())
    view = cameras(start.cameras)
    moved = stage.radiance(view, 256, [1])
    expected = Stage(aim, form=form).radiance(view, 256, [1])
    unmoved = Stage(start, form=form).radiance(view, 256, [1])
    # The same noise but for which lobes are sampled.
    assert (expected - unmoved).abs().mean() > 3 * (expected - moved).abs().mean()
    np.testing.assert_allclose(moved.mean(), expected.mean(), rtol=0.01)


# ---- Lighting -----------------------------------------------------------------------------------


def test_a_constant_light_comes_back_with_its_level_multiplied_in(small):
    scene = small(lighting=Constant(radiance=(0.5, 1, 2), level=3.0))
    placed = LightingVariables(scene, 0.0).apply_to(scene).lighting
    assert isinstance(placed, Constant)
    np.testing.assert_allclose(placed.radiance, [1.5, 3, 6], rtol=1e-6)
    assert placed.level == 1


def test_a_map_comes_back_with_its_level_multiplied_in(small, rng):
    pixels = rng.uniform(0.1, 3, size=(5, 10, 3))
    lighting = map_of(pixels).model_copy(update={"level": 2.0, "rotation": 30.0})
    placed = LightingVariables(small(lighting=lighting), 0.0).apply_to(small()).lighting
    np.testing.assert_allclose(placed.radiance.pixels, 2 * pixels, rtol=1e-6)
    assert placed.rotation == 30
    assert placed.level == 1


def test_mitsuba_keeps_a_column_on_either_side_of_a_map(small, rng):
    """The layout that `values` writes is the one that Mitsuba makes of the same map."""
    lighting = map_of(rng.uniform(0.1, 3, size=(4, 8, 3)))
    scene = small(lighting=lighting)
    key = light_key(lighting)
    own = np.array(mi.traverse(to_mitsuba(scene))[key])
    found = LightingVariables(scene, 0.0).values()[key].detach().numpy()
    assert found.shape == own.shape
    np.testing.assert_allclose(found, own, rtol=1e-5)


def test_a_moved_map_is_seen_as_the_same_map_loaded(small, rng):
    start, other = (map_of(rng.uniform(0.1, 3, size=(4, 8, 3))) for _ in range(2))
    variables = LightingVariables(small(lighting=other), 0.0)
    stage = Stage(small(lighting=start))
    stage.move(variables.values())
    views = cameras(small().cameras)
    expected = Stage(small(lighting=other)).radiance(views, 16, [1])
    torch.testing.assert_close(stage.radiance(views, 16, [1]), expected, rtol=1e-4, atol=1e-4)


def test_radiance_stays_in_bounds(small):
    variables = LightingVariables(small(lighting=map_of(np.ones((4, 8, 3)))), 0.0)
    for value, bound in ((-99.0, DARKEST), (99.0, BRIGHTEST)):
        with torch.no_grad():
            variables.tensors["log_radiance"].fill_(value)
        variables.keep_in_bounds()
        radiance = variables.apply_to(small()).lighting.radiance.pixels
        np.testing.assert_allclose(radiance, bound, rtol=1e-5)


def test_darkness_starts_at_the_darkest(small):
    variables = LightingVariables(small(lighting=Constant(radiance=0.0)), 0.0)
    np.testing.assert_allclose(variables.tensors["log_radiance"].detach().exp(), DARKEST, rtol=1e-5)


def test_the_penalty_on_a_light_by_hand(small):
    pixels = np.ones((3, 4, 3))
    pixels[1, 0] = np.e  # one pixel, a natural log unit above all others
    variables = LightingVariables(small(lighting=map_of(pixels)), smoothness=2.0)
    # Across: two steps of 1 among 3 · 4; down: two among 2 · 4.
    penalty = variables.penalty()
    assert float(penalty.detach()) == pytest.approx(2 * (2 / 12 + 2 / 8), rel=1e-5)
    penalty.backward()
    assert variables.tensors["log_radiance"].grad[1, 0].sum() > 0


def test_an_even_light_has_no_penalty(small):
    even = LightingVariables(small(lighting=map_of(np.full((3, 4, 3), 7.0))), smoothness=2.0)
    constant = LightingVariables(small(), smoothness=2.0)
    assert float(even.penalty().detach()) == pytest.approx(0, abs=1e-12)
    assert float(constant.penalty()) == 0


def test_a_sky_is_represented_before_it_is_searched(small):
    with pytest.raises(TypeError, match="'sun_sky' is represented before it is searched"):
        LightingVariables(small(lighting=SunSky()), 0.0)


# ---- Pose ---------------------------------------------------------------------------------------

TURNED = Pose(rotation=(10, 40, 80), translation=(0.2, -0.1, 0.3))


def moved_to(variables, rotation, translation=(0, 0, 0)):
    with torch.no_grad():
        variables.tensors["rotation"].copy_(torch.tensor(rotation))
        variables.tensors["translation"].copy_(torch.tensor(translation))
    return variables


@pytest.mark.parametrize("vector", [(0.0, 0, 0), (1e-4, 0, 0), (0.3, -1.2, 0.5), (0, 0, np.pi)])
def test_the_matrix_of_a_rotation_vector(vector):
    found = rotation_matrix(torch.tensor(vector, dtype=torch.float64))
    np.testing.assert_allclose(found, Rotation.from_rotvec(vector).as_matrix(), atol=1e-12)


@pytest.mark.parametrize("vector", [(0.0, 0, 0), (0.3, -1.2, 0.5)])
def test_the_matrix_of_a_rotation_vector_has_its_derivative(vector):
    start = torch.tensor(vector, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(rotation_matrix, start)


def test_a_pose_that_has_not_moved_is_exactly_the_starts(small):
    scene = small(pose=TURNED)
    assert PoseVariables(scene).apply_to(small()).pose == TURNED


def test_a_quarter_turn_about_the_centre_by_hand(small):
    # A sphere whose centre stands at (1, 0, 0), turned about the vertical through it: z to x.
    mesh = geometry(Sphere(subdivisions=1))
    aside = Mesh(mesh.vertices + np.float32([1, 0, 0]), mesh.faces)
    scene = small(shape=MeshShape(surface=aside, fit=False))
    variables = moved_to(PoseVariables(scene), (0, np.pi / 2, 0), (0.1, 0, 0))
    pose = variables.apply_to(scene).pose
    np.testing.assert_allclose(pose.rotation, (0, 90, 0), atol=1e-4)
    matrix = pose.matrix()
    np.testing.assert_allclose(matrix @ [1, 0, 0, 1], [1.1, 0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(matrix @ [1, 0, 1, 1], [2.1, 0, 0, 1], atol=1e-6)


@pytest.mark.parametrize("texture_coordinates", [False, True])
@pytest.mark.parametrize("rotation", [(0.4, -0.7, 2.0), (0.0, np.pi / 2, 0.0)])
def test_a_moved_pose_is_what_its_scene_has_in_mitsuba(small, texture_coordinates, rotation):
    scene = small(shape=Blob(seed=4, subdivisions=2), pose=TURNED)
    form = Form(texture_coordinates, 2)
    variables = moved_to(PoseVariables(scene, form), rotation, (0.1, 0.2, -0.1))
    placed = mi.traverse(to_mitsuba(variables.apply_to(scene), form))
    for key, value in variables.values().items():
        np.testing.assert_allclose(value.detach().ravel(), np.array(placed[key]), atol=2e-6)
    stage = Stage(scene, form=form)
    stage.move(variables.values())
    views = cameras(scene.cameras)
    expected = Stage(variables.apply_to(scene), form=form).radiance(views, 16, [1])
    assert (stage.radiance(views, 16, [1]) - expected).abs().mean() < 1e-3


def test_a_searched_shape_is_formed_then_posed(small):
    scene = small(shape=Blob(seed=4, subdivisions=2), pose=TURNED)
    pose = moved_to(PoseVariables(scene), (0.4, -0.7, 0.2), (0.1, 0, 0))
    shape = ShapeVariables(scene, 15.0)
    with torch.no_grad():
        shape.tensors["latent"].mul_(0.8)
    found = mitsuba_values([pose, shape])
    assert list(found) == [VERTICES]  # Mitsuba computes the normals
    placed = pose.apply_to(shape.apply_to(scene))
    expected = world_vertices(geometry(placed.shape), placed)
    np.testing.assert_allclose(found[VERTICES].detach(), expected, atol=1e-5)


def test_a_turn_stays_within_half_a_circle(small):
    variables = PoseVariables(small())
    for angle, expected in ((3.0, 3.0), (3.5, 3.5 - 2 * np.pi), (-10.0, -10 + 4 * np.pi)):
        moved_to(variables, (0, angle, 0)).keep_in_bounds()
        np.testing.assert_allclose(
            variables.tensors["rotation"].detach(), [0, expected, 0], atol=1e-5
        )


def test_the_centre_stays_where_every_camera_sees_it(small):
    scene = small(cameras=Ring(count=3, distance=5, field_of_view=32))
    for away in ((9.0, 0, 0), (0, -9.0, 3.0), (0, 0, 9.0)):
        variables = moved_to(PoseVariables(scene), (0, 0, 0), away)
        variables.keep_in_bounds()
        found = np.array(variables.apply_to(scene).pose.translation)
        along = np.array(away) / np.linalg.norm(away)
        assert 0.3 < found @ along < 2
        np.testing.assert_allclose(found, (found @ along) * along, atol=1e-6)
        pixels = np.concatenate([view.project([found]) for view in cameras(scene.cameras)])
        size = scene.cameras.resolution
        assert pixels.min() > -1e-3
        assert pixels.max() < size + 1e-3
        # It went as far as it may: on an edge of some frame.
        assert min(pixels.min(), (size - pixels).min()) < 1e-3


def test_a_centre_in_view_is_left_alone(small):
    variables = moved_to(PoseVariables(small()), (0.1, 0.2, 0.3), (0.3, -0.2, 0.1))
    variables.keep_in_bounds()
    np.testing.assert_allclose(variables.tensors["translation"].detach(), [0.3, -0.2, 0.1])
    np.testing.assert_allclose(variables.tensors["rotation"].detach(), [0.1, 0.2, 0.3])
