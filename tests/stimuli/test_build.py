"""Building a set from runs: how it is stored, and what is refused."""

import csv
import os

import numpy as np
import pytest

from scenes.base.errors import InputError
from scenes.pictures.files import write_exr
from stimuli.build import build_set
from stimuli.check import problems
from stimuli.config import StimuliConfig
from stimuli.cues import measures
from stimuli.encoding import display_values
from stimuli.stimulus_set import StimulusSet
from tests.small_set import small_image, small_scene, small_table


def tables(runs):
    return sorted(runs.rglob("records.csv"))


def build(runs, out, study="small", **config):
    return build_set(tables(runs), study, StimuliConfig(**config), out, {"made": "here"})


def changed(path, changes, rows=lambda _: True):
    """Change cells of a table of records."""
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        columns, content = reader.fieldnames, list(reader)
    for row in content:
        if rows(row):
            row.update(changes)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(content)


@pytest.fixture(scope="module")
def built(written_runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "stimuli.h5"
    build(written_runs, out)
    return out


def test_images_and_scenes_of_the_runs_are_in_the_set(built):
    with StimulusSet(built) as stimuli:
        assert len(stimuli) == 168
        for row in small_table().itertuples():
            # Radiance was kept as float16: an error of one part in 2048 of light.
            difference = stimuli.image(row.stimulus_id).astype(int) - small_image(row)
            assert np.abs(difference).max() <= 1
            assert stimuli.scene(row.stimulus_id) == small_scene(row)
        assert stimuli.provenance["made"] == "here"
        assert stimuli.provenance["stimuli"]["bits"] == 8
    assert problems(built) == []


def test_a_set_built_twice_has_the_same_content_hash(built, written_runs, tmp_path):
    again = build_set(
        tables(written_runs)[::-1], "small", StimuliConfig(), tmp_path / "again.h5", {"made": "now"}
    )
    with StimulusSet(built) as one:
        assert again.content_hash == one.content_hash


def test_sixteen_bits_and_radiance(runs, tmp_path, built):
    build(runs, tmp_path / "deep.h5", bits=16, radiance=True, compression="lzf")
    assert problems(tmp_path / "deep.h5") == []
    with StimulusSet(tmp_path / "deep.h5") as deep, StimulusSet(built) as plain:
        for name in deep.table["stimulus_id"][::13]:
            fine = display_values(deep.image(name)) * 255
            assert np.abs(fine - plain.image(name)).max() <= 0.5 + 1e-3
            assert deep.radiance(name).dtype == np.float16


@pytest.mark.parametrize("matching", ["luminance", "luminance_and_contrast"])
def test_matching_equalises_the_images_of_a_family(runs, tmp_path, built, matching):
    # In this toy, matched contrast needs a little more light than the display has.
    build(runs, tmp_path / "s.h5", bits=16, matching=matching, most_clipped=0.2)
    with StimulusSet(tmp_path / "s.h5") as matched, StimulusSet(built) as plain:
        before, after, table = measures(plain), measures(matched), matched.table
        before = before[before["family"] == "vase-shape"]
        unclipped = after[table.loc[after.index, "clipped"] == 0]
        assert np.ptp(unclipped["luminance"]) < 2e-4
        if matching == "luminance_and_contrast":
            assert np.ptp(unclipped["contrast"]) < 2e-3
        assert np.ptp(before["luminance"]) > 0.005
        assert after["luminance"].mean() == pytest.approx(before["luminance"].mean(), abs=1e-3)
        assert (table["matching_gain"] != 1).all()
        assert (table["matching_offset"] != 0).all() == (matching == "luminance_and_contrast")


def test_refused_runs_are_listed(runs, tmp_path):
    table = runs / "vase-shape-pixels-s1" / "series" / "records.csv"
    changed(table, {"level_index": "3"}, lambda row: row["level_index"] == "1")
    built = build(runs, tmp_path / "s.h5")
    (refusal,) = built.refusals
    assert refusal.name == "vase-shape-pixels-s1"
    assert "pixel" not in set(built.table["role"])
    with StimulusSet(tmp_path / "s.h5") as stimuli:
        assert stimuli.provenance["refusals"] == {refusal.name: refusal.reason}


# ---- What is refused ------------------------------------------------------------------------


def _break(path, pixels):
    """Put other pixels into an EXR, and their hash into its record."""
    from scenes.base.digest import file_sha256

    before = file_sha256(path)
    write_exr(pixels.astype(np.float16), path)
    table = path.parent / "records.csv"
    table.write_text(table.read_text().replace(before, file_sha256(path)))


def _picture(runs):
    return next(iter(sorted((runs / "families/vase-shape").glob("*target-0_c0*.exr"))))


def _nan(runs):
    pixels = np.ones((16, 16, 3))
    pixels[3, 4, 1] = np.nan
    _break(_picture(runs), pixels)


def _negative(runs):
    pixels = np.ones((16, 16, 3))
    pixels[3, 4, 1] = -1
    _break(_picture(runs), pixels)


def _other_scene(runs):
    folder = runs / "vase-shape-net-s1/series/scenes"
    one, other = sorted(folder.glob("*/scene.json"))[:2]
    one.write_text(other.read_text())


def _elsewhere(runs):
    folder = runs / "vase-shape-net-s1/series/scenes"
    folder.symlink_to(folder.rename(runs.parent / "elsewhere"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            _elsewhere,
            r"scene.json: is reached by a linked folder that leads out of .*series, where files",
        ),
        (_nan, r"target-0_c0_own_0.exr: of 768 values 1 not finite"),
        (_negative, r"target-0_c0_own_0.exr: of 768 values 1 negative"),
        (lambda runs: _break(_picture(runs), np.ones((8, 8, 3))), r"is \(8, 8, 3\), .*16×16"),
        (lambda runs: _picture(runs).unlink(), r"own_0.exr: missing; image 'vase-shape_target-0"),
        (
            lambda runs: _picture(runs).write_bytes(_picture(runs).read_bytes()[:-9]),
            r"own_0.exr: is not the file that was rendered \(its SHA-256 differs\)",
        ),
        (_other_scene, r"scene.json: is not the scene of image '"),
        (
            lambda runs: changed(runs / "families/vase-shape/records.csv", {"study": "other"}),
            r"vase-shape/records.csv: study: image '.*' is of study 'other', not of 'small'",
        ),
        (
            lambda runs: changed(
                runs / "families/vase-shape/records.csv",
                {"id": "vase-shape_target-0_c0_own_1"},
                lambda row: row["id"] == "vase-shape_target-0_c0_own_0",
            ),
            r"records.csv: id: 'vase-shape_target-0_c0_own_1' names an image of .* as well",
        ),
        (
            lambda runs: changed(
                runs / "families/vase-shape/records.csv",
                {"clipped": "0.35"},
                lambda row: row["id"].endswith("target-0_c0_own_0"),
            ),
            r"target-0_c0_own_0.exr: 35.0% of its pixels are clipped \(and more than 25.0% in 1 of",
        ),
    ],
)
def test_damaged_runs_are_refused_and_the_old_set_stays(runs, tmp_path, damage, message):
    out = tmp_path / "stimuli.h5"
    out.write_text("the old set")
    damage(runs)
    with pytest.raises(InputError, match=message):
        build(runs, out)
    assert out.read_text() == "the old set"
    names = {path.name for path in tmp_path.iterdir()} - {".stimuli.h5.lock", "elsewhere"}
    assert names == {"runs", "stimuli.h5"}


def test_every_file_may_be_a_link_of_git_annex(runs, tmp_path):
    expected = build(runs, tmp_path / "files.h5").content_hash
    annex = tmp_path / ".git/annex/objects"
    annex.mkdir(parents=True)
    for number, path in enumerate(sorted(each for each in runs.rglob("*") if each.is_file())):
        moved = path.rename(annex / f"{number}{path.suffix}")
        path.symlink_to(os.path.relpath(moved, path.parent))
    assert build(runs, tmp_path / "links.h5").content_hash == expected


def test_null_scenes_may_clip(runs, tmp_path):
    table = runs / "families/vase-shape/records.csv"
    changed(table, {"clipped": "0.9"}, lambda row: row["role"] == "null")
    built = build(runs, tmp_path / "s.h5")
    assert built.table["clipped"].max() == 0.9


def test_a_set_without_runs_is_refused_with_the_reasons(runs, tmp_path):
    for table in runs.glob("*-net-s1/series/records.csv"):
        changed(table, {"verdict": "result"}, lambda row: row["role"] in ("series", "result"))
    with pytest.raises(InputError, match=r"no run can be taken: vase-.*: its result is not a m"):
        build(runs, tmp_path / "s.h5")
    assert not (tmp_path / "s.h5").exists()
