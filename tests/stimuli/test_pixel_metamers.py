"""Pixel metamers in a set, which are no part of its content."""

import shutil

import h5py
import numpy as np
import pytest

from scenes.base.errors import InputError
from stimuli.check import problems
from stimuli.comparison import differences
from stimuli.merging import merge
from stimuli.pixel_metamers import PixelMetamer, read_pixel_metamers
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import seal
from stimuli.summary import summary
from stimuli.writing import add_pixel_metamers, add_results

RUN = "vase-material-net-s1"


def entry(rng, run=RUN):
    pictures = rng.integers(0, 255, (3, 2, 16, 16, 3)).astype(np.uint8)
    return PixelMetamer(run, {"target": "vase", "cameras": [{"camera": "c0"}, {"camera": "c1"}]},
                        *pictures)  # fmt: skip


@pytest.fixture
def beside(small_set, tmp_path, rng):
    """Give a set with pixel metamers of one run, and what they are."""
    path = shutil.copy(small_set, tmp_path / "stimuli.h5")
    with StimulusSet(small_set) as stimuli:
        given = entry(rng)
        add_pixel_metamers(path, [given], stimuli.content_hash)
    return path, given


def test_pixel_metamers_are_read_as_written(beside, small_set):
    path, given = beside
    assert problems(path) == []
    with StimulusSet(path) as stimuli, StimulusSet(small_set) as without:
        (found,) = read_pixel_metamers(stimuli).values()
        assert stimuli.content_hash == without.content_hash
        assert stimuli.models == without.models
        assert summary(stimuli)["pixel metamers"] == RUN
        assert "pixel metamers" not in summary(without)
    assert found.record == given.record
    for name in ("target", "scene", "pixel"):
        assert np.array_equal(getattr(found, name), getattr(given, name))
    assert found.content_hash == given.content_hash


def test_adding_some_keeps_the_others(beside, rng):
    path, given = beside
    with StimulusSet(path) as stimuli:
        expected = stimuli.content_hash
        results = stimuli.results("net")
    add_pixel_metamers(path, [entry(rng, "vase-shape-net-s1")], expected)
    add_results(path, {"net": results}, expected)
    with StimulusSet(path) as stimuli:
        found = read_pixel_metamers(stimuli)
    assert set(found) == {RUN, "vase-shape-net-s1"}
    assert found[RUN].content_hash == given.content_hash


def test_pixel_metamers_of_another_set_are_refused(beside, rng):
    path, _ = beside
    with pytest.raises(InputError, match=r"metamers are of 000000000000: the file was replaced"):
        add_pixel_metamers(path, [entry(rng)], "0" * 64)


def test_an_altered_picture_and_an_unknown_run_are_found(beside, rng):
    path, _ = beside
    with StimulusSet(path) as stimuli:
        expected = stimuli.content_hash
    add_pixel_metamers(path, [entry(rng, "nobody")], expected)
    with h5py.File(path, "r+") as file:
        file[f"pixel_metamers/{RUN}/pixel"][0, 0, 0, 0] ^= 1
    seal(path)
    found = problems(path)
    assert len(found) == 2
    assert "pixel_metamers/nobody: no stimulus is of that run" in found[0]
    assert f"pixel_metamers/{RUN}: attribute content_hash: is not that of its pictures" in found[1]


def test_sets_are_compared_and_merged_with_them(beside, small_set, tmp_path, rng):
    path, given = beside
    with StimulusSet(path) as one, StimulusSet(small_set) as other:
        assert differences(one, other) == [f"pixel_metamers/{RUN}: only in {path}"]
    merge([small_set, path], tmp_path / "merged.h5")
    with StimulusSet(tmp_path / "merged.h5") as merged:
        assert read_pixel_metamers(merged)[RUN].content_hash == given.content_hash
    another = shutil.copy(small_set, tmp_path / "another.h5")
    with StimulusSet(small_set) as stimuli:
        add_pixel_metamers(another, [entry(rng)], stimuli.content_hash)
    with StimulusSet(path) as one, StimulusSet(another) as other:
        assert differences(one, other) == [f"pixel_metamers/{RUN}: differs"]
    with pytest.raises(InputError, match=rf"pixel_metamers/{RUN}: differs from an earlier"):
        merge([path, another], tmp_path / "none.h5")
