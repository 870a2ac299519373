"""Scenes of glTF files: against trimesh's scene graph, and numbers computed by hand."""

import numpy as np
import pytest
import trimesh

from scenes.base.errors import InputError
from scenes.camera import Placed, Ring, cameras
from scenes.geometry.smallest_sphere import smallest_sphere
from scenes.imported.import_scene import import_scene
from scenes.lighting import Constant
from scenes.scene_files import read_scene
from scenes.shape import bounding_sphere, geometry
from scenes.visibility import check_visible
from tests.scenes.imported.gltf_files import TRIANGLE, Gltf

LIGHTS = "KHR_lights_punctual"
BALL = trimesh.creation.icosphere(subdivisions=2)
BOX = trimesh.creation.box()


def ball_file(**keys):
    """Return a document whose node 0 is a ball of radius 1 with normals, and further nodes."""
    gltf = Gltf(**keys)
    mesh = gltf.mesh(gltf.primitive(BALL.vertices, BALL.faces, NORMAL=BALL.vertices))
    nodes = gltf.document.setdefault("nodes", [])
    nodes.insert(0, {"mesh": mesh, "name": "ball"})
    return gltf


def imported(gltf, tmp_path, searched=None, name="scene.glb"):
    return import_scene(gltf.write(tmp_path / name), tmp_path / "out", searched)


def corners(mesh):
    """Return the corners of all triangles, (3 F, 3), sorted."""
    points = np.asarray(mesh.vertices, np.float64)[np.asarray(mesh.faces)].reshape(-1, 3)
    return points[np.lexsort(np.round(points, 4).T)]


# ---- Objects and transforms ----------------------------------------------------------------------


def nested_scene():
    """Return a scene of trimesh: a chain of nodes with rotations, scales and a mirror."""
    rng = np.random.default_rng(3)
    scene = trimesh.Scene()
    parent = "world"
    for number in range(4):
        matrix = trimesh.transformations.random_rotation_matrix(rng.random(3))
        matrix[:3, :3] *= rng.uniform(0.5, 2, 3) * [1, 1, -1 if number == 2 else 1]
        matrix[:3, 3] = rng.uniform(-3, 3, 3)
        solid = trimesh.creation.cone(radius=1 + number, height=2)
        solid.unmerge_vertices()
        name = f"cone {number}"
        scene.add_geometry(solid, node_name=name, parent_node_name=parent, transform=matrix)
        parent = name
    return scene


def test_transforms_are_those_of_another_library(tmp_path):
    """Chains with scales along axes give sheared objects; a mirrored one keeps its outside."""
    scene = nested_scene()
    scene.export(tmp_path / "cones.glb")
    loaded = trimesh.load(tmp_path / "cones.glb")
    read = import_scene(tmp_path / "cones.glb", tmp_path / "out", "cone_1").scene
    assert set(read.objects) == {"cone_0", "cone_1", "cone_2", "cone_3"}

    world = {}
    for node in loaded.graph.nodes_geometry:
        matrix, name = loaded.graph[node]
        solid = loaded.geometry[name].copy()
        solid.apply_transform(matrix)
        world[node.replace(" ", "_")] = solid
    centre, radius = smallest_sphere(np.asarray(world["cone_1"].vertices))
    for name, each in read.objects.items():
        mesh = geometry(each.shape)
        expected = (corners(world[name]) - centre) / radius
        np.testing.assert_allclose(corners(mesh), expected, atol=2e-4)
        assert trimesh.Trimesh(mesh.vertices, mesh.faces).volume > 0
    np.testing.assert_allclose(bounding_sphere(geometry(read.shape))[0], 0, atol=1e-6)
    assert bounding_sphere(geometry(read.shape))[1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "node",
    [
        {"translation": [5, 0, 0], "scale": [1, 2, 3], "rotation": [0, 0, 0.5**0.5, 0.5**0.5]},
        {"matrix": [0, 1, 0, 0, -2, 0, 0, 0, 0, 0, 3, 0, 5, 0, 0, 1]},
    ],
    ids=["trs", "matrix"],
)  # fmt: skip
def test_scale_rotation_and_matrix_are_baked_into_vertices(tmp_path, node):
    """Scaled by 1, 2, 3 along x, y, z, then turned by 90° about z, then moved along x."""
    gltf = Gltf(nodes=[{"mesh": 0, "name": "box", **node}])
    gltf.mesh(gltf.primitive(BOX.vertices, BOX.faces))
    scene = imported(gltf, tmp_path).scene
    diagonal = np.sqrt(1 + 4 + 9)
    extents = np.ptp(geometry(scene.shape).vertices, axis=0)
    np.testing.assert_allclose(extents, np.array([2, 1, 3]) * 2 / diagonal, rtol=1e-6)
    assert scene.shape.normals == "flat"  # without stored normals, as the specification requires


def test_primitives_of_other_materials_become_objects_of_their_own(tmp_path):
    gltf = Gltf(
        nodes=[{"mesh": 0, "name": "Lampe à pied"}, {"mesh": 0, "name": "lampe a pied"}],
        materials=[{"name": "red"}, {"name": "blue"}],
    )
    parts = [gltf.primitive(TRIANGLE + number, material=number % 2) for number in range(3)]
    gltf.mesh(*parts)
    scene = imported(gltf, tmp_path).scene
    assert list(scene.objects) == [
        "Lampe_a_pied", "Lampe_a_pied_2", "lampe_a_pied_3", "lampe_a_pied_4",
    ]  # fmt: skip
    assert [len(geometry(each.shape).faces) for each in scene.objects.values()] == [2, 1, 2, 1]


def test_the_object_with_the_most_triangles_is_searched_by_default(tmp_path):
    gltf = ball_file()
    floor = np.array([[-9, 0, -9], [9, 0, -9], [9, 0, 9]])
    gltf.document["nodes"].insert(0, {"mesh": gltf.mesh(gltf.primitive(floor)), "name": "floor"})
    first = imported(gltf, tmp_path)
    assert first.scene.object == "ball"
    assert first.summary[0] == "searched object: ball (the most triangles of 2 objects)"
    other = import_scene(tmp_path / "scene.glb", tmp_path / "other", "floor")
    assert other.scene.object == "floor"
    assert bounding_sphere(geometry(other.scene.shape))[1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("normals", "expected", "lost"),
    [("faces", "flat", 0), ("vertices", "smooth", 0), ("cylinder", "flat", 1)],
)
def test_stored_normals_choose_between_smooth_and_flat(tmp_path, normals, expected, lost):
    """Of a cylinder, the side is smooth and the rims are hard: no choice is right."""
    solid = trimesh.creation.cylinder(radius=1, height=2) if normals == "cylinder" else BALL
    vertices = solid.vertices[solid.faces].reshape(-1, 3)
    chosen = np.repeat(solid.face_normals, 3, axis=0)
    if normals == "vertices":
        chosen = vertices
    elif normals == "cylinder":
        chosen = np.where(np.abs(chosen[:, 2:]) > 0.5, chosen, vertices * [1, 1, 0])
    gltf = Gltf(nodes=[{"mesh": 0, "name": "ball"}])
    gltf.mesh(gltf.primitive(vertices, NORMAL=chosen))
    result = imported(gltf, tmp_path)
    assert result.scene.shape.normals == expected
    assert sum("normals of 'ball'" in each for each in result.not_imported) == lost


def test_the_scene_is_written_completely_and_can_be_used(tmp_path):
    result = imported(ball_file(), tmp_path, name="ball.gltf")
    assert result.path == tmp_path / "out" / "scene.json"
    again = read_scene(result.path)
    assert again == result.scene
    assert again.name == "ball"
    check_visible(again)
    assert isinstance(again.cameras, Ring)
    assert again.lighting == Constant()
    assert result.not_imported == ()
    assert "light of the environment: none in the file; constant light is used" in result.summary
    assert {each.name for each in tmp_path.iterdir()} == {"ball.gltf", "out"}


# ---- Cameras -------------------------------------------------------------------------------------


def view_matrix(origin, target):
    """Return the matrix of a camera that looks along its −z axis, with +y up."""
    backward = np.subtract(origin, target) / np.linalg.norm(np.subtract(origin, target))
    right = np.cross([0, 1, 0], backward)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack([right, np.cross(backward, right), backward])
    matrix[:3, 3] = origin
    return matrix


def with_camera(matrix, camera, ball=None):
    return ball_file(
        nodes=[{"camera": 0, "name": "eye", "matrix": matrix.T.ravel().tolist()}, *(ball or [])],
        cameras=[camera],
    )


def test_points_appear_where_the_camera_of_the_file_shows_them(tmp_path):
    """The ball has radius 3 at (1, 2, 4), so the scene is moved and shrunk."""
    matrix = view_matrix((9, 5, 16), (1, 3, 4))
    lens = {"type": "perspective", "perspective": {"yfov": 0.6, "aspectRatio": 1.5, "znear": 0.1}}
    gltf = with_camera(matrix, lens)
    gltf.document["nodes"][0] |= {"translation": [1, 2, 4], "scale": [3, 3, 3]}
    result = imported(gltf, tmp_path)
    rig = result.scene.cameras
    assert isinstance(rig, Placed)
    assert rig.places[0].field_of_view == pytest.approx(np.degrees(0.6))
    world = np.array([[1, 2, 4], [2, 3, 5], [0, 1, 3.5], [3, 2, 2]], float)
    local = (world - matrix[:3, 3]) @ matrix[:3, :3]
    focal = 0.5 / np.tan(0.3)  # of an image of height 1, as glTF defines yfov
    expected = 128 * (0.5 + focal * local[:, :2] / -local[:, 2:] * [1, -1])
    pixels = cameras(rig)[0].project((world - [1, 2, 4]) / 3)
    np.testing.assert_allclose(pixels, expected, atol=1e-3)
    assert any("same height, and less at the sides" in note for note in result.notes)


@pytest.mark.parametrize(
    ("matrix", "camera", "reason"),
    [
        (
            view_matrix((0, 0, 5), (0, 0, 9)),
            {"type": "perspective", "perspective": {"yfov": 0.6}},
            "sees nothing of the object: all of it is behind the camera",
        ),
        (
            view_matrix((0, 0, 0.5), (0, 0, 0)),
            {"type": "perspective", "perspective": {"yfov": 0.6}},
            "is inside the object's bounding sphere",
        ),
        (
            view_matrix((0, 0, 5), (0, 0, 0)),
            {"type": "orthographic", "orthographic": {"xmag": 1, "ymag": 1}},
            "it is orthographic, not perspective",
        ),
        (
            view_matrix((0, 0, 5), (0, 0, 0)) @ np.diag([-1, 1, 1, 1]),
            {"type": "perspective", "perspective": {"yfov": 0.6}},
            "its image is mirrored",
        ),
        (
            view_matrix((0, 0, 5), (0, 0, 0)),
            {"type": "perspective", "perspective": {"yfov": 3.1}},
            "field_of_view: 177.617 is out of range",
        ),
    ],
    ids=["behind", "inside", "orthographic", "mirrored", "wide"],
)
def test_a_camera_that_cannot_be_used_is_named(tmp_path, matrix, camera, reason):
    result = imported(with_camera(matrix, camera), tmp_path)
    assert len(result.not_imported) == 1
    assert result.not_imported[0].startswith(f"camera 'eye': {reason}")
    assert isinstance(result.scene.cameras, Ring)
    check_visible(result.scene)


# ---- Lights --------------------------------------------------------------------------------------


def lit(tmp_path, light, node=None, radius=2.0):
    """Return the scene of a ball of a radius at the origin, and one light."""
    gltf = ball_file(
        nodes=[{"name": "lamp", "extensions": {LIGHTS: {"light": 0}}, **(node or {})}],
        extensions={LIGHTS: {"lights": [light]}},
        extensionsUsed=[LIGHTS],
    )
    gltf.document["nodes"][0]["scale"] = [radius] * 3
    return imported(gltf, tmp_path)


def test_a_point_light_keeps_the_irradiance_of_surfaces(tmp_path):
    """683 cd are 1 W/sr; a ball of radius 2 is shrunk by 2, the intensity by 4."""
    light = {"type": "point", "intensity": 1366, "color": [1, 0.5, 0.25]}
    result = lit(tmp_path, light, {"translation": [0, 6, 0]})
    lamp = result.scene.lamps["lamp"]
    assert lamp.kind == "point"
    np.testing.assert_allclose(lamp.place, (0, 3, 0), atol=1e-6)
    np.testing.assert_allclose(lamp.intensity, (0.5, 0.25, 0.125), rtol=1e-6)
    assert result.scene.lighting.radiance == (0, 0, 0)
    assert "intensities of points and spots: multiplied by 0.25" in result.summary


def test_a_spot_light_and_the_sun_look_along_minus_z(tmp_path):
    """Turned by −90° about x, −z is down; the sun's direction does not depend on the scale."""
    down = {"rotation": [-np.sqrt(0.5), 0, 0, np.sqrt(0.5)], "translation": [0, 6, 0]}
    cone = {"innerConeAngle": 0.3, "outerConeAngle": 0.4}
    spot = lit(tmp_path, {"type": "spot", "intensity": 683, "spot": cone}, down)
    lamp = spot.scene.lamps["lamp"]
    np.testing.assert_allclose(np.subtract(lamp.toward, lamp.place), (0, -0.5, 0), atol=1e-6)
    assert lamp.angle == pytest.approx(np.degrees(0.4))
    assert spot.notes == ()
    (tmp_path / "sun").mkdir()
    sun = lit(tmp_path / "sun", {"type": "directional", "intensity": 68.3}, down).scene.lamps[
        "lamp"
    ]
    np.testing.assert_allclose(sun.direction(), (0, 1, 0), atol=1e-6)
    np.testing.assert_allclose(sun.irradiance, 0.1, rtol=1e-6)


def test_lamps_and_cameras_inside_or_behind_objects_are_listed(tmp_path):
    """A lamp in the ball; a camera behind a wall, and one in the ball."""
    wall = np.array([[-30, -30, 5], [30, -30, 5], [0, 30, 5]])
    gltf = ball_file(
        nodes=[
            {"name": "bulb", "extensions": {LIGHTS: {"light": 0}}, "translation": [0, 0.5, 0]},
            {"name": "far", "camera": 0, "translation": [0, 0, 9]},
            {"name": "near", "camera": 0, "translation": [0, 0, 4]},
            {"name": "within", "camera": 0, "translation": [0, 0, 0.5]},
            {"name": "wall", "mesh": 1},
        ],
        cameras=[{"type": "perspective", "perspective": {"yfov": 0.6}}],
        extensions={LIGHTS: {"lights": [{"type": "point"}]}},
    )
    gltf.mesh(gltf.primitive(wall))
    result = imported(gltf, tmp_path)
    assert set(result.not_imported) == {
        "light 'bulb': is inside the object 'ball'",
        "camera 'far': other objects (wall) hide the whole object 'ball' from it",
        "camera 'within': is inside the object 'ball'",
    }
    assert [each.origin[2] for each in result.scene.cameras.places] == pytest.approx([4], abs=1e-6)
    assert result.scene.lighting == Constant()
    check_visible(result.scene)


def test_another_falloff_and_a_range_are_reported(tmp_path):
    result = lit(tmp_path, {"type": "spot", "range": 4}, {"translation": [0, 0, 6]})
    assert result.not_imported == ("light 'lamp': its range, 4",)
    assert result.notes == ("light 'lamp': its intensity falls from 33.8° to 45°, not from 0°",)


# ---- Contents that are not imported, and refusals ------------------------------------------------


def test_everything_else_is_listed(tmp_path):
    gltf = ball_file(
        nodes=[
            {"mesh": 1, "name": "wire"},
            {"mesh": 0, "extensions": {"KHR_node_visibility": {"visible": False}}},
        ],
        animations=[{}],
        scenes=[{"nodes": [0, 1, 2]}, {"nodes": []}],
        extensionsUsed=["EXT_lights_image_based", LIGHTS],
    )
    line = gltf.primitive(TRIANGLE, [0, 1])
    gltf.mesh({**line, "mode": 1})
    gltf.document["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = 1
    result = imported(gltf, tmp_path)
    assert set(result.not_imported) == {
        "vertex colours of 'ball'",
        "animations",
        "other scenes of the file",
        "hidden nodes",
        "points and lines",
        "extension EXT_lights_image_based",
    }


def flat_scale(gltf):
    gltf.document["nodes"][0]["scale"] = [1, 0, 1]


def of(extension):
    def change(gltf):
        gltf.document["extensionsRequired"] = [extension]

    return change


def without_meshes(gltf):
    del gltf.document["nodes"][0]["mesh"]


def cut(gltf):
    gltf.document["accessors"][0]["count"] = 10**6


def flat_face(gltf):
    gltf.document["nodes"][0]["mesh"] = gltf.mesh(gltf.primitive(TRIANGLE * [1, 0, 0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (flat_scale, "node 'ball': a node: its transform is singular"),
        (of("KHR_draco_mesh_compression"), "is compressed with Draco"),
        (of("EXT_meshopt_compression"), "is compressed with meshopt"),
        (of("EXT_unheard_of"), "needs the extension EXT_unheard_of, which is not read"),
        (without_meshes, "holds no meshes; export the scene with its objects"),
        (cut, "buffer view 0 is cut short"),
        (flat_face, "holds no meshes"),
    ],
    ids=["singular", "draco", "meshopt", "required", "no meshes", "cut", "no area"],
)
def test_a_file_that_cannot_be_imported_is_refused(tmp_path, change, message):
    gltf = ball_file()
    change(gltf)
    with pytest.raises(InputError, match=r"scene\.glb: ") as refused:
        imported(gltf, tmp_path)
    assert message in str(refused.value)
    assert [each.name for each in tmp_path.iterdir()] == ["scene.glb"]


def test_an_unknown_object_is_named_with_the_nearest(tmp_path):
    with pytest.raises(InputError, match=r"no object is called 'bal'; did you mean 'ball'\?"):
        imported(ball_file(), tmp_path, "bal")
    assert not (tmp_path / "out").exists()
