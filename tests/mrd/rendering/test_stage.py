"""The stage: noise, exposure, tone curve, gradients, and replayed kernels."""

import numpy as np
import pytest
import torch
import trimesh

from mrd.models import registry
from mrd.rendering.representation import form_of_family, represented, start_scene
from mrd.rendering.stage import EXPOSURE_LEVEL, Stage, display, exposed, noise_seed, with_film
from mrd.rendering.to_mitsuba import surface_integrator
from mrd.search.variables.base import mitsuba_values
from mrd.search.variables.build import build_variables
from mrd.study.model_section import FrontEnd, ModelConfig
from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh
from scenes.base.errors import InputError
from scenes.camera import Ring, Single, cameras
from scenes.film import LINEAR_LIMIT, LUMINANCE, Film, encode
from scenes.lighting import Constant, EnvironmentMap
from scenes.material import Material
from scenes.pose import Pose
from scenes.shape import Blob, MeshShape, Sphere

# ---- Tone curve ---------------------------------------------------------------------------------


def knees(film):
    """Return radiance near every change of the curve: 0, the end of the linear part, 1."""
    linear = np.array([0.0, LINEAR_LIMIT, 1.0])
    if film.tone_curve == "reinhard":
        linear = linear[:2] / (1 - linear[:2])
    near = linear[:, None] + np.array([-1e-4, -1e-6, 0.0, 1e-6, 1e-4])
    return near.ravel() / film.fixed_exposure


@pytest.mark.parametrize("tone_curve", ["srgb", "reinhard"])
@pytest.mark.parametrize("exposure", [0.3, 1.0, 4.7])
def test_tone_curve_agrees_with_scenes(tone_curve, exposure, rng):
    film = Film(exposure=exposure, tone_curve=tone_curve)
    linear = np.concatenate([10 ** rng.uniform(-6, 4, size=5000), [0, -1, 1e30], knees(film)])
    linear = linear.astype(np.float32)
    found = display(torch.tensor(linear), film).numpy()
    np.testing.assert_allclose(found, encode(linear.astype(np.float64), film), atol=1e-6, rtol=0)


@pytest.mark.parametrize("tone_curve", ["srgb", "reinhard"])
def test_the_tone_curve_has_a_finite_gradient_everywhere(tone_curve, rng):
    film = Film(exposure=2.0, tone_curve=tone_curve)
    values = np.concatenate([10 ** rng.uniform(-30, 30, size=2000), [0, -0.0, -3], knees(film)])
    linear = torch.tensor(values, dtype=torch.float32, requires_grad=True)
    display(linear, film).sum().backward()
    assert torch.isfinite(linear.grad).all()
    assert (linear.grad >= 0).all()


@pytest.mark.parametrize("tone_curve", ["srgb", "reinhard"])
def test_the_gradient_of_the_tone_curve_is_that_of_its_values(tone_curve, rng):
    film = Film(exposure=1.5, tone_curve=tone_curve)
    linear = torch.tensor(10 ** rng.uniform(-4, -0.3, size=200), requires_grad=True)
    # Double precision, away from the knees, where left and right differ.
    scaled = (linear * film.fixed_exposure).detach()
    shown = scaled / (1 + scaled) if tone_curve == "reinhard" else scaled
    away = linear.detach()[(shown - LINEAR_LIMIT).abs() > 1e-5].requires_grad_()
    torch.autograd.gradcheck(lambda x: display(x, film), (away,), eps=1e-7, atol=1e-4)


# ---- Noise --------------------------------------------------------------------------------------


def test_noise_seed_depends_on_scene_camera_light_and_index(small):
    rig = Ring(count=2, resolution=32)
    scene = small(cameras=rig, lighting=EnvironmentMap(radiance="studio"))
    first = Stage(scene).photographs(cameras(rig), 4, index=3)
    again = Stage(scene).photographs(cameras(rig)[::-1], 4, index=3).flip(0)
    other = Stage(scene).photographs(cameras(rig), 4, index=4)
    # Not bit for bit: two threads add up the samples of a pixel in any order.
    torch.testing.assert_close(again, first, rtol=1e-5, atol=1e-5)
    assert (other - first).abs().mean() > 1e-3


def test_any_number_of_samples_renders_without_a_warning(small, capfd):
    scene = small()
    images = Stage(scene).radiance(cameras(scene.cameras), 7, [1])
    assert images.shape == (1, 3, 32, 32)
    assert capfd.readouterr() == ("", "")


def test_the_noise_of_two_images_is_unrelated(small):
    rig = Ring(count=1, resolution=32)
    scene = small(cameras=rig, lighting=EnvironmentMap(radiance="studio"))
    stage = Stage(scene)
    quiet = stage.radiance(cameras(rig), 1024, [12345])
    inside = (quiet.std(dim=1, keepdim=True) > 0).expand_as(quiet)
    noise = torch.stack(
        [(stage.photographs(cameras(rig), 4, index) - quiet)[inside] for index in range(6)]
    )
    related = torch.corrcoef(noise / noise.std(dim=1, keepdim=True))
    others = related[~torch.eye(6, dtype=bool)]
    # Channels share their noise, and the filter spreads it over about four pixels: n / 12 values.
    # 15 pairs beyond 4.5 standard errors: false alarm 1e-4.
    assert others.abs().max() < 4.5 / np.sqrt(noise.shape[1] / 12)


def test_no_two_images_of_a_large_table_share_a_seed():
    names = [
        (f"{scene:064x}", f"{group}{camera}", light, index)
        for scene in range(20)
        for group in "ch"
        for camera in range(6)
        for light in ("constant", "map", "sun_sky")
        for index in range(25)
    ]
    # By chance, 18,000 hashes of 32 bits collide with probability 0.037; this table is fixed.
    assert len({noise_seed(*name) for name in names}) == len(names) == 18_000


def test_a_seed_fits_the_renderer_and_is_a_python_number():
    seed = noise_seed("0" * 64, "c0", "map", 0)
    assert type(seed) is int
    assert 0 <= seed < 2**32


# ---- Exposure -----------------------------------------------------------------------------------


def test_auto_exposure_sets_the_bright_parts_of_the_object(small):
    scene = small(
        shape=Blob(seed=2, subdivisions=3),
        lighting=EnvironmentMap(radiance="studio", level=0.37),
        cameras=Ring(count=3, held_out=1, resolution=32),
        film=Film(),
    )
    fixed = exposed(scene)
    stage = Stage(fixed)
    views = [view for view in cameras(scene.cameras) if not view.held_out]
    images = stage.radiance(views, 256, [1, 2, 3]).numpy()
    luminance = np.einsum("vchw,c->vhw", images, LUMINANCE)
    object_alone = np.concatenate(
        [picture[stage.coverage(view)] for picture, view in zip(luminance, views, strict=True)]
    )
    brightest = np.percentile(object_alone * fixed.film.fixed_exposure, 95)
    # Half a step of the exposure is 3.5 %; chosen from 16 samples, seen with 256.
    np.testing.assert_allclose(brightest, EXPOSURE_LEVEL, rtol=0.06)


def test_auto_exposure_depends_only_on_the_light(small):
    dim = small(lighting=Constant(radiance=(0.1, 0.1, 0.1)), film=Film())
    grey = small(lighting=Constant(radiance=(1, 1, 1)), film=Film(background=0.5))
    one, ten = exposed(grey).film.fixed_exposure, exposed(dim).film.fixed_exposure
    np.testing.assert_allclose(ten, 10 * one, rtol=0.04)  # half a step
    assert exposed(grey).film.background == 0.5
    steps = 10 * np.log2([one, ten])
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)


def test_auto_exposure_is_reproducible(small):
    scene = small(lighting=EnvironmentMap(radiance="studio"), film=Film())
    assert len({exposed(scene).sha256 for _ in range(5)}) == 1


def test_a_given_exposure_is_kept(small):
    scene = small(film=Film(exposure=0.7))
    assert exposed(scene) is scene


def test_auto_exposure_of_an_invisible_object_is_refused(small):
    speck = small(
        shape=Sphere(subdivisions=0, radius=1e-4),
        pose=Pose(translation=(0.01, 0.01, 0)),
        film=Film(),
    )
    with pytest.raises(InputError, match=r"'small'.*covers no pixel of any training camera"):
        exposed(speck)


def test_with_film_changes_only_the_film(small):
    scene = small()
    changed = with_film(scene, exposure=2.0)
    assert changed.film.exposure == 2
    assert with_film(changed, exposure=scene.film.exposure) == scene


# ---- Where things are ---------------------------------------------------------------------------


def red_square_at_top_left(small):
    """Return a red box before black: rows and columns 4 to 12 of 32, seen along −z."""
    side = 5 * np.tan(np.radians(16))  # half the frame at the box, 16 pixels
    box = trimesh.creation.box(extents=(side / 2, side / 2, 0.01))
    place = -side / 2
    return small(
        shape=MeshShape(surface=Mesh(box.vertices, box.faces), fit=False, normals="flat"),
        pose=Pose(translation=(place, -place, 0)),
        material=Material(base_color=(1.0, 0.0, 0.0), roughness=0.4, eta=1.0001),
        cameras=Single(elevation=0, resolution=32),
        film=Film(exposure=0.5, background=0.0),
    )


def test_rendered_image_keeps_position_and_channel_order(small):
    scene = red_square_at_top_left(small)
    model = registry.create(ModelConfig(network="pixels", front_end=FrontEnd(blur=0.0)))
    stage = Stage(scene)
    images = display(stage.radiance(cameras(scene.cameras), 64, [1]), scene.film)
    (seen,) = model.activations(images)["pixels"]
    assert seen.shape == (3, 32, 32)
    half = float(encode(0.5, scene.film.model_copy(update={"exposure": 1.0})))
    middle = seen[0, 6:10, 6:10]
    torch.testing.assert_close(middle, torch.full((4, 4), half), atol=0.03, rtol=0)
    elsewhere = seen.clone()
    elsewhere[0, 2:14, 2:14] = 0  # the filter reaches two pixels past an edge
    assert float(elsewhere.abs().max()) < 1e-3


def test_gradient_belongs_to_the_right_pixels(small):
    """Only the red of the square depends on its base colour."""
    scene = red_square_at_top_left(small)
    stage = Stage(scene)
    from mrd.rendering.to_mitsuba import material_key, surface_integrator

    key = material_key("base_color", scene.material)
    stage.move({key: torch.tensor([0.5, 0.5, 0.5])})
    integrator = surface_integrator(scene)

    def gradient(channel, rows, columns):
        weights = torch.zeros(1, 3, 32, 32)
        weights[0, channel, rows, columns] = 1
        return stage.adjoint(integrator, cameras(scene.cameras), weights, 16, [5])[key]

    corner = slice(0, 16)
    red = gradient(0, corner, corner)
    assert red[0] > 1
    np.testing.assert_allclose(red[1:], 0, atol=1e-6)
    np.testing.assert_allclose(gradient(0, slice(16, 32), corner), 0, atol=1e-6)
    np.testing.assert_allclose(gradient(0, corner, slice(16, 32)), 0, atol=1e-6)


def test_coverage_is_the_mask_of_the_object(small):
    scene = small(
        shape=Blob(seed=2, subdivisions=3),
        cameras=Ring(count=2, azimuth=30, resolution=32),
        film=Film(exposure=1.0, background=0.0),
    )
    stage = Stage(scene)
    for view in cameras(scene.cameras):
        radiance = stage.radiance([view], 64, [1])[0].sum(dim=0).numpy()
        covered = stage.coverage(view)
        assert covered.shape == (32, 32)
        assert 100 < covered.sum() < 900
        # The filter of an image reaches two pixels past an edge.
        edge = np.zeros_like(covered)
        for down in range(-2, 3):
            for right in range(-2, 3):
                edge |= np.roll(covered, (down, right), axis=(0, 1)) != covered
        assert (radiance[covered & ~edge] > 0).all()
        assert (radiance[~covered & ~edge] < 1e-3).all()


@pytest.mark.parametrize("attributes", [("material",), ("lighting",), ("material", "lighting")])
def test_replayed_renders_agree_with_traced_ones(small, attributes, rng):
    config = SearchConfig(attributes=attributes, environment_height=8)
    target = represented(small(cameras=Ring(count=2, resolution=16)), config)
    start = start_scene(target, config.starts(), config)
    views = cameras(start.cameras)
    integrator = surface_integrator(start)
    variables = build_variables(start, config)
    gradient = torch.as_tensor(rng.normal(size=(1, 3, 16, 16)), dtype=torch.float32)
    stages = [Stage(start), Stage(start, frozen=True)]
    for number in range(12):  # rehearsals and replays, from both cameras, values moving
        for each in variables:
            for tensor in each.tensors.values():
                noise = rng.normal(scale=0.2, size=tuple(tensor.shape))
                with torch.no_grad():
                    tensor.add_(torch.as_tensor(noise))
            each.keep_in_bounds()
        values = mitsuba_values(variables)
        view = [views[number % 2]]
        images, gradients = [], []
        for stage in stages:
            stage.move(values)
            images.append(stage.radiance(view, 4, [number]))
            gradients.append(stage.adjoint(integrator, view, gradient, 4, [number + 100]))
        assert torch.allclose(*images, rtol=1e-4, atol=1e-5)
        for key, traced in gradients[0].items():
            assert float((gradients[1][key] - traced).norm() / traced.norm()) < 1e-4


def test_a_wrong_replay_is_detected_and_replaced(small, rng):
    """Dr.Jit replays the adjoint of a one-channel texture wrongly."""
    config = SearchConfig(
        attributes=("material",),
        material_parameters=("roughness",),
        textured_parameters=("roughness",),
        texture_resolution=4,
    )
    target = represented(small(cameras=Single(resolution=16)), config)
    start = start_scene(target, config.starts(), config)
    form = form_of_family(config, target)
    integrator = surface_integrator(start, form)
    values = mitsuba_values(build_variables(start, config, form=form))
    gradient = torch.as_tensor(rng.normal(size=(1, 3, 16, 16)), dtype=torch.float32)
    found = []
    for frozen in (False, True):
        stage = Stage(start, form=form, frozen=frozen)
        stage.move(values)
        views = cameras(start.cameras)
        found.append([stage.adjoint(integrator, views, gradient, 4, [n]) for n in range(10)])
    for traced, rehearsed in zip(*found, strict=True):
        for key, value in traced.items():
            assert float((rehearsed[key] - value).norm() / value.norm()) < 1e-4


def test_moving_vertices_are_never_replayed(small):
    config = SearchConfig(attributes=("shape",))
    start = small()
    stage = Stage(start, frozen=True)
    stage.move(mitsuba_values(build_variables(start, config)))
    with pytest.raises(ValueError, match="moving vertices cannot be frozen"):
        stage.adjoint(None, cameras(start.cameras), torch.zeros(1, 3, 32, 32), 1, [0])
