"""What a page holds of a scene: places, units and sizes."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from scenes.arrays import Picture
from scenes.camera import Camera, cameras
from scenes.lamps import DiscLamp, RectangleLamp, SphereLamp, Sun
from scenes.lighting import Constant, EnvironmentMap, SunSky, map_directions, solid_angles
from scenes.material import Material
from scenes.scene import Scene, Transport
from scenes.shape import Sphere
from scenes.view.buffers import Buffers
from scenes.view.environment import DAYLIGHT, environment, radiance_map
from scenes.view.pictures import LARGEST_RENDER, LARGEST_TEXTURE, render_url, texture_url
from scenes.view.scene_record import INDIRECT, camera_record, lamp_record, scene_record
from scenes.view.surfaces import surface
from tests.small_views import ball


def stored(buffers, key, kind):
    return np.frombuffer(base64.b64decode(buffers.base64[key]), kind)


def opened(url):
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def test_arrays_are_stored_as_they_are_read():
    buffers = Buffers()
    scene = ball()
    record = scene_record(scene, buffers)["objects"][0]
    vertices = stored(buffers, record["vertices"], "<f4").reshape(-1, 3)
    faces = stored(buffers, record["faces"], "<u4").reshape(-1, 3)
    normals = stored(buffers, record["normals"], "<f4").reshape(-1, 3)
    assert record["counts"] == [len(vertices), len(faces)] == [162, 320]
    np.testing.assert_allclose(normals, vertices, atol=0.02)
    matrix = np.array(record["matrix"]).reshape(4, 4).T
    np.testing.assert_allclose(matrix, scene.pose.matrix())
    assert record["uvs"] is None


@pytest.mark.parametrize(("width", "height"), [(64, 64), (64, 32), (32, 64)])
def test_a_camera_sees_the_same_as_ours(width, height):
    camera = Camera(name="c0", origin=(3.0, 1.0, 2.0), width=width, height=height)
    record = camera_record(camera)
    matrix = np.array(record["matrix"]).reshape(4, 4).T
    point = np.array([0.3, 0.2, -0.1])
    local = np.linalg.inv(matrix) @ [*point, 1]
    half = np.tan(np.radians(record["field_of_view"]) / 2)
    x = local[0] / -local[2] / (half * record["aspect"])
    y = local[1] / -local[2] / half
    pixel = [(x + 1) / 2 * width, (1 - y) / 2 * height]
    np.testing.assert_allclose(pixel, camera.project(point)[0])


def test_all_cameras_are_listed():
    scene = ball()
    names = [each["name"] for each in scene_record(scene, Buffers())["cameras"]]
    assert names == [each.name for each in cameras(scene.cameras)] == ["c0", "c1", "c2", "h0"]


@pytest.mark.parametrize(
    ("lamp", "area"),
    [
        (RectangleLamp(place=(0, 2, 0), size=(2.0, 3.0), radiance=2.0), 6.0),
        (DiscLamp(place=(0, 2, 0), radius=2.0, radiance=2.0), 4 * np.pi),
        (SphereLamp(place=(0, 2, 0), radius=2.0, radiance=2.0), 4 * np.pi),
    ],
)
def test_an_area_lamp_has_the_intensity_of_its_area(lamp, area):
    record = lamp_record("key", lamp.model_copy(update={"level": 0.5}))
    assert record["strength"] == [1.0] * 3
    np.testing.assert_allclose(record["intensity"], area)


def test_a_sun_has_a_direction():
    record = lamp_record("sun", Sun(elevation=90))
    np.testing.assert_allclose(record["direction"], [0, 1, 0], atol=1e-9)
    assert record["strength"] == [3.0] * 3


def test_lamps_are_reflected_only_if_light_is():
    direct = scene_record(ball(), Buffers())
    assert direct["indirect"] == [0.0] * 3
    reflected = scene_record(ball(transport=Transport(bounces=2)), Buffers())
    distance = 0.3**2 + 2**2 + 2**2
    np.testing.assert_allclose(reflected["indirect"], INDIRECT * 2 / distance, rtol=0.01)


def test_a_map_keeps_the_mean_of_its_light():
    rng = np.random.default_rng(0)
    pixels = rng.random((200, 400, 3)).astype(np.float32)
    light = EnvironmentMap(radiance=Picture(pixels), level=2.0)
    buffers = Buffers()
    record = environment([light], buffers)
    found = stored(buffers, record["pixels"], "<f2").reshape(record["height"], record["width"], 3)
    mean = np.average(found, axis=(0, 1), weights=solid_angles(*found.shape[:2]))
    np.testing.assert_allclose(mean, 2 * pixels.mean(axis=(0, 1)), rtol=0.01)


@pytest.mark.parametrize("row", range(len(DAYLIGHT)))
def test_daylight_is_that_of_the_table(row):
    light = SunSky(sun_elevation=DAYLIGHT[row, 0], sun_scale=2.0, level=3.0)
    record = environment([light], Buffers())
    np.testing.assert_allclose(record["suns"][0]["strength"], 6 * DAYLIGHT[row, 1:4])
    sky = radiance_map([light])
    height = map_directions(*sky.shape[:2])[..., 1]
    np.testing.assert_allclose(sky[0, 0], 3 * DAYLIGHT[row, 4:7])
    assert not sky[height < -1e-9].any()


def test_a_bright_constant_light_fits_16_bits():
    buffers = Buffers()
    record = environment([Constant(radiance=1e9)], buffers)
    assert np.isfinite(stored(buffers, record["pixels"], "<f2")).all()


def test_lights_are_the_same_whichever_a_search_changes():
    scene = ball()
    record, other = (
        scene_record(each, Buffers()) for each in (scene, scene.with_searched_light("bulb"))
    )
    assert other == record
    assert [lamp["name"] for lamp in record["lamps"]] == ["bulb"]
    assert record["environments"] == [["environment", "constant"]]


def test_several_lights_around_a_scene_are_added():
    light, more = Constant(radiance=0.25), Constant(radiance=0.5)
    np.testing.assert_allclose(radiance_map([light, more]), 0.75)
    assert not radiance_map([]).any()


def test_an_estimated_exposure_makes_the_object_bright():
    light = Constant(radiance=4.0)
    scene = ball((0.5, 0.5, 0.5), film={}, lamps={}, lighting=light)
    film = scene_record(scene, Buffers())["film"]
    assert film["is_estimate"]
    np.testing.assert_allclose(film["exposure"], 0.8 / (0.5 * 4.0))


def test_textures_become_small_pictures_with_coordinates():
    pixels = np.zeros((1500, 2000, 3), np.float32)
    pixels[:750] = 0.5
    scene = ball(material=Material(base_color=Picture(pixels)))
    record = surface(scene.objects["object"], Buffers())
    assert record["uvs"] is not None
    assert record["counts"][0] > 162  # doubled at the seam
    image = opened(record["material"]["textures"]["base_color"])
    assert max(image.size) == LARGEST_TEXTURE
    assert np.array(image)[10, 10] == pytest.approx([188] * 3, abs=1)  # sRGB of 0.5
    assert np.array(image)[-10, 10] == pytest.approx([0] * 3, abs=1)
    np.testing.assert_allclose(record["material"]["base_color"], 0.25)


def test_data_textures_are_not_encoded():
    image = opened(texture_url(Picture(np.full((8, 8), 0.5, np.float32)), color=False))
    assert np.array(image)[4, 4] == pytest.approx([128] * 3, abs=1)


@pytest.mark.parametrize(("side", "kind"), [(16, "png"), (LARGEST_RENDER + 100, "jpeg")])
def test_large_renders_are_made_smaller(tmp_path, side, kind):
    path = tmp_path / "c0.png"
    Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(path)
    url = render_url(path)
    assert url.startswith(f"data:image/{kind};")
    assert opened(url).size == (min(side, LARGEST_RENDER),) * 2


def test_names_stand_at_their_objects():
    scene = Scene(
        name="two", shape=Sphere(), surroundings=["ground", "wall"], lighting=Constant()
    ).loaded()
    record = scene_record(scene, Buffers())
    at = {each["name"]: np.array(each["anchor"]) for each in record["objects"]}
    np.testing.assert_allclose(at["object"], [0, 1, 0], atol=0.01)
    assert at["ground"][1] == pytest.approx(-1, abs=0.01)
    assert at["ground"][[0, 2]] == pytest.approx([-0.8, 0.8], abs=0.01)
    assert at["wall"][2] == pytest.approx(-1.6, abs=0.01)  # the wall is 2 behind
