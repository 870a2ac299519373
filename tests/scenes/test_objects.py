"""Scenes of several objects: names, focus, hashes and files."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.lighting import EnvironmentMap
from scenes.material import Material
from scenes.objects import Object
from scenes.pose import Pose
from scenes.scene import Scene, Transport
from scenes.scene_files import read_scene, write_scene
from scenes.shape import MeshShape, Sphere
from tests.paths import ROOT

SMALL = Sphere(subdivisions=1, radius=0.3)
AWAY = Pose(translation=(1.0, 0.0, 0.5))
OLD = ROOT / "tests/data/old_study/runs/ball-eye-material-s1-dac9428f/target/scene.json"


def pair(**changes):
    objects = {"ball": Object(shape=SMALL, material=Material(base_color=0.2), pose=AWAY)}
    return Scene(name="pair", shape=Sphere(subdivisions=1), **{"others": objects, **changes})


def test_objects_are_listed_with_the_searched_one_first():
    scene = pair(object="egg")
    assert list(scene.objects) == ["egg", "ball"]
    assert scene.objects["egg"].shape == scene.shape


def test_focus_exchanges_the_searched_object_and_can_be_undone():
    scene = pair()
    focused = scene.with_searched_object("ball")
    assert (focused.object, list(focused.others)) == ("ball", ["object"])
    assert (focused.shape, focused.material, focused.pose) == (
        SMALL,
        Material(base_color=0.2),
        AWAY,
    )
    assert focused.with_searched_object("object") == scene
    assert scene.with_searched_object("object") is scene


def test_an_unknown_object_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="no object is called 'bal'; did you mean 'ball'"):
        pair().with_searched_object("bal")


def test_two_objects_of_one_name_are_refused():
    with pytest.raises(ValidationError, match="two objects are called 'ball'"):
        pair(object="ball")
    with pytest.raises(ValidationError, match="two objects are called 'ball'"):
        pair(surroundings={"ball": {"kind": "ground"}})


@pytest.mark.parametrize("name", ["", "a b", "../up", "1st", "ä"])
def test_a_name_is_letters_digits_and_dashes(name):
    with pytest.raises(ValidationError, match="is no name; use letters, digits"):
        pair(others={name: Object(shape=SMALL)})


def test_names_do_not_change_the_hash_of_a_scene_but_contents_do():
    scene = Scene(name="a", shape=Sphere())
    assert scene.sha256 == Scene(name="b", object="egg", light="sky", shape=Sphere()).sha256
    assert scene.sha256 != pair().sha256
    moved = {"ball": Object(shape=SMALL, material=Material(base_color=0.2))}
    assert pair().sha256 != pair(others=moved).sha256


def test_bounces_are_none_for_one_object_and_two_among_objects():
    alone = Scene(name="a", shape=Sphere())
    assert (alone.bounces, pair().bounces) == (0, 2)
    assert pair(transport=Transport(bounces=0)).bounces == 0
    assert Scene(name="a", shape=Sphere(), surroundings=["ground"]).bounces == 2
    one = Scene(name="a", shape=Sphere(), transport=Transport(bounces=1))
    assert one.sha256 != alone.sha256
    assert alone.sha256 == alone.model_copy(update={"transport": Transport(bounces=0)}).sha256


@pytest.mark.parametrize("bounces", [-1, 65, 1.5, "2"])
def test_bounces_out_of_range_are_refused(bounces):
    with pytest.raises(ValidationError, match="bounces"):
        Transport(bounces=bounces)


def test_a_scene_of_several_objects_survives_its_files(tmp_path):
    texture = Picture(np.full((2, 2, 3), 0.25, np.float32))
    others = {
        "ball": Object(shape=SMALL, material=Material(base_color=texture), pose=AWAY),
        "rabbit": Object(shape=MeshShape(surface="bunny")),
    }
    scene = pair(
        object="egg",
        others=others,
        lamps={"key": {"kind": "point", "place": [0, 3, 0]}},
        lighting=EnvironmentMap(radiance="studio"),
        transport=Transport(bounces=3),
    ).loaded()
    path = write_scene(scene, tmp_path)
    again = read_scene(path)
    assert again == scene
    assert again.sha256 == scene.sha256
    record = json.loads(path.read_text())
    assert list(record["objects"]) == ["egg", "ball", "rabbit"]
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "ball-material-base_color.exr",
        "lighting-radiance.exr",
        "rabbit-shape-surface.ply",
        "scene.json",
    ]


def test_a_scene_that_is_lit_by_a_lamp_survives_its_files(tmp_path):
    scene = pair(
        lighting=EnvironmentMap(radiance="studio"),
        lamps={"key": {"kind": "point", "place": [0, 3, 0]}},
    )
    lit = scene.loaded().with_searched_light("key")
    assert (lit.light, list(lit.lamps)) == ("key", ["environment"])
    assert read_scene(write_scene(lit, tmp_path)) == lit
    assert lit.with_searched_light("environment") == scene.loaded()
    with pytest.raises(InputError, match="no lamp is called 'kay'; did you mean 'key'"):
        scene.with_searched_light("kay")


def test_files_of_version_1_are_read_and_keep_their_hash(tmp_path):
    record = json.loads(OLD.read_text())
    assert record["schema_version"] == 1
    scene = read_scene(OLD)
    assert (scene.sha256, scene.object, scene.others) == (record["sha256"], "object", {})
    path = write_scene(scene, tmp_path)
    new = json.loads(path.read_text())
    assert (new["schema_version"], new["sha256"]) == (2, record["sha256"])
    assert read_scene(path) == scene


def test_every_stored_scene_of_the_old_study_is_read():
    scenes = [*(ROOT / "tests/data/old_study/runs").rglob("scene.json")]
    assert len(scenes) >= 3
    for path in scenes:
        assert read_scene(path).sha256 == json.loads(path.read_text())["sha256"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"objects": {}}, "objects: use a mapping of names to objects, with at least one"),
        ({"objects": {"a": 1}}, "objects.a: use a mapping"),
        (
            {"objects": {"a": {"shape": {"kind": "sphere"}, "colour": 1}}},
            "objects.a: unknown key 'colour'",
        ),
        (
            {"objects": {"a": {"shape": {"kind": "sphere"}}}, "pose": {}},
            "pose: not together with objects",
        ),
        (
            {"objects": {"a": {"shape": {"kind": "sphere"}}, "b": {"shape": {"kind": "cube"}}}},
            "objects.b.shape: 'cube' is no kind",
        ),
    ],
)
def test_broken_objects_in_a_file_are_named(tmp_path, record, message):
    path = tmp_path / "scene.json"
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=message):
        read_scene(path)


def test_two_lights_around_a_scene_are_refused():
    with pytest.raises(ValidationError, match="environment and sky both surround the scene"):
        pair(lamps={"sky": {"kind": "constant"}})


def test_an_object_may_have_the_name_of_a_section(tmp_path):
    bunny = Object(shape=MeshShape(surface="bunny"))
    spot = {"others": Object(shape=MeshShape(surface="spot")), "lamps": bunny}
    scene = Scene(name="pair", shape=MeshShape(surface="suzanne"), others=spot).loaded()
    assert read_scene(write_scene(scene, tmp_path)) == scene


def test_the_order_of_further_objects_does_not_count():
    one, two = Object(shape=SMALL), Object(shape=SMALL, pose=AWAY)
    scenes = [pair(others={"b": one, "a": two}), pair(others={"a": two, "b": one})]
    assert scenes[0].sha256 == scenes[1].sha256
    assert [list(each.objects) for each in scenes] == [["object", "a", "b"]] * 2
