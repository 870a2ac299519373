"""AOVs in sets: read from files, packed, checked, merged and compared."""

import csv
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from scenes.aov_kinds import CHANNELS, KINDS
from scenes.arrays import array_sha256
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError
from scenes.pictures.files import write_channels
from stimuli.aov_files import AOVS_FILE, AovEntry, aov_name, read_aov_table, write_aov_table
from stimuli.aovs import read_aov
from stimuli.build import build_set
from stimuli.check import problems
from stimuli.comparison import differences
from stimuli.config import StimuliConfig
from stimuli.merging import merge
from stimuli.schema import AOV_DTYPES
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import seal
from stimuli.summary import summary
from tests.small_set import SIZE, small_table, write_small_set


def values(name, kind):
    """Return an AOV that depends on the scene and the camera alone, (H, W, C)."""
    rng = np.random.default_rng(list(f"{name}{kind}".encode()))
    channels = len(CHANNELS[kind])
    if kind == "object":
        return rng.integers(0, 4, (SIZE, SIZE, channels)).astype(np.float32)
    return rng.random((SIZE, SIZE, channels), np.float32) * (9 if kind == "depth" else 1)


def of_scene(row):
    return f"{row['role']}-{row['level_index']}_{row['camera']}"


@pytest.fixture
def with_aovs(runs):
    """Give runs whose images are in one folder per scene, as `mrd` writes them, with AOVs."""
    for path in runs.rglob("records.csv"):
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames, list(reader)
        table = {}
        for row in rows:
            folder = f"{row['role']}-{row['level_index']}"
            (path.parent / folder).mkdir(exist_ok=True)
            (path.parent / row["radiance_file"]).rename(path.parent / folder / row["radiance_file"])
            row["radiance_file"] = f"{folder}/{row['radiance_file']}"
            for kind in KINDS:
                name = aov_name(folder, row["camera"], kind)
                channels = np.moveaxis(values(of_scene(row), kind), 2, 0)
                named = dict(zip(CHANNELS[kind], channels, strict=True))
                write_channels(named, path.parent / name)
                sha256 = file_sha256(path.parent / name)
                table[name] = AovEntry(sha256=sha256, scene=row["scene"])
        write_aov_table(path.parent, table)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return runs


def build(runs, out, **config):
    paths = sorted(runs.rglob("records.csv"))
    return build_set(paths, "small", StimuliConfig(**config), out, {})


def test_a_set_holds_what_the_files_hold(with_aovs, tmp_path):
    build(with_aovs, tmp_path / "s.h5", aovs=KINDS)
    assert problems(tmp_path / "s.h5") == []
    with StimulusSet(tmp_path / "s.h5") as stimuli:
        assert summary(stimuli)["aovs"] == "depth, normals, albedo, mask, object"
        rows = stimuli.table.to_dict("records")
        for kind in KINDS:
            dataset = stimuli.file["aovs"][kind]
            assert dataset.chunks == (1, *dataset.shape[1:])
            assert dataset.fletcher32
            assert dataset.compression == "gzip"
            assert dataset.dtype == AOV_DTYPES[kind]
            for row in rows[::7]:
                found = read_aov(stimuli, row["stimulus_id"], kind)
                expected = np.squeeze(values(of_scene(row), kind))
                assert found.shape == expected.shape
                np.testing.assert_allclose(found, expected, atol=1e-3)


def test_aovs_do_not_change_the_content_hash(with_aovs, tmp_path):
    plain = build(with_aovs, tmp_path / "plain.h5")
    rich = build(with_aovs, tmp_path / "rich.h5", aovs=["mask", "depth"])
    assert plain.content_hash == rich.content_hash
    with StimulusSet(tmp_path / "rich.h5") as one, StimulusSet(tmp_path / "plain.h5") as other:
        assert list(one.file["aovs"]) == ["depth", "mask"]
        assert differences(one, other) == [
            f"aovs/{kind}: only in {one.path}" for kind in ("depth", "mask")
        ]
        with pytest.raises(InputError, match=r"holds no normals \(depth, mask\); build it with"):
            read_aov(one, one.table["stimulus_id"][0], "normals")
        with pytest.raises(InputError, match=r"no kind of AOV is called 'normal'; did you mean"):
            read_aov(one, one.table["stimulus_id"][0], "normal")
        with pytest.raises(InputError, match=r"holds no depth \(none\); build it with stimuli.aov"):
            read_aov(other, one.table["stimulus_id"][0], "depth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.unlink(), "c0_depth.exr: missing; image 'vase-shape"),
        (lambda file: file.write_bytes(b""), "is not the file that was rendered"),
        (
            lambda file: (file.parents[1] / AOVS_FILE).write_text("{"),
            "aovs.json: does not list c0_depth.exr; image 'vase-shape_target-0_c0_own_0' needs it",
        ),
        (
            lambda file: replaced(file, {"Z": np.zeros((3, 3), np.float32)}),
            r"c0_depth.exr: is \(3, 3, 1\), and the record says 16×16",
        ),
        (
            lambda file: replaced(file, {"depth": np.zeros((SIZE, SIZE), np.float32)}),
            "c0_depth.exr: lacks the channel Z; make the file again",
        ),
    ],
)
def test_files_that_are_missing_or_altered_are_refused(with_aovs, tmp_path, change, message):
    (file,) = with_aovs.rglob("families/*/target-0/c0_depth.exr")
    change(file)
    with pytest.raises(InputError, match=message):
        build(with_aovs, tmp_path / "s.h5", aovs=["depth"])
    assert not (tmp_path / "s.h5").exists()


def replaced(file, channels):
    """Write other channels, and their hash into the table."""
    folder, name = file.parents[1], f"{file.parent.name}/{file.name}"
    write_channels(channels, file)
    table = read_aov_table(folder)
    changed = table[name].model_copy(update={"sha256": file_sha256(file)})
    write_aov_table(folder, table | {name: changed})


@pytest.fixture
def written(tmp_path):
    """Give the path of a small set with depth and normals."""
    return write_small_set(tmp_path / "s.h5", aovs=small_aovs())


def small_aovs(count=None):
    count = count or len(small_table())
    rng = np.random.default_rng(1)
    return {
        "depth": list(rng.random((count, SIZE, SIZE), np.float32)),
        "normals": list(rng.random((count, SIZE, SIZE, 3), np.float32)),
    }


def _nan(file):
    file["aovs/depth"][3, 0, 0] = np.nan


def _changed(file):
    file["aovs/normals"][3, 0, 0] = 0.5


def _torn(file):
    depth = file["aovs/depth"]
    whole = depth.id.read_direct_chunk((8, 0, 0))[1]
    depth.id.write_direct_chunk((8, 0, 0), whole[:40] + bytes(8) + whole[48:])


def _another_kind(file):
    file["aovs"].move("depth", "height")


def _fewer(file):
    depth = file["aovs/depth"][:5]
    del file["aovs/depth"]
    file["aovs/depth"] = depth


def _no_hash(file):
    del file["aovs/depth"].attrs["sha256"]


def _one_dataset(file):
    del file["aovs"]
    file["aovs"] = np.zeros(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_nan, "aovs/depth[3] ('vase-material_target-0_c1_own_0'): holds NaN or infinity"),
        (_nan, "aovs/depth: its SHA-256 is not that of attribute sha256"),
        (_changed, "aovs/normals: its SHA-256 is not that of attribute sha256"),
        (_torn, "aovs/depth[8] ('vase-material_target-0_h0_own_2'): cannot be read: "),
        (_another_kind, "aovs/height: is unknown; known: depth, normals, albedo, mask, object"),
        (_fewer, "aovs/depth: is 5 × 16 × 16 float32; 168 × 16 × 16 float32 is needed"),
        (_no_hash, "aovs/depth: attribute sha256: is missing, or no SHA-256"),
        (_one_dataset, "aovs: is 3 float64; a group is needed"),
    ],
)
def test_what_is_wrong_in_a_sealed_set_is_found(written, change, message):
    with h5py.File(written, "r+") as file:
        change(file)
    seal(written)
    assert any(message in problem for problem in problems(written)), problems(written)


@pytest.mark.parametrize(
    ("aovs", "message"),
    [
        ({"depth": [np.zeros((SIZE, SIZE))] * 7}, "aovs/depth: 7 images, the table has 168 rows"),
        ({"mask": []}, "aovs/mask: 0 images, the table has 168 rows"),
        ({"mask": [np.zeros((SIZE, SIZE))] * 169}, "one per row of the table"),
        ({"depth": [np.zeros((SIZE, SIZE)), np.zeros((2, 2))]}, "does not fit into"),
    ],
)
def test_aovs_that_do_not_fit_the_table_are_refused(tmp_path, aovs, message):
    with pytest.raises(InputError, match=re.escape(message)):
        write_small_set(tmp_path / "s.h5", aovs=aovs)
    assert not (tmp_path / "s.h5").exists()


def test_merged_sets_keep_their_aovs(tmp_path):
    table, aovs = small_table(), small_aovs()
    paths = []
    for family in ("vase-material", "vase-shape"):
        rows = (table["family"] == family).to_numpy()
        own = {kind: [each for each, kept in zip(images, rows, strict=True) if kept]
               for kind, images in aovs.items()}  # fmt: skip
        paths.append(write_small_set(tmp_path / f"{family}.h5", rows=rows, aovs=own))
    merge(paths, tmp_path / "both.h5")
    assert problems(tmp_path / "both.h5") == []
    with StimulusSet(tmp_path / "both.h5") as both:
        for number, name in enumerate(table["stimulus_id"]):
            stored = aovs["depth"][number]
            assert array_sha256(read_aov(both, name, "depth")) == array_sha256(stored)


def test_sets_with_other_aovs_are_not_merged(tmp_path):
    rows = (small_table()["family"] == "vase-shape").to_numpy()
    one = write_small_set(tmp_path / "one.h5", rows=rows, aovs=small_aovs(rows.sum()))
    other = write_small_set(tmp_path / "other.h5", rows=~rows)
    with pytest.raises(InputError, match=r"aovs/depth: none, and .*one.h5 has \(16, 16\) float32"):
        merge([one, other], tmp_path / "both.h5")


def test_the_section_keeps_each_kind_once_in_order():
    config = StimuliConfig(aovs=["mask", "depth", "mask"])
    assert config.aovs == ("depth", "mask")
    assert config.record()["aovs"] == ["depth", "mask"]
    assert "aovs" not in StimuliConfig().record()
    with pytest.raises(ValueError, match="'dept' is not allowed; did you mean 'depth'"):
        StimuliConfig(aovs=["dept"])


def test_a_damaged_table_lists_nothing(tmp_path):
    assert read_aov_table(tmp_path) == {}
    (tmp_path / AOVS_FILE).write_text('{"../x.exr": {"sha256": "' + "0" * 64 + '", "scene": "')
    assert read_aov_table(tmp_path) == {}
    outside = {"../x.exr": AovEntry(sha256="0" * 64, scene="1" * 64)}
    write_aov_table(tmp_path, outside)
    assert Path(tmp_path / AOVS_FILE).is_file()
    assert read_aov_table(tmp_path) == {}
