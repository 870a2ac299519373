"""Writing a set: content hashes, refused input, and several processes."""

import dataclasses
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from subprocess import PIPE

import h5py
import numpy as np
import pytest

from scenes.arrays import array_sha256
from scenes.base.errors import InputError
from stimuli.check import problems
from stimuli.model_results import ModelResults
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import check_seal, one_writer
from stimuli.writing import add_results, write_set
from tests.small_set import small_image, small_parts, write_small_set


@pytest.fixture(scope="module")
def parts():
    table, images, scenes = small_parts()
    return table.iloc[:12], list(images[:12]), scenes[:12]


def test_the_same_content_has_the_same_hash_and_other_content_another(parts, tmp_path):
    table, images, scenes = parts

    def hashed(table=table, images=images, **more):
        return write_set(tmp_path / "s.h5", table, images, scenes, **more)

    first = hashed()
    assert hashed() == first
    assert hashed(compression="lzf", provenance={"when": "later"}) == first
    changed = [image.copy() for image in images]
    changed[3][0, 0, 0] ^= 1
    others = {
        hashed(images=changed),
        hashed(table=table.assign(samples=64)),
        hashed(radiance=[image / 255 for image in images]),
    }
    assert len(others | {first}) == 4


def test_models_do_not_change_the_content_hash(small_set, tmp_path):
    bare = write_small_set(tmp_path / "bare.h5", models={})
    with StimulusSet(small_set) as one, StimulusSet(bare) as other:
        assert one.content_hash == other.content_hash
        assert len({group.attrs["content_hash"] for group in one.file["models"].values()}) == 2


def test_sixteen_bits_and_radiance_come_back(parts, tmp_path):
    table, _, scenes = parts
    images = [small_image(row, bits=16) for row in table.itertuples()]
    radiance = [np.full(images[0].shape, 10.0**power) for power in range(-6, 6)]
    write_set(tmp_path / "s.h5", table, images, scenes, radiance=radiance)
    with StimulusSet(tmp_path / "s.h5") as one:
        for name, image, linear in zip(table["stimulus_id"], images, radiance, strict=True):
            assert one.image(name).dtype == np.uint16
            assert np.array_equal(one.image(name), image)
            found = float(one.radiance(name)[0, 0, 0])
            assert found == pytest.approx(min(linear[0, 0, 0], 65504), rel=2**-10, abs=1e-7)


def test_a_flat_texture_that_is_stored_in_little_room_is_read_again(parts, tmp_path):
    table, images, scenes = parts
    flat = np.zeros((2400, 2400, 3), np.float32)  # above 64 MiB
    name = array_sha256(flat)
    textured = dataclasses.replace(scenes[0], arrays=scenes[0].arrays | {name: flat})
    write_set(tmp_path / "s.h5", table, images, [textured, *scenes[1:]])
    assert flat.nbytes > 50 * (tmp_path / "s.h5").stat().st_size
    with StimulusSet(tmp_path / "s.h5") as one:
        assert one.file["arrays"][name].shape == flat.shape
    assert problems(tmp_path / "s.h5") == []


def test_the_file_is_sealed_and_every_image_is_a_checked_chunk(parts, tmp_path):
    table, images, scenes = parts
    write_set(tmp_path / "s.h5", table, images, scenes)
    check_seal(tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5") as file:
        assert file.userblock_size == 512
        assert file["images"].chunks == (1, 16, 16, 3)
        assert file["images"].fletcher32
        assert all(column.fletcher32 for column in file["stimuli"].values())


def _without(table, column):
    return table.drop(columns=column)


def _with(table, column, row, value):
    changed = table.copy()
    changed[column] = changed[column].astype(object)
    changed.loc[row, column] = value
    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: _without(t, "camera"), r"stimuli/camera: missing; Name of the camera"),
        (lambda t: t.assign(camra="c0"), r"unknown column 'camra'; did you mean 'camera'\?"),
        (lambda t: _with(t, "role", 2, "contrl"), r"'contrl' is not allowed; .*'control'\?"),
        (lambda t: _with(t, "held_out", 1, "perhaps"), r"stimuli/held_out: .*a flag is needed"),
        (lambda t: _with(t, "noise_seed", 1, 0.5), r"stimuli/noise_seed: .*whole"),
        (lambda t: _with(t, "samples", 1, None), r"stimuli/samples: row 1 is empty"),
        (lambda t: _with(t, "exposure", 1, "bright"), r"stimuli/exposure: .*a number is needed"),
        (
            lambda t: _with(t, "stimulus_id", 1, t["stimulus_id"][0]),
            r"stimuli/stimulus_id: '.*' names more than one stimulus",
        ),
        (lambda t: _with(t, "scene", 4, "0" * 64), r"scenes/0{64}: missing; stimulus '.*' shows"),
        (lambda t: t.iloc[:3], r"images: more than the 3 of the table"),
    ],
)
def test_a_wrong_table_is_refused_and_the_old_set_stays(parts, tmp_path, change, message):
    table, images, scenes = parts
    path = tmp_path / "s.h5"
    write_set(path, table, images, scenes)
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        write_set(path, change(table), images, scenes)
    assert path.read_bytes() == before
    assert {each.name for each in tmp_path.iterdir()} == {"s.h5", ".s.h5.lock"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: i[:-1], r"images: '.*' is missing"),
        (lambda i: [*i[:-1], i[0][:8]], r"is \(8, 16, 3\) uint8, others are \(16, 16, 3\)"),
        (lambda i: [*i[:-1], i[0].astype(np.uint16)], r"uint16, others are \(16, 16, 3\) uint8"),
        (lambda i: [each / 255 for each in i], r"float64; use \(H, W, 3\) uint8 or uint16"),
        (lambda i: i[:0], r"there are none; a set needs at least one stimulus"),
    ],
)
def test_wrong_images_are_refused(parts, tmp_path, change, message):
    table, images, scenes = parts
    with pytest.raises(InputError, match=message):
        write_set(tmp_path / "s.h5", table, change(images), scenes)
    assert [each.name for each in tmp_path.iterdir()] == [".s.h5.lock"]


def test_names_of_models_and_layers_may_hold_slashes(small_set, tmp_path):
    with StimulusSet(small_set) as one:
        found = one.results("net")
        expected = one.distances("net", "late", "vase-shape")
    renamed = ModelResults(found.record, {"100%/late": found.layers["late"]})
    path = write_small_set(tmp_path / "s.h5", models={"timm/net@16": renamed})
    assert problems(path) == []
    add_results(path, {"other/net": renamed}, StimulusSet(path).content_hash)
    assert problems(path) == []
    with StimulusSet(path) as other:
        assert other.models == {"other/net": ("100%/late",), "timm/net@16": ("100%/late",)}
        assert other.distances("timm/net@16", "100%/late", "vase-shape").equals(expected)
        assert other.results("other/net").record == found.record


# ---- Several processes ----------------------------------------------------------------------


def _results_of(path, **changes):
    with StimulusSet(path) as one:
        return one.content_hash, dataclasses.replace(one.results("net"), **changes)


def test_results_are_added_to_earlier_ones(small_set, tmp_path):
    """Layers of the same model add up; another model of that name replaces it."""
    path = shutil.copy(small_set, tmp_path / "s.h5")
    expected, found = _results_of(path, verdicts={"vase-shape": [{"layers": "late", "n": 1}]})
    late = dataclasses.replace(found, layers={"late": found.layers["late"]})
    same_layer = {"vase-shape": found.layers["late"]["vase-shape"]}
    add_results(path, {"net": late}, expected)
    more = ModelResults(
        found.record,
        {"last": same_layer},
        {"vase-shape": [{"layers": "last", "n": 2}], "vase-material": []},
    )
    add_results(path, {"net": more}, expected)
    assert problems(path) == []
    with StimulusSet(path) as one:
        assert one.models["net"] == ("early", "last", "late")
        assert list(one.results("net").layers["last"]) == ["vase-shape"]
        assert one.results("net").verdicts["vase-shape"] == [
            {"layers": "late", "n": 1},
            {"layers": "last", "n": 2},
        ]
    again = dataclasses.replace(late, verdicts={"vase-shape": [{"layers": "late", "n": 3}]})
    add_results(path, {"net": again}, expected)
    with StimulusSet(path) as one:
        assert one.verdicts("net")["n"].tolist() == [2, 3]
    add_results(path, {"net": dataclasses.replace(late, record={"network": "else"})}, expected)
    with StimulusSet(path) as one:
        assert one.models == {"net": ("late",), "other": ("rows",)}


def test_results_of_other_images_are_refused(small_set, parts, tmp_path):
    """The set was built again meanwhile: the same ids, but other pixels."""
    expected, found = _results_of(small_set)
    images = small_parts()[1]
    images[7, 0, 0, 0] ^= 1
    path = write_small_set(tmp_path / "s.h5", images=images, models={})
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"the results of net are of .*: the file was replaced"):
        add_results(path, {"net": found}, expected)
    assert path.read_bytes() == before


def test_results_wait_while_another_process_writes(small_set, tmp_path):
    path = shutil.copy(small_set, tmp_path / "s.h5")
    expected, found = _results_of(path)
    with ThreadPoolExecutor() as pool, one_writer(path):
        added = pool.submit(add_results, path, {"again": found}, expected)
        time.sleep(0.3)
        assert not added.done()
        with StimulusSet(path) as one:  # readers do not wait
            assert set(one.models) == {"net", "other"}
    added.result()
    with StimulusSet(path) as one:
        assert set(one.models) == {"again", "net", "other"}


WRITER = """
import sys
from pathlib import Path
from stimuli.storage import one_writer
with one_writer(Path(sys.argv[1])):
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_a_set_that_another_process_writes_is_not_written(parts, tmp_path):
    path = tmp_path / "new" / "s.h5"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as writer:
        assert writer.stdout.readline() == "writing\n"
        with (
            pytest.raises(InputError, match=r"s.h5: is being written by another process; wait"),
            one_writer(path, seconds=0.1),
        ):
            pass
        writer.kill()
    write_set(path, *parts)  # the lock of a killed process is free
    assert problems(path) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match=r"file/s.h5: cannot be written: (Not a dir|File exists)"),
        one_writer(tmp_path / "file" / "s.h5"),
    ):
        pass
