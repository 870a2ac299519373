"""Scenes rendered by Mitsuba, against numbers computed by hand."""

import mitsuba as mi
import numpy as np
import pytest
import torch
import trimesh

from mrd.rendering.stage import Stage, display
from mrd.rendering.sun_sky_map import baked
from mrd.rendering.to_mitsuba import (
    NORMALS,
    VERTICES,
    Form,
    form_of,
    light,
    light_key,
    material_key,
    sensor,
    to_mitsuba,
)
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.camera import Fibonacci, Ring, Single, cameras
from scenes.film import Film
from scenes.geometry.normals import vertex_normals
from scenes.lighting import Constant, EnvironmentMap, SunSky, map_directions
from scenes.material import Material
from scenes.path_depth import OPAQUE_DEPTH, TRANSMITTING_DEPTH
from scenes.placed import world_vertices
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Blob, MeshShape, Sphere, geometry, with_spherical_uvs

# Roughness 0.4 makes Burley's diffuse lobe Lambertian at normal incidence; at this index of
# refraction the surface has no specular reflection to speak of (F₀ = 2.5e-9).
LAMBERTIAN = {"roughness": 0.4, "eta": 1.0001}


def image(scene, samples=64, seed=1, form=None, camera=0):
    """Return linear radiance (H, W, 3) of one camera."""
    stage = Stage(scene, form=form)
    view = cameras(scene.cameras)[camera]
    return stage.radiance([view], samples, [seed])[0].permute(1, 2, 0).double().numpy()


def rays(camera):
    """Return unit directions (H, W, 3) through the centres of pixels."""
    side = np.tan(np.radians(camera.field_of_view) / 2)
    x = (np.arange(camera.width) + 0.5) / camera.width * 2 - 1
    y = 1 - (np.arange(camera.height) + 0.5) / camera.height * 2
    local = np.stack(np.broadcast_arrays(side * x[None, :], side * y[:, None], -1.0), axis=-1)
    world = local @ camera.to_world()[:3, :3].T
    return world / np.linalg.norm(world, axis=-1, keepdims=True)


def normals_of_unit_sphere(camera):
    """Return where rays meet the unit sphere (H, W, 3); NaN where they miss it."""
    directions, origin = rays(camera), np.asarray(camera.origin)
    along = -(directions @ origin)
    with np.errstate(invalid="ignore"):
        near = along - np.sqrt(along**2 - (origin @ origin - 1))
    return origin + near[..., None] * directions


def turned_about_y(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


# ---- Reflection ---------------------------------------------------------------------------------


def test_a_diffuse_sphere_in_constant_light_has_radiance_albedo_times_light():
    lighting = Constant(radiance=(0.3, 0.5, 0.7), level=2.0)
    camera = cameras(Single(resolution=32))[0]
    scene = mi.load_dict(
        {
            "type": "scene",
            "object": {"type": "sphere", "bsdf": {"type": "diffuse", "reflectance": 0.8}},
            "light": light(lighting),
        }
    )
    integrator = mi.load_dict({"type": "mrd_surface", "max_depth": 2, "background": 0.0})
    rendered = mi.render(scene, sensor=sensor(camera), integrator=integrator, spp=256, seed=1)
    inside = np.array(rendered)[10:22, 10:22]
    # Sampling by the cosine alone would be exact; half the samples are the light's.
    np.testing.assert_allclose(inside.mean(axis=(0, 1)), [0.48, 0.8, 1.12], rtol=2e-3)
    np.testing.assert_allclose(inside, np.broadcast_to([0.48, 0.8, 1.12], (12, 12, 3)), rtol=0.05)


@pytest.mark.parametrize(
    ("roughness", "factor"),
    [
        # Burley's diffuse lobe seen along the normal, integrated over the hemisphere by hand:
        # 1 + ∫ 2c (1 − c)⁵ (r (1 + c) − ½) dc = 1 + (2.5 r − 1) / 42.
        (0.4, 1.0),
        (1.0, 1.0 + 1.5 / 42),
        (0.1, 1.0 - 0.75 / 42),
    ],
)
def test_a_principled_sphere_without_highlight_has_the_radiance_of_its_diffuse_lobe(
    small, roughness, factor
):
    scene = small(
        material=Material(base_color=(0.2, 0.5, 1.0), roughness=roughness, eta=1.0001),
        lighting=Constant(radiance=(2.0, 2.0, 0.5)),
    )
    centre = image(scene, 1024)[13:19, 13:19].mean(axis=(0, 1))
    np.testing.assert_allclose(centre, factor * np.array([0.4, 1.0, 0.5]), rtol=4e-3)


def test_a_smooth_metal_mirrors_its_environment(small):
    # Dark behind the camera, so the sphere's middle is dark; bright behind the sphere's edge.
    towards_camera = map_directions(64, 128)[..., 2]
    radiance = np.where(towards_camera[..., None] > 0.8, 0.0, 1.0) * np.ones(3)
    scene = small(
        material=Material(base_color=1.0, metallic=1.0, roughness=0.05),
        lighting=EnvironmentMap(radiance=Picture(radiance)),
        cameras=Single(elevation=0, resolution=32),
    )
    seen = image(scene, 256)
    assert seen[14:18, 14:18].max() < 0.05
    row = seen[16, :, 0]
    np.testing.assert_allclose(row[[7, 24]], 1, atol=0.1)


# ---- Light --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lighting",
    [
        Constant(radiance=(0.2, 0.4, 0.6)),
        EnvironmentMap(radiance="studio"),
        SunSky(sun_elevation=30, sun_scale=0.01),
    ],
    ids=lambda lighting: lighting.kind,
)
def test_the_level_of_a_light_scales_radiance(small, lighting):
    dim = image(small(lighting=lighting), 16)
    bright = image(small(lighting=lighting.model_copy(update={"level": 3.0})), 16)
    assert dim.max() > 0
    np.testing.assert_allclose(bright, 3 * dim, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rotation", [0.0, 50.0])
def test_environment_is_visible_in_its_direction(small, rotation):
    slope = np.array([[0.5, 0.1, -0.3], [-0.2, 0.6, 0.2], [0.4, -0.3, 0.5]])
    picture = Picture(1 + map_directions(65, 128) @ slope)
    scene = small(
        lighting=EnvironmentMap(radiance=picture, rotation=rotation),
        cameras=Ring(count=3, elevation=20, azimuth=10, field_of_view=70, resolution=32),
    )
    for index, camera in enumerate(cameras(scene.cameras)):
        seen = image(scene, 64, camera=index)
        # The direction d of the unrotated map is seen at R d.
        expected = 1 + rays(camera) @ turned_about_y(rotation) @ slope
        behind = np.ones((32, 32), bool)
        behind[8:24, 8:24] = False  # the sphere
        np.testing.assert_allclose(seen[behind], expected[behind], atol=0.01)


@pytest.mark.parametrize(
    ("elevation", "azimuth", "rotation"), [(30, 0, 0), (55, 60, 0), (20, -100, 0), (30, 20, 70)]
)
def test_sun_lights_the_side_that_faces_it(small, elevation, azimuth, rotation):
    scene = small(
        material=Material(base_color=0.8, **LAMBERTIAN),
        lighting=SunSky(
            sun_elevation=elevation, sun_azimuth=azimuth, sky_scale=0.0, rotation=rotation
        ),
        # Next to the sun, so that most of the lit side is visible.
        cameras=Single(azimuth=azimuth + rotation + 25, elevation=elevation, resolution=48),
        film=Film(exposure=1.0, background=0.0),
    )
    seen = image(scene, 64).mean(axis=2)
    normals = normals_of_unit_sphere(cameras(scene.cameras)[0])
    lit = np.isfinite(normals).all(axis=2) & (seen > 0.3 * seen.max())
    # A diffuse surface far from grazing: radiance = k n·sun.
    sun = np.linalg.lstsq(normals[lit], seen[lit], rcond=None)[0]
    e, a = np.radians([elevation, azimuth + rotation])
    expected = np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])
    angle = np.degrees(np.arccos(sun @ expected / np.linalg.norm(sun)))
    assert angle < 3


def test_a_baked_sky_renders_like_the_sky(small):
    sky = SunSky(sun_elevation=40, sun_azimuth=30, rotation=15, level=0.02, turbidity=4)
    scene = small(
        material=Material(base_color=0.7, roughness=0.6),
        lighting=sky,
        cameras=Single(azimuth=20, elevation=10, field_of_view=45, resolution=32),
    )
    original = image(scene, 256)
    copy = image(scene.model_copy(update={"lighting": baked(sky, 257)}), 256)
    # On the map the sun is a third wider, so the edges of highlights differ.
    np.testing.assert_allclose(copy.mean(axis=(0, 1)), original.mean(axis=(0, 1)), rtol=0.02)
    difference = np.abs(copy - original).mean() / original.mean()
    assert difference < 0.05


# ---- Background ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tone_curve", ["srgb", "reinhard"])
@pytest.mark.parametrize("grey", [0.0, 0.02, 0.5, 0.9])
def test_the_grey_background_is_shown_as_its_display_value(small, tone_curve, grey):
    film = Film(exposure=2.7, tone_curve=tone_curve, background=grey)
    stage = Stage(small(film=film, lighting=EnvironmentMap(radiance="studio")))
    views = cameras(stage.scene.cameras)
    shown = display(stage.radiance(views, 16, [3]), film)[0]
    corner = shown[:, :4, :4]
    torch.testing.assert_close(corner, torch.full_like(corner, grey), rtol=0, atol=1e-5)


def test_grey_background_keeps_the_light_of_the_environment(small):
    lighting = EnvironmentMap(radiance="studio")
    before_grey = image(small(lighting=lighting, film=Film(exposure=1.0, background=0.5)), 64)
    before_light = image(small(lighting=lighting), 64)
    inside = np.s_[11:21, 11:21]
    np.testing.assert_allclose(before_grey[inside], before_light[inside], rtol=1e-4)


# ---- Cameras ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rig",
    [
        Fibonacci(count=4, held_out=2, resolution=64),
        Ring(count=3, held_out=1, elevation=-35, azimuth=12, resolution=64, field_of_view=50),
        Single(azimuth=200, elevation=90, resolution=64),
        Single(azimuth=-70, elevation=5, distance=9, target=(0.4, -0.3, 0.2), resolution=64),
    ],
    ids=lambda rig: f"{rig.kind}-{rig.field_of_view:g}",
)
@pytest.mark.parametrize("point", [(0.0, 0.0, 0.0), (0.6, -0.4, 0.5), (-0.7, 0.5, -0.2)])
def test_camera_image_agrees_with_its_projection(small, rig, point):
    scene = small(
        shape=Sphere(subdivisions=2, radius=0.08),
        pose=Pose(translation=point),
        cameras=rig,
        film=Film(exposure=1.0, background=0.0),
    )
    stage = Stage(scene)
    views = cameras(rig)
    pictures = stage.radiance(views, 16, range(len(views))).sum(dim=1).numpy()
    for view, picture in zip(views, pictures, strict=True):
        rows, columns = np.mgrid[0:64, 0:64] + 0.5
        found = [np.average(columns, weights=picture), np.average(rows, weights=picture)]
        np.testing.assert_allclose(found, view.project([point])[0], atol=0.5)


def test_pose_rotates_before_it_translates(small):
    # x to y by the turn about z, then up.
    scene = small(
        shape=MeshShape(surface=Mesh(np.eye(3, dtype=np.float32), [[0, 1, 2]]), fit=False),
        pose=Pose(rotation=(0, 0, 90), translation=(0, 0, 2)),
    )
    moved = world_vertices(geometry(scene.shape), scene)
    np.testing.assert_allclose(moved, [[0, 1, 2], [-1, 0, 2], [0, 0, 3]], atol=1e-12)


# ---- Meshes, normals, texture coordinates -------------------------------------------------------

SPLIT = Form(texture_coordinates=True, path_depth=OPAQUE_DEPTH)
WHOLE = Form(texture_coordinates=False, path_depth=OPAQUE_DEPTH)


def shading_normals(scene, form, camera=0):
    """Return Mitsuba's shading normals (H, W, 3), 0 outside the object."""
    integrator = mi.load_dict({"type": "aov", "aovs": "normals:sh_normal"})
    view = cameras(scene.cameras)[camera]
    seen = mi.render(to_mitsuba(scene, form), integrator=integrator, sensor=sensor(view), spp=16)
    return np.array(seen)[..., -3:]


def split_mesh(mesh):
    """Return the mesh with its own spherical texture coordinates: doubled vertices on the seam."""
    return MeshShape(surface=with_spherical_uvs(mesh)[0], fit=False)


@pytest.mark.parametrize("normals", ["smooth", "flat"])
def test_texture_coordinates_do_not_change_a_uniform_material(small, normals):
    scene = small(
        shape=Blob(seed=5, subdivisions=3, normals=normals),
        cameras=Ring(count=2, azimuth=180, resolution=32),  # the first one looks at the seam
    )
    for camera in (0, 1):
        whole, split = (shading_normals(scene, form, camera) for form in (WHOLE, SPLIT))
        np.testing.assert_allclose(split, whole, atol=1e-4)
        # The tangents differ, and with them the noise.
        whole, split = (image(scene, 256, form=form, camera=camera) for form in (WHOLE, SPLIT))
        np.testing.assert_allclose(split, whole, atol=0.05 * whole.max())
        np.testing.assert_allclose(split.mean(), whole.mean(), rtol=2e-3)


@pytest.mark.parametrize("form", [WHOLE, SPLIT], ids=["without", "with"])
def test_a_mesh_with_its_own_coordinates_has_no_seam(small, form):
    blob = Blob(seed=5, subdivisions=3)
    scene = small(shape=blob, cameras=Single(azimuth=180, resolution=32))
    own = scene.model_copy(update={"shape": split_mesh(geometry(blob))})
    np.testing.assert_allclose(shading_normals(own, form), shading_normals(scene, WHOLE), atol=1e-4)


def test_moved_vertices_keep_their_normals(small):
    scene = small(shape=Blob(seed=5, subdivisions=3))
    stage = Stage(scene)
    mesh = geometry(scene.shape)
    before = np.array(stage._parameters[NORMALS]).reshape(-1, 3)
    np.testing.assert_allclose(before, vertex_normals(mesh), atol=1e-6)
    stage.move({VERTICES: torch.tensor(world_vertices(mesh, scene), dtype=torch.float32)})
    after = np.array(stage._parameters[NORMALS]).reshape(-1, 3)
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_a_texture_has_the_expected_position_and_no_seam(small):
    # Smooth and periodic in u, so that every jump in the picture would be a seam.
    v, u = np.meshgrid((np.arange(64) + 0.5) / 64, (np.arange(128) + 0.5) / 128, indexing="ij")
    pixels = np.stack(
        [0.5 + 0.4 * np.cos(2 * np.pi * u), 0.5 + 0.4 * np.sin(2 * np.pi * u), 0.2 + 0.6 * v],
        axis=-1,
    )
    rig = Ring(count=4, elevation=25, resolution=48)  # c2 looks at the seam
    textured = small(
        shape=Sphere(subdivisions=4),
        material=Material(base_color=Picture(pixels), **LAMBERTIAN),
        cameras=rig,
    )
    white = textured.model_copy(update={"material": Material(base_color=1.0, **LAMBERTIAN)})
    for index, camera in enumerate(cameras(rig)):
        normals = normals_of_unit_sphere(camera)
        with np.errstate(invalid="ignore"):
            inside = -np.einsum("hwc,hwc->hw", normals, rays(camera)) > 0.4
        x, y, z = normals[inside].T
        phi, height = np.arctan2(x, -z), np.arccos(y) / np.pi
        expected = np.stack(
            [0.5 + 0.4 * np.cos(phi), 0.5 + 0.4 * np.sin(phi), 0.2 + 0.6 * height], axis=-1
        )
        color = image(textured, 64, camera=index)[inside] / image(white, 64, camera=index)[inside]
        error = np.abs(color - expected)[np.abs(y) < 0.9]
        assert error.mean() < 0.01  # facets and noise
        assert error.max() < 0.08  # a seam would be off by 0.8


def test_only_flat_normals_show_faces(small):
    box = trimesh.creation.icosahedron()
    shape = MeshShape(surface=Mesh(box.vertices, box.faces), fit=False)
    lighting = SunSky(sun_elevation=30, sky_scale=0.0)
    smooth, flat = (
        image(small(shape=shape.model_copy(update={"normals": n}), lighting=lighting), 64)
        for n in ("smooth", "flat")
    )
    # Within a flat face radiance is (nearly) constant: few distinct levels over the picture.
    levels = [
        len(np.unique(np.round(seen[12:20, 12:20, 0] / seen.max(), 2))) for seen in (flat, smooth)
    ]
    assert levels[0] < levels[1]


# ---- Names and forms ----------------------------------------------------------------------------


def test_names_of_parameters():
    texture = Picture(np.full((2, 2, 3), 0.5))
    assert material_key("roughness", Material()) == "object.bsdf.roughness.value"
    assert material_key("eta", Material()) == "object.bsdf.eta"
    assert material_key("base_color", Material(base_color=texture)) == "object.bsdf.base_color.data"
    assert light_key(Constant()) == "light.radiance.value"
    assert light_key(EnvironmentMap(radiance=Picture(np.ones((4, 8, 3))))) == "light.data"


@pytest.mark.parametrize(
    ("material", "expected"),
    [
        (Material(), Form(False, OPAQUE_DEPTH)),
        (Material(base_color=Picture(np.full((2, 2, 3), 0.5))), Form(True, OPAQUE_DEPTH)),
        (Material(roughness=Picture(np.full((2, 2, 1), 0.5))), Form(True, OPAQUE_DEPTH)),
        (Material(anisotropic=0.5), Form(True, OPAQUE_DEPTH)),
        (Material(spec_trans=0.5), Form(False, TRANSMITTING_DEPTH)),
    ],
)
def test_simplest_form_of_a_material(material, expected):
    assert form_of(Scene(name="a", shape=Sphere(), material=material)) == expected


def test_an_unloaded_map_is_refused():
    with pytest.raises(InputError, match="the map 'studio' is not loaded"):
        light(EnvironmentMap(radiance="studio"))
