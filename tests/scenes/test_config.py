import pytest
from pydantic import ValidationError

from scenes import library
from scenes.base.errors import InputError
from scenes.config import TargetConfig, target_scene
from scenes.lighting import Constant
from scenes.material import Material
from scenes.scene import Scene
from scenes.scene_files import write_scene
from scenes.shape import Sphere


def test_a_library_scene_with_one_section_replaced(tmp_path):
    config = TargetConfig.model_validate({"scene": "bunny", "material": "matte"})
    scene = target_scene("hare", config, tmp_path)
    original = library.scene("bunny")
    assert scene.name == "hare"
    assert scene.material == Material.model_validate("matte")
    assert scene.shape == original.shape
    assert scene.lighting == original.lighting


def test_a_section_is_replaced_as_a_whole(tmp_path):
    config = TargetConfig.model_validate({"scene": "bunny", "material": {"roughness": 0.1}})
    assert target_scene("x", config, tmp_path).material == Material(roughness=0.1)


def test_a_target_without_a_scene_has_defaults(tmp_path):
    config = TargetConfig.model_validate({"shape": {"kind": "sphere"}})
    assert target_scene("ball", config, tmp_path) == Scene(name="ball", shape=Sphere())


def test_a_scene_file_is_taken_relative_to_the_study(tmp_path):
    original = Scene(name="o", shape=Sphere(), lighting=Constant(radiance=(1, 2, 3)))
    write_scene(original, tmp_path / "made")
    scene = target_scene("copy", TargetConfig(scene="made/scene.json"), tmp_path)
    assert scene.sha256 == original.sha256


def test_names_are_looked_up_when_the_scene_is_made(tmp_path):
    config = TargetConfig(scene="nothing-of-that-name")
    with pytest.raises(
        InputError, match="no scene is called 'nothing-of-that-name'; known: bunny, spot"
    ):
        target_scene("x", config, tmp_path)
    with pytest.raises(InputError, match="no scene is called 'suzane'; did you mean 'suzanne'"):
        target_scene("x", TargetConfig(scene="suzane"), tmp_path)
    with pytest.raises(InputError, match=r"none/scene\.json: cannot be read"):
        target_scene("x", TargetConfig(scene="none/scene.json"), tmp_path)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "a target needs a scene or a shape"),
        ({"scene": "bunny", "matrial": "matte"}, "unknown key 'matrial'; did you mean 'material'"),
        (
            {"scene": "bunny", "material": "mate"},
            "no material is called 'mate'; did you mean 'matte'",
        ),
        (
            {"scene": "bunny", "cameras": {"kind": "ringg"}},
            "'ringg' is no kind; did you mean 'ring'",
        ),
    ],
)
def test_a_wrong_target_is_refused(record, message):
    with pytest.raises(ValidationError, match=message):
        TargetConfig.model_validate(record)
