"""Images of one scene in a folder."""

import json

import numpy as np
import OpenEXR
import pytest

from mrd.rendering.aovs import Aovs
from mrd.rendering.render_scene import photograph
from scenes.aov_kinds import CHANNELS, KINDS
from scenes.base.errors import InputError
from scenes.camera import cameras
from scenes.film import Film
from scenes.objects import Object
from scenes.pictures.files import read_picture
from scenes.pose import Pose
from scenes.scene_files import read_scene
from scenes.shape import Sphere


def test_every_camera_has_an_exr_and_a_png(small, tmp_path):
    written = list(photograph(small(), tmp_path / "new", 16, 0))
    assert [path.name for path in written] == ["c0.exr", "c0.png"]
    assert read_scene(tmp_path / "new" / "scene.json").sha256 == small().sha256
    other = list(photograph(small(), tmp_path / "other", 16, 1))
    first, second = (read_picture(path).pixels for path in (written[0], other[0]))
    assert first.shape == (32, 32, 3)
    assert not np.array_equal(first, second)  # another noise index, another noise
    np.testing.assert_allclose(first.mean(), second.mean(), rtol=0.05)


def test_an_unwritable_folder_is_refused_before_rendering(small, tmp_path, monkeypatch):
    monkeypatch.setattr("mrd.rendering.stage.Stage.photographs", None)  # a render would break down
    (tmp_path / "taken").write_text("a file")
    scene = small(film=Film(exposure="auto"))
    with pytest.raises(InputError, match="taken: cannot be written"):
        next(photograph(scene, tmp_path / "taken", 16, 0))


def test_aovs_are_written_beside_the_images(small, tmp_path):
    scene = small(others={"ball": Object(shape=Sphere(), pose=Pose(translation=(3, 0, 0)))})
    written = [each.name for each in photograph(scene, tmp_path, 4, 0, KINDS)]
    assert written == [
        "c0.exr", "c0.png", *(f"c0_{kind}.exr" for kind in KINDS), "objects.json",
    ]  # fmt: skip
    assert json.loads((tmp_path / "objects.json").read_text()) == {"1": "object", "2": "ball"}
    view = cameras(scene.cameras)[0]
    expected = Aovs(scene).of(view, KINDS, 4)
    for kind in KINDS:
        with OpenEXR.File(str(tmp_path / f"c0_{kind}.exr"), separate_channels=True) as file:
            channels = {name: each.pixels for name, each in file.channels().items()}
        assert sorted(channels) == sorted(CHANNELS[kind])
        stored = np.stack([channels[name] for name in CHANNELS[kind]], axis=2)
        assert stored.dtype == np.float32
        np.testing.assert_array_equal(stored, expected[kind])


@pytest.mark.parametrize("kind", ["depth", "normals", "mask", "object"])
def test_aovs_do_not_pass_for_pictures(small, tmp_path, kind):
    list(photograph(small(), tmp_path, 1, 0, (kind,)))
    with pytest.raises(InputError, match=r"use R, G and B, or one channel"):
        read_picture(tmp_path / f"c0_{kind}.exr")
