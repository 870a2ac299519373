"""`problems` finds any flipped bit, and contradictions in a sealed set."""

import json
import os
import shutil
from contextlib import contextmanager

import h5py
import numpy as np
import pytest

from scenes.base.errors import InputError
from stimuli.check import problems, reference_problems
from stimuli.schema import written_by
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import seal
from stimuli.writing import add_results
from tests.small_set import write_small_set


@pytest.fixture
def copy(small_set, tmp_path):
    return shutil.copy(small_set, tmp_path / "stimuli.h5")


def test_a_whole_set_has_no_problem(small_set):
    assert problems(small_set) == []


def test_every_flipped_bit_is_found(copy, rng, count):
    """Bits anywhere, and others in the seal, its padding and the header of HDF5."""
    content = copy.read_bytes()
    bits = [*rng.choice(8 * len(content), count(100, 500), replace=False)]
    bits += range(0, 8 * 700, count(301, 61))
    for bit in bits:
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << (bit % 8)
        copy.write_bytes(altered)
        found = problems(copy)
        assert len(found) == 1, bit
        assert "stimuli.h5: user block: " in found[0]


def test_truncated_lengthened_and_foreign_files_are_found(copy, tmp_path):
    content = copy.read_bytes()
    for wrong in (content[:-1], content[:1000], content[:100], b"", content + b"\0", b"x" * 9000):
        copy.write_bytes(wrong)
        assert len(problems(copy)) == 1
    assert "there is no such file" in problems(tmp_path / "none.h5")[0]


def _set(name, row, value):
    def change(file):
        column = file["stimuli"][name]
        values = column[()]
        values[row] = value
        column[...] = values

    return change


def _pixel(file):
    image = file["images"][5]
    image[0, 0, 0] ^= 1
    file["images"][5] = image


def _same_image(file):
    file["images"][1] = file["images"][0]
    _set("sha256", 1, file["stimuli/sha256"][0])(file)


def _asymmetric(file):
    matrix = file["models/net/late/distances/vase-shape"]
    matrix[1, 2] = 0.5


def _impossible(file):
    matrix = file["models/net/late/distances/vase-shape"]
    matrix[1, 2] = matrix[2, 1] = 3


def _scene(file):
    name = file["stimuli/scene"].asstr()[20]
    text = file["scenes"][name].asstr()[()]
    del file["scenes"][name]
    file["scenes"][name] = text.replace('"roughness":0.5', '"roughness":0.6')


def _no_scene(file):
    del file["scenes"][file["stimuli/scene"].asstr()[20]]


def _idle_scene(file):
    file["scenes"]["0" * 64] = file["scenes"][next(iter(file["scenes"]))].asstr()[()]


def _fewer_images(file):
    first = file["images"][:100]
    del file["images"]
    file["images"] = first


def _negative_radiance(file):
    radiance = np.ones(file["images"].shape, np.float16)
    radiance[7, 3, 3, 0] = -1
    file["radiance"] = radiance


def _torn_chunk(file):
    images = file["images"]
    whole = images.id.read_direct_chunk((8, 0, 0, 0))[1]
    images.id.write_direct_chunk((8, 0, 0, 0), whole[:40] + bytes(8) + whole[48:])


def _array(file):
    file["arrays"]["0" * 64] = np.arange(3)


def _other_family(file):
    layer = file["models/net/late/distances"]
    layer.move("vase-shape", "vase-form")


def _small_matrix(file):
    layer = file["models/net/late/distances"]
    attributes = dict(layer["vase-shape"].attrs)
    del layer["vase-shape"]
    layer["vase-shape"] = np.zeros((3, 3), np.float32)
    layer["vase-shape"].attrs.update(attributes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_fewer_images, "images: holds 100, the table has 168 rows"),
        (_negative_radiance, "radiance[7] ('vase-material_target-0_h0_own_1'): holds NaN, infin"),
        (_torn_chunk, "images[8] ('vase-material_target-0_h0_own_2'): cannot be read: "),
        (_array, f"arrays/{'0' * 64}: its SHA-256 is another"),
        (_other_family, "models/net/late/distances/vase-form: the set has no such family"),
        (_small_matrix, "distances/vase-shape: has shape (3, 3), and the family 72 images"),
        (_pixel, "images[5] ('vase-material_target-0_c1_own_2'): its SHA-256 is not that of"),
        (_same_image, "stimuli/sha256: 'vase-material_target-0_c0_own_0' and '"),
        (_set("sha256", 3, b"0" * 64), "images[3] ('vase-material_target-0_c1_own_0'): its SHA"),
        (_set("role", 9, b"cntrol"), "stimuli/role: 'cntrol' is not allowed; did you mean"),
        (_set("stimulus_id", 9, b"vase-shape_null-0_c0_own_0"), "names more than one stimulus"),
        (_set("light", 30, b"sky"), "has no target image of family 'vase-material' at camera"),
        (_set("level_index", slice(18, 27), 3), "stimuli/level: the series of run 'vase-material"),
        (_set("noise_seed", 20, 1), "fewer than 3 noise seeds at its camera"),
        (_set("match", 20, 0.5), "attribute content_hash: is not that of the table and scenes"),
        (_scene, "the scene's hash is"),
        (_no_scene, ": missing; stimulus 'vase-material_series-1_c0_own_0' shows it"),
        (_idle_scene, f"scenes/{'0' * 64}: no stimulus shows it"),
        (_asymmetric, "models/net/late/distances/vase-shape: is not symmetric with a diagonal"),
        (_impossible, "models/net/late/distances/vase-shape: holds numbers that are no distances"),
        (_asymmetric, "models/net: attribute content_hash: is not that of its results"),
        (_set("sha256", 100, b"1" * 64), "models/other/rows/distances/vase-shape: is of other"),
    ],
)
def test_contradictions_in_a_sealed_set_are_found(copy, change, message):
    with h5py.File(copy, "r+") as file:
        change(file)
    seal(copy)
    found = problems(copy)
    assert any(message in line for line in found), found
    assert all(line.startswith(f"{copy}: ") for line in found)


def test_families_of_one_target_may_hold_the_same_image(small_set):
    """The target of a shape and of a material search is one scene, with one noise."""
    table = StimulusSet(small_set).table
    assert list(reference_problems(table)) == []
    shape = table["family"] == "vase-shape"
    first = {family: table.index[rows][0] for family, rows in (("a", ~shape), ("b", shape))}
    table.loc[first["b"], "sha256"] = table.loc[first["a"], "sha256"]
    assert list(reference_problems(table)) == []
    table["family"] = "one"
    assert any("no two of a family may share" in each for each in reference_problems(table))


def test_distances_along_a_trajectory_have_to_increase(copy):
    with h5py.File(copy, "r+") as file:
        kinds = file["stimuli/series_kind"]
        kinds[...] = np.where(kinds[()] == b"", b"", b"trajectory").astype(kinds.dtype)
        _set("physical_distance", slice(18, 27), 0.9)(file)  # level .5 farther than level 1
    seal(copy)
    assert any(
        "stimuli/physical_distance: the series of run 'vase-material-net-s1' under light 'own' does"
        " not grow from level to level: 0.9, 0.4" in line
        for line in problems(copy)
    )


# ---- Versions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            2,
            r"attribute schema_version: 2 \(written by version 0\.7\.1 of the suite\), and this "
            r"version of the suite \(\S+\) reads 1; update the suite to 0\.7\.1 or later",
        ),
        (0, r"attribute schema_version: 0, and .* build the set again: mrd stimuli build"),
    ],
)
def test_another_version_is_refused(copy, version, message):
    with h5py.File(copy, "r+") as file:
        assert json.loads(file.attrs["provenance"])["written_by"] == written_by()
        file.attrs["schema_version"] = version
        file.attrs["provenance"] = json.dumps({"written_by": "0.7.1"})
    seal(copy)
    with pytest.raises(InputError, match=message):
        len(StimulusSet(copy))


@pytest.mark.parametrize("provenance", ["", "[]", "{}", None])
def test_the_provenance_of_a_newer_version_may_have_another_form(copy, provenance):
    with h5py.File(copy, "r+") as file:
        file.attrs["schema_version"] = 3
        del file.attrs["provenance"]
        if provenance is not None:
            file.attrs["provenance"] = provenance
    seal(copy)
    message = r"schema_version: 3, and this version of the suite \(\S+\) reads 1; update the suite$"
    with pytest.raises(InputError, match=message):
        len(StimulusSet(copy))


# ---- A full disk ----------------------------------------------------------------------------


@contextmanager
def full_disk(room):
    """Let no file of this process grow beyond some bytes."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(os.name == "nt", reason="limits of files are POSIX")
@pytest.mark.parametrize("what", ["built", "embedded"])
@pytest.mark.parametrize("room", [2_000, 200_000])
def test_a_full_disk_leaves_the_old_set(copy, room, what):
    before = copy.read_bytes()
    assert room < len(before)
    with StimulusSet(copy) as one:
        results, expected = one.results("net"), one.content_hash
    message = rf"^{copy}: cannot be written: .*File too large"
    work = {
        "built": lambda: write_small_set(copy),
        "embedded": lambda: add_results(copy, {"more": results}, expected),
    }[what]
    with full_disk(room), pytest.raises(InputError, match=message):
        work()
    assert copy.read_bytes() == before
    assert {path.name for path in copy.parent.iterdir()} == {"stimuli.h5", ".stimuli.h5.lock"}
    assert problems(copy) == []
