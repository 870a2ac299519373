"""Scene files of Mitsuba: what is read, listed and refused."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.distance import cdist

from scenes.base.errors import InputError
from scenes.camera import Placed, cameras
from scenes.film import srgb_decode
from scenes.imported.import_scene import import_scene
from scenes.material import Material
from scenes.pictures.files import write_exr
from scenes.shape import bounding_sphere, geometry
from tests.scenes.imported.gltf_files import png
from tests.scenes.imported.mitsuba_files import BALL, FROM_FRONT, imported, number, rgb, transform

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 4, 3))


# ---- Shapes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "area", "extents"),
    [
        ("sphere", 4 * np.pi, (2, 2, 2)),
        ("cube", 24, (2, 2, 2)),
        ("rectangle", 4, (2, 2, 0)),
        ("disk", np.pi, (2, 2, 0)),
    ],
)
def test_basic_shapes_have_the_size_and_front_of_mitsuba(mi, tmp_path, shape, area, extents):
    scene = imported(tmp_path, f'<shape type="{shape}"/>').scene
    mesh = geometry(scene.shape)
    size = bounding_sphere(geometry(scene.shape))[1]
    assert size == pytest.approx(1, abs=1e-6)
    radius = {"cube": np.sqrt(3), "rectangle": np.sqrt(2)}.get(shape, 1)
    solid = trimesh.Trimesh(mesh.vertices * radius, mesh.faces, process=False)
    assert solid.area == pytest.approx(area, rel=2e-3)
    np.testing.assert_allclose(solid.extents, extents, atol=5e-3)
    # A ray from +z meets the front of each.
    theirs = mi.load_dict({"type": "scene", "shape": {"type": shape}})
    hit = theirs.ray_intersect(mi.Ray3f([0.3, 0.1, 5], [0, 0, -1]))
    faces = mesh.vertices[mesh.faces].astype(float)
    normals = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    assert float(np.array(hit.n)[2][0]) > 0.9
    assert normals[faces[:, :, 2].min(axis=1) > 0.9 * faces[..., 2].max() - 1e-9, 2].min() > 0


def test_steps_of_a_transform_follow_each_other(mi, tmp_path):
    """The matrix is Mitsuba's own."""
    steps = (
        '<scale value="2, 1, 0.5"/>',
        '<rotate x="0.6" y="0.8" angle="40"/>',
        '<translate x="1" z="-2"/>',
        '<matrix value="1 0.5 0 0  0 1 0 1  0 0 2 0  0 0 0 1"/>',
        '<lookat origin="1,2,3" target="0,0,1" up="0,1,0"/>',
        '<lookat origin="0,-1,1" target="1,1,3"/>',
        '<scale x="3"/>',
    )
    body = f'<shape type="cube" id="box">{transform(*steps)}</shape>' + BALL
    scene = imported(tmp_path, body, "ball").scene
    ours = geometry(scene.others["box"].shape).vertices
    theirs = mi.traverse(mi.load_file(str(tmp_path / "room.xml"), parallel=False))[
        "box.vertex_positions"
    ]
    theirs = np.array(theirs).reshape(-1, 3)
    distances = cdist(ours, theirs)
    assert max(distances.min(axis=0).max(), distances.min(axis=1).max()) < 1e-5


@pytest.mark.parametrize("suffix", ["obj", "ply"])
def test_meshes_are_read_from_files(tmp_path, suffix):
    trimesh.creation.icosphere(subdivisions=1).export(tmp_path / f"ball.{suffix}")
    body = f"""<shape type="{suffix}"><string name="filename" value="ball.{suffix}"/>
      <boolean name="face_normals" value="true"/></shape>"""
    scene = imported(tmp_path, body).scene
    assert scene.object == "ball"
    assert scene.shape.normals == "flat"
    assert len(geometry(scene.shape).faces) == 80


@pytest.mark.parametrize(("flip", "normal"), [("false", 1), ("true", -1)])
def test_flipped_normals_turn_the_faces(tmp_path, flip, normal):
    body = f'<shape type="disk"><boolean name="flip_normals" value="{flip}"/></shape>'
    mesh = geometry(imported(tmp_path, body).scene.shape)
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    assert (normal * np.cross(b - a, c - a)[:, 2] > 0).all()


def box_file(path):
    """Write an OBJ box with stored normals, one for each face."""
    solid = trimesh.creation.box()
    solid.unmerge_vertices()
    solid.export(path, include_normals=True)


def test_stored_normals_of_a_box_are_flat(tmp_path):
    box_file(tmp_path / "box.obj")
    body = '<shape type="obj"><string name="filename" value="box.obj"/></shape>'
    assert imported(tmp_path, body).scene.shape.normals == "flat"


def test_a_scene_with_z_up_is_turned(tmp_path):
    view = '<lookat origin="0,-8,0.5" target="0,0,0.5" up="0,0,1"/>'
    tower = transform('<scale z="3"/>', '<translate z="0.5"/>')
    body = f"""<sensor type="perspective">{number("fov", 40)}{transform(view)}</sensor>
      <shape type="cube" id="tower">{tower}</shape>"""
    result = imported(tmp_path, body)
    extents = np.ptp(geometry(result.scene.shape).vertices, axis=0)
    assert extents[1] == pytest.approx(3 * extents[0])
    camera = cameras(result.scene.cameras)[0]
    np.testing.assert_allclose(camera.origin, np.array([0, 0, 8]) / np.sqrt(11), atol=1e-6)
    assert any("z up (turned to y up)" in line for line in result.summary)


# ---- Two sides -----------------------------------------------------------------------------------

TWO_SIDED = '<bsdf type="twosided"><bsdf type="diffuse"/></bsdf>'


def front(mesh):
    """Return the normals (F, 3) of the faces."""
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces].astype(float), 1, 0)
    return np.cross(b - a, c - a)


def test_a_sheet_with_two_sides_is_turned_to_the_camera(tmp_path):
    turned = transform('<rotate y="1" angle="150"/>')
    body = f"""<sensor type="perspective">{FROM_FRONT}</sensor>
      <shape type="rectangle">{turned}{TWO_SIDED}</shape>"""
    result = imported(tmp_path, body)
    assert (front(geometry(result.scene.shape))[:, 2] > 0).all()
    assert result.not_imported == ()


def test_a_room_with_two_sides_is_turned_inward_if_the_camera_is_in_it(tmp_path):
    room = transform('<scale value="12"/>')
    body = f"""<sensor type="perspective">{FROM_FRONT}</sensor>{BALL}
      <shape type="cube" id="room">{room}{TWO_SIDED}</shape>"""
    result = imported(tmp_path, body, "ball")
    mesh = geometry(result.scene.others["room"].shape)
    assert trimesh.Trimesh(mesh.vertices, mesh.faces).volume == pytest.approx(-(24**3), rel=1e-4)
    assert result.not_imported == ()


def test_a_sheet_that_two_cameras_see_from_both_sides_is_listed(tmp_path):
    behind = transform('<lookat origin="1,0,-9" target="0,0,0" up="0,1,0"/>')
    body = f"""<sensor type="perspective">{FROM_FRONT}</sensor>
      <sensor type="perspective">{behind}</sensor>
      <shape type="rectangle" id="sheet">{TWO_SIDED}</shape>"""
    result = imported(tmp_path, body)
    assert result.not_imported == (
        "object 'sheet': its two sides; the back sides of 2 faces are black",
    )


# ---- Materials -----------------------------------------------------------------------------------


def material_of(folder, bsdf):
    return imported(folder, f'<shape type="sphere" id="ball">{bsdf}</shape>').scene.material


def test_a_principled_material_is_kept(tmp_path):
    bsdf = f"""<bsdf type="principled">{rgb("base_color", "0.8,0.2,0.1")}{number("roughness", 0.3)}
      {number("metallic", 0.2)}{number("anisotropic", 0.4)}{number("spec_tint", 0.1)}
      {number("eta", 1.4)}{number("sheen", 0.5)}{number("sheen_tint", 0.6)}
      {number("clearcoat", 0.7)}{number("clearcoat_gloss", 0.8)}{number("spec_trans", 0.9)}
      {number("flatness", 0.25)}</bsdf>"""
    assert material_of(tmp_path, bsdf) == Material(
        base_color=(0.8, 0.2, 0.1), roughness=0.3, metallic=0.2, anisotropic=0.4, spec_tint=0.1,
        eta=1.4, sheen=0.5, sheen_tint=0.6, clearcoat=0.7, clearcoat_gloss=0.8, spec_trans=0.9,
        flatness=0.25,
    )  # fmt: skip


def test_a_metal_has_its_reflectance_as_colour(tmp_path):
    bsdf = f"""<bsdf type="roughconductor"><string name="material" value="Au"/>
      <string name="distribution" value="ggx"/>{number("alpha", 0.09)}
      {rgb("specular_reflectance", "0.5")}</bsdf>"""
    material = material_of(tmp_path, bsdf)
    assert (material.metallic, material.roughness) == (1, pytest.approx(0.3))
    np.testing.assert_allclose(material.base_color, np.array([0.967, 0.802, 0.324]) / 2)


@pytest.mark.parametrize(
    ("bsdf", "expected"),
    [
        ('<bsdf type="conductor"/>', {"metallic": 1, "roughness": 0, "base_color": (1, 1, 1)}),
        (
            f'<bsdf type="conductor">{rgb("eta", 2)}{rgb("k", 3)}</bsdf>',
            {"base_color": (10 / 18,) * 3},
        ),
        (
            f'<bsdf type="roughplastic">{rgb("diffuse_reflectance", 0.2)}'
            f"{number('alpha', 0.25)}{number('int_ior', 1.6)}{number('ext_ior', 1)}</bsdf>",
            {"base_color": (0.2,) * 3, "roughness": 0.5, "eta": 1.6},
        ),
        (
            '<bsdf type="dielectric"><string name="int_ior" value="water"/>'
            '<string name="ext_ior" value="vacuum"/></bsdf>',
            {"spec_trans": 1, "eta": 1.333, "roughness": 0},
        ),
        (
            f'<bsdf type="roughconductor">{number("alpha_u", 0.2)}{number("alpha_v", 0.05)}</bsdf>',
            {"roughness": 0.01**0.25, "anisotropic": 0.75 / 0.9},
        ),
        (f'<bsdf type="principled">{number("specular", 0.5)}</bsdf>', {"eta": 1.5}),
    ],
    ids=["mirror", "index", "plastic", "water", "anisotropic", "specular"],
)
def test_other_materials_become_principled(tmp_path, bsdf, expected):
    material = material_of(tmp_path, bsdf)
    for key, value in expected.items():
        np.testing.assert_allclose(getattr(material, key), value, rtol=1e-6)


@pytest.mark.parametrize("raw", ["true", "false"])
def test_textures_are_read_from_files(tmp_path, raw):
    (tmp_path / "map.png").write_bytes(png(PIXELS))
    bsdf = f"""<bsdf type="principled"><texture type="bitmap" name="base_color">
      <string name="filename" value="map.png"/><boolean name="raw" value="{raw}"/></texture>
      </bsdf>"""
    scene = imported(tmp_path, f'<shape type="rectangle">{bsdf}</shape>').scene
    expected = PIXELS / 255 if raw == "true" else srgb_decode(PIXELS / 255)
    np.testing.assert_allclose(scene.material.base_color.pixels, expected, atol=1e-6)
    # Mitsuba shows the first row of a texture at y = −1.
    mesh = geometry(scene.shape)
    np.testing.assert_allclose(mesh.uvs, mesh.vertices[:, :2] / np.sqrt(2) + 0.5, atol=1e-6)


# ---- Lights and cameras --------------------------------------------------------------------------


def test_lights_are_scaled_with_the_scene(tmp_path):
    """A ball of radius 2 at (1, 0, 0): lengths are halved, intensities divided by 4."""
    body = f"""<shape type="sphere" id="ball">{number("radius", 2)}
      <point name="center" x="1"/></shape>
      <emitter type="point" id="bulb"><point name="position" x="1" y="6"/>{rgb("intensity", 8)}
      </emitter>
      <emitter type="spot" id="spot">{number("cutoff_angle", 30)}{rgb("intensity", "4,8,12")}
      {transform('<lookat origin="1,0,8" target="1,0,0" up="0,1,0"/>')}</emitter>
      <emitter type="directional" id="sun"><vector name="direction" y="-1" z="-1"/>
      {rgb("irradiance", 3)}</emitter>
      <shape type="rectangle" id="panel"><emitter type="area">{rgb("radiance", 5)}</emitter>
      {transform('<scale x="1" y="3"/>', '<rotate x="1" angle="90"/>', '<translate x="1" y="8"/>')}
      </shape>
      <shape type="disk" id="disc"><emitter type="area">{rgb("radiance", 6)}</emitter>
      {transform('<scale value="4"/>', '<translate x="1" z="-9"/>')}</shape>
      <shape type="sphere" id="globe"><emitter type="area">{rgb("radiance", 7)}</emitter>
      {number("radius", 0.5)}<point name="center" x="1" y="-5"/></shape>"""
    result = imported(tmp_path, body)
    lamps = result.scene.lamps
    assert result.not_imported == ()
    np.testing.assert_allclose(lamps["bulb"].place, (0, 3, 0), atol=1e-6)
    assert lamps["bulb"].intensity == pytest.approx((2, 2, 2))
    assert lamps["spot"].intensity == pytest.approx((1, 2, 3))
    assert lamps["spot"].angle == 30
    np.testing.assert_allclose(lamps["sun"].direction(), (0, 0.5**0.5, 0.5**0.5), atol=1e-6)
    assert lamps["sun"].irradiance == (3, 3, 3)
    panel = lamps["panel"]
    assert panel.radiance == (5, 5, 5)
    np.testing.assert_allclose(panel.place, (0, 4, 0), atol=1e-6)
    assert panel.toward[1] < panel.place[1]
    assert panel.size == pytest.approx((1, 3))
    assert lamps["disc"].radius == pytest.approx(2)
    assert lamps["disc"].toward[2] > lamps["disc"].place[2]
    assert lamps["globe"].radius == pytest.approx(0.25)
    np.testing.assert_allclose(lamps["globe"].place, (0, -2.5, 0), atol=1e-6)


def test_an_environment_map_keeps_level_and_turn(tmp_path):
    pixels = np.random.default_rng(0).random((8, 16, 3), np.float32)
    write_exr(pixels, tmp_path / "sky.exr")
    body = f"""{BALL}<emitter type="envmap"><string name="filename" value="sky.exr"/>
      {number("scale", 2)}{transform('<rotate y="1" angle="70"/>')}</emitter>"""
    lighting = imported(tmp_path, body).scene.lighting
    np.testing.assert_array_equal(lighting.radiance.pixels, pixels)
    assert (lighting.level, lighting.rotation) == (2, pytest.approx(70))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('<string name="fov_axis" value="y"/>', 40),
        ("", 2 * np.degrees(np.arctan(np.tan(np.radians(20)) / 2))),
        ('<string name="fov_axis" value="larger"/>', 20.6282),
        ('<string name="fov_axis" value="diagonal"/>', 18.4902),
    ],
    ids=["y", "x", "larger", "diagonal"],
)  # fmt: skip
def test_the_vertical_field_of_view_is_kept(mi, tmp_path, keys, expected):
    body = f"""{BALL}<sensor type="perspective">{number("fov", 40)}{keys}{FROM_FRONT}
      <film type="hdrfilm"><integer name="width" value="64"/><integer name="height" value="32"/>
      </film></sensor>"""
    result = imported(tmp_path, body)
    assert isinstance(result.scene.cameras, Placed)
    view = cameras(result.scene.cameras)[0]
    assert view.field_of_view == pytest.approx(expected, abs=1e-3)
    # Mitsuba's own ray through the middle of the upper edge.
    sensor = mi.load_file(str(tmp_path / "room.xml"), parallel=False).sensors()[0]
    ray, _ = sensor.sample_ray(0, 0, [0.5, 0], [0, 0])
    point = np.array(ray.o).ravel() + 3 * np.array(ray.d).ravel()
    np.testing.assert_allclose(view.project(point)[0], (64, 0), atol=1e-3)


# ---- Contents that are not imported --------------------------------------------------------------


def test_everything_else_is_listed(tmp_path):
    body = f"""<integrator type="bdpt"/><medium type="homogeneous" id="fog"/>
      <shape type="cylinder" id="post"/><emitter type="sunsky"/>
      <shape type="sphere" id="ball"><bsdf type="measured"/></shape>
      <shape type="cube" id="lit"><emitter type="area">{rgb("radiance", 1)}</emitter>
      <bsdf type="mask"><texture type="checkerboard" name="opacity"/><bsdf type="diffuse">
      <texture type="checkerboard" name="reflectance"/></bsdf></bsdf></shape>
      <sensor type="orthographic"/><unheard_of/>
      <emitter type="point"><spectrum name="intensity" value="400:1, 700:2"/></emitter>
      <bsdf type="roughplastic" id="spare"/>"""
    result = imported(tmp_path, body)
    # The lines count from the first one of the file.
    assert set(result.not_imported) == {
        "<unheard_of>, line 8",
        "integrator (bdpt, line 2)",
        "medium 'fog' (homogeneous, line 2)",
        "shape 'post' (cylinder, line 3)",
        "emitter (sunsky, line 3)",
        "bsdf (measured, line 4): grey, matte material in its place",
        "light of shape 'lit' (cube, line 5); its shape is imported",
        "opacity of bsdf (mask, line 6)",
        "texture (checkerboard, line 7); the default of its property is used",
        "sensor (orthographic, line 8)",
        "emitter (point, line 9): its spectrum; give it an rgb value",
    }
    with pytest.raises(InputError, match=r"11 things cannot be imported: .*; and 1 more; remove"):
        import_scene(tmp_path / "room.xml", tmp_path / "other", strict=True)
    assert not (tmp_path / "other").exists()


def test_parameters_and_references_are_resolved(tmp_path):
    body = """<default name="r" value="0.5"/><default name="rough" value="0.2"/>
      <bsdf type="principled" id="red"><rgb name="base_color" value="$r 0 0"/>
      <float name="roughness" value="${rough}"/></bsdf><alias id="red" as="paint"/>
      <shape type="sphere"><ref id="paint" name="bsdf"/></shape>"""
    material = imported(tmp_path, body).scene.material
    assert (material.base_color, material.roughness) == ((0.5, 0, 0), 0.2)


@pytest.mark.parametrize(("depth", "bounces"), [(2, 0), (5, 3), (-1, 8), (1, 0)])
def test_the_length_of_paths_is_kept(tmp_path, depth, bounces):
    integer = f'<integer name="max_depth" value="{depth}"/>'
    body = f'<integrator type="path">{integer}</integrator>{BALL}'
    assert imported(tmp_path, body).scene.bounces == bounces
