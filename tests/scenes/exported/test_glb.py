"""GLB files: the rules of glTF, and the scene that another program reads from them."""

import io

import numpy as np
import pytest
import trimesh
from PIL import Image

from scenes import library
from scenes.arrays import Mesh, Picture
from scenes.camera import Fibonacci, Ring, Single, cameras
from scenes.exported.glb_scene import glb_of, write_glb
from scenes.film import srgb_encode
from scenes.lamps import DiscLamp, PointLamp, RectangleLamp, SphereLamp, SpotLamp, Sun
from scenes.lighting import Constant, EnvironmentMap, SunSky
from scenes.material import Material
from scenes.meshes.files import read_mesh_file
from scenes.objects import Object
from scenes.placed import world_surface, world_vertices
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Blob, MeshShape, Sphere, geometry
from scenes.surroundings import Ground
from tests.scenes.exported.gltf_rules import check

POSE = Pose(rotation=(20, 130, -40), translation=(0.2, -0.1, 0.3))
LAMPS = {
    "window": RectangleLamp(place=(2, 3, 1), size=(1, 2), radiance=(1, 2, 4)),
    "plate": DiscLamp(place=(0, 4, 0), radius=0.7),
    "bulb": SphereLamp(place=(-2, 1, 1), radius=0.3, radiance=0.5),
    "point": PointLamp(place=(1, 2, 3), intensity=(1, 4, 2), level=2.0),
    "spot": SpotLamp(place=(3, 1, 0), toward=(0, 1, 0), angle=20),
    "sun": Sun(elevation=30, azimuth=60),
}


def scene(**changes):
    """Return a loaded scene of two objects, one with a pose, and every kind of lamp."""
    plain = {
        "name": "two",
        "shape": Blob(seed=2, subdivisions=2),
        "pose": POSE,
        "material": Material(base_color=(0.8, 0.2, 0.1), roughness=0.3, metallic=0.25),
        "others": {
            "cube": Object(
                shape=MeshShape(surface=cube(), fit=False, normals="flat"),
                pose=Pose(translation=(2, 0, 0)),
            )
        },
        "lamps": LAMPS,
        "cameras": Ring(count=3, held_out=1, field_of_view=40),
    }
    return Scene(**(plain | changes)).loaded()


def cube():
    box = trimesh.creation.box()
    return Mesh(box.vertices, box.faces)


def read(made):
    """Return what a scene's file holds, checked against the rules of glTF."""
    return check(glb_of(made)[0])


def checkerboard(channels, side=4):
    pixels = np.indices((side, side)).sum(axis=0) % 2 * 0.5 + 0.25
    return Picture(np.repeat(pixels[:, :, None], channels, axis=2))


@pytest.mark.parametrize(
    "made",
    [
        scene(),
        library.scene("bunny").loaded(),
        scene(material=Material(base_color=checkerboard(3), roughness=checkerboard(1))),
        scene(material="translucent", lamps={}, lighting=SunSky()),
        scene(surroundings={"ground": Ground()}),
    ],
    ids=["two", "bunny", "textured", "translucent", "objects_around"],
)
def test_the_file_follows_the_rules_of_gltf(made):
    read(made)


def test_another_program_reads_the_same_places(tmp_path):
    made = scene()
    write_glb(made, tmp_path / "two.glb")
    loaded = trimesh.load_scene(tmp_path / "two.glb", process=False)
    for name, each in made.objects.items():
        matrix, mesh = loaded.graph.get(name)
        found = trimesh.transform_points(loaded.geometry[mesh].vertices, matrix)
        expected = world_vertices(geometry(each.shape), each)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        np.testing.assert_array_equal(loaded.geometry[mesh].faces, geometry(each.shape).faces)
    for camera in cameras(made.cameras):
        matrix, _ = loaded.graph.get(f"camera_{camera.name}")
        np.testing.assert_allclose(matrix, camera.to_world(), atol=1e-12)
    # trimesh keeps one camera; all have the same field of view.
    np.testing.assert_allclose(loaded.camera.fov, (40, 40))


def test_our_own_reader_reads_the_mesh_that_was_written(tmp_path):
    made = scene(others={}, lamps={})
    write_glb(made, tmp_path / "blob.glb")
    mesh = read_mesh_file(tmp_path / "blob.glb", fit=False).mesh
    # Vertices with a pose, in another order; the surface is the same.
    expected = world_surface(made, False)[0]
    for axis in range(3):
        np.testing.assert_allclose(
            np.sort(mesh.vertices[:, axis]), np.sort(expected.vertices[:, axis]), atol=1e-6
        )


def test_another_program_reads_the_same_materials(tmp_path):
    made = scene()
    write_glb(made, tmp_path / "two.glb")
    loaded = trimesh.load_scene(tmp_path / "two.glb", process=False)
    material = loaded.geometry["object"].visual.material
    np.testing.assert_allclose(
        material.baseColorFactor[:3], np.round(255 * np.array([0.8, 0.2, 0.1])), atol=1
    )
    assert material.roughnessFactor == 0.3
    assert material.metallicFactor == 0.25


@pytest.mark.parametrize("normals", ["smooth", "flat"])
def test_flat_faces_have_no_normals(normals):
    file = read(scene(shape=Sphere(subdivisions=1, normals=normals)))
    attributes = file.part("object")["attributes"]
    assert ("NORMAL" in attributes) == (normals == "smooth")
    if normals == "smooth":  # those of a sphere about the origin are its vertices
        places, directions = (file.values(attributes[key]) for key in ("POSITION", "NORMAL"))
        np.testing.assert_allclose(directions, places, atol=0.02)


def test_cameras_have_the_horizontal_field_of_view():
    rig = Fibonacci(count=2, held_out=1, field_of_view=50)
    file = read(scene(cameras=rig))
    for camera, written in zip(cameras(rig), file.entries("cameras"), strict=True):
        assert written["name"] == f"camera_{camera.name}"
        assert written["perspective"]["yfov"] == pytest.approx(np.radians(50))  # square images
        assert written["perspective"]["aspectRatio"] == 1
    assert file.node("camera_h0")["extras"] == {"held_out": True}
    assert "extras" not in file.node("camera_c0")


def matrix(node):
    """Return the matrix (4, 4) of a node."""
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    result = trimesh.transformations.quaternion_matrix([w, x, y, z])
    result[:3, 3] = node.get("translation", (0, 0, 0))
    return result


def test_punctual_lamps_keep_place_direction_and_strength():
    file = read(scene())
    lights = file.lights()
    assert lights["lamp_point"]["intensity"] == 8 * 683  # 4 × level 2, in candela
    assert lights["lamp_point"]["color"] == [0.25, 1, 0.5]
    assert file.node("lamp_point")["translation"] == [1, 2, 3]
    spot = matrix(file.node("lamp_spot"))
    np.testing.assert_allclose(-spot[:3, 2], (-1, 0, 0), atol=1e-12)  # shines along −z
    assert lights["lamp_spot"]["spot"]["outerConeAngle"] == pytest.approx(np.radians(20))
    sun = matrix(file.node("lamp_sun"))
    np.testing.assert_allclose(-sun[:3, 2], -LAMPS["sun"].direction(), atol=1e-12)
    assert (lights["lamp_sun"]["type"], lights["lamp_sun"]["intensity"]) == ("directional", 3 * 683)


@pytest.mark.parametrize("name", ["window", "plate", "bulb"])
def test_area_lamps_are_glowing_meshes(name):
    file = read(scene())
    lamp, part = LAMPS[name], file.part(f"lamp_{name}")
    material = file.material(f"lamp_{name}")
    strength = material["extensions"]["KHR_materials_emissive_strength"]["emissiveStrength"]
    np.testing.assert_allclose(np.multiply(material["emissiveFactor"], strength), lamp.radiance)
    vertices = file.values(part["attributes"]["POSITION"])
    faces = file.values(part["indices"]).reshape(-1, 3)
    mesh = trimesh.Trimesh(vertices, faces).apply_transform(matrix(file.node(f"lamp_{name}")))
    area = {"window": 2, "plate": np.pi * 0.7**2, "bulb": 4 * np.pi * 0.3**2}[name]
    assert mesh.area == pytest.approx(area, rel=0.01)
    np.testing.assert_allclose(mesh.centroid, lamp.place, atol=1e-6)
    if name != "bulb":  # its front faces the point
        toward = np.subtract(lamp.toward, lamp.place)
        facing = mesh.face_normals @ (toward / np.linalg.norm(toward))
        np.testing.assert_allclose(facing, 1, atol=1e-6)


def test_a_searched_lamp_is_a_lamp():
    data, remarks = glb_of(scene().with_searched_light("spot"))
    assert set(check(data).lights()) == {"lamp_point", "lamp_spot", "lamp_sun"}
    assert any(each.startswith("lighting (constant): ") for each in remarks.left_out)


def test_textures_are_stored_as_gltf_prescribes():
    color, rough = checkerboard(3, 4), checkerboard(1, 8)
    material = Material(base_color=color, roughness=rough, metallic=0.7)
    file = read(scene(material=material))
    surface = file.material("object")["pbrMetallicRoughness"]

    def pixels(texture):
        source = file.entries("textures")[texture["index"]]["source"]
        image = file.entries("images")[source]
        return np.asarray(Image.open(io.BytesIO(file.view(image["bufferView"])))) / 255

    np.testing.assert_allclose(
        pixels(surface["baseColorTexture"]), srgb_encode(color.pixels), atol=0.5 / 255
    )
    green = pixels(surface["metallicRoughnessTexture"])[:, :, 1]
    np.testing.assert_allclose(green, rough.pixels[:, :, 0], atol=0.5 / 255)
    assert surface["metallicFactor"] == 0.7
    assert "roughnessFactor" not in surface  # 1, the default
    assert "baseColorFactor" not in surface


def test_texture_coordinates_count_from_the_top_as_ours():
    mesh = Mesh(np.eye(3), [[0, 1, 2]], [[0, 0], [1, 0], [0, 0.25]])
    shape = MeshShape(surface=mesh, fit=False)
    file = read(scene(shape=shape, material=Material(base_color=checkerboard(3))))
    np.testing.assert_array_equal(
        file.values(file.part("object")["attributes"]["TEXCOORD_0"]), mesh.uvs
    )


def test_extensions_hold_parameters_that_are_not_the_default():
    material = Material(
        eta=1.3, spec_trans=0.5, clearcoat=0.8, clearcoat_gloss=1, sheen=0.4, sheen_tint=1,
        base_color=(0.5, 0.25, 0), flatness=0.5,
    )  # fmt: skip
    data, remarks = glb_of(scene(material=material))
    extensions = check(data).material("object")["extensions"]
    assert extensions["KHR_materials_ior"] == {"ior": 1.3}
    assert extensions["KHR_materials_transmission"] == {"transmissionFactor": 0.5}
    assert extensions["KHR_materials_clearcoat"]["clearcoatFactor"] == 0.8
    roughness = extensions["KHR_materials_clearcoat"]["clearcoatRoughnessFactor"]
    assert roughness**2 == pytest.approx(0.001)
    assert extensions["KHR_materials_sheen"]["sheenColorFactor"] == pytest.approx([0.4, 0.2, 0])
    assert "object object: flatness 0.5" in remarks.left_out
    assert "extensions" not in read(scene(material=Material())).material("object")


@pytest.mark.parametrize(
    ("lighting", "kind"),
    [
        (EnvironmentMap(radiance="studio"), "environment map"),
        (Constant(), "constant"),
        (SunSky(), "sun_sky"),
    ],
)
def test_what_gltf_lacks_is_listed(lighting, kind):
    remarks = glb_of(scene(lighting=lighting))[1]
    assert any(each.startswith(f"lighting ({kind}): ") for each in remarks.left_out)
    glowing = [each for each in remarks.approximated if "a glowing mesh" in each]
    assert [each.split(":")[0] for each in glowing] == ["lamp window", "lamp plate", "lamp bulb"]


@pytest.mark.parametrize("subdivisions", [3, 7])  # 642 and 163 842 vertices: 16 and 32 bits
def test_files_are_not_much_larger_than_those_of_trimesh(subdivisions):
    made = scene(
        shape=Sphere(subdivisions=subdivisions), others={}, lamps={}, cameras=Single(), pose=Pose()
    )
    mesh = geometry(made.shape)
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    theirs = trimesh.exchange.gltf.export_glb(trimesh.Scene(solid), include_normals=True)
    assert len(glb_of(made)[0]) <= 1.2 * len(theirs)


def test_a_bunny_is_not_much_larger_than_without_normals_in_trimesh():
    made = library.scene("bunny").loaded()
    mesh = geometry(made.shape)
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    theirs = trimesh.exchange.gltf.export_glb(trimesh.Scene(solid), include_normals=False)
    assert len(glb_of(made)[0]) <= 1.2 * len(theirs)


def test_equal_scenes_give_equal_files():
    assert glb_of(scene())[0] == glb_of(scene())[0]
