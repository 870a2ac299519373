"""Images of one scene in a folder."""

import numpy as np
import pytest

from mrd.rendering.render_scene import photograph
from scenes.base.errors import InputError
from scenes.film import Film
from scenes.pictures.files import read_picture
from scenes.scene_files import read_scene


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
