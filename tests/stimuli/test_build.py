"""From runs to a set: what is taken, how it is stored, what is refused."""

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


def test_sixteen_bits_and_radiance(written_runs, tmp_path, built):
    build(written_runs, tmp_path / "deep.h5", bits=16, radiance=True, compression="lzf")
    assert problems(tmp_path / "deep.h5") == []
    with StimulusSet(tmp_path / "deep.h5") as deep, StimulusSet(built) as plain:
        for name in plain.table["stimulus_id"][::13]:
            fine = display_values(deep.image(name)) * 255
            assert np.abs(fine - plain.image(name)).max() <= 0.5 + 1e-3
            assert deep.radiance(name).dtype == np.float16


@pytest.mark.parametrize("matching", ["luminance", "luminance_and_contrast"])
def test_matching_makes_a_family_alike_and_says_so(written_runs, tmp_path, built, matching):
    # In this toy, matched contrast needs a little more light than the display has.
    build(written_runs, tmp_path / "s.h5", bits=16, matching=matching, most_clipped=0.2)
    with StimulusSet(tmp_path / "s.h5") as matched, StimulusSet(built) as plain:
        before, after = measures(plain), measures(matched)
        table = matched.table
        for _, rows in after[table.loc[after.index, "clipped"] == 0].groupby("family"):
            assert np.ptp(rows["luminance"]) < 2e-4
            if matching == "luminance_and_contrast":
                assert np.ptp(rows["contrast"]) < 2e-3
        assert np.ptp(before["luminance"]) > 0.005
        shape = before[before["family"] == "vase-shape"]
        assert after.loc[shape.index, "luminance"].mean() == pytest.approx(
            shape["luminance"].mean(), abs=1e-3
        )
        assert (table["matching_gain"] != 1).all()
        assert (table["matching_offset"] != 0).all() == (matching == "luminance_and_contrast")


# ---- What is taken --------------------------------------------------------------------------


def test_a_result_that_is_no_metamer_is_left_out_unless_all_are_accepted(runs, tmp_path):
    table = runs / "vase-shape-net-s1" / "series" / "records.csv"
    changed(table, {"verdict": "result"}, lambda row: row["role"] in ("series", "result"))
    one = build(runs, tmp_path / "s.h5")
    assert {each.name: each.reason for each in one.refusals} == {
        "vase-shape-net-s1": "its result is no metamer (stimuli.accept: all takes it)",
        "vase-shape": "none of its runs is taken",
    }
    assert set(one.table["family"]) == {"vase-material"}
    both = build(runs, tmp_path / "s.h5", accept="all")
    assert both.refusals == ()
    kept = both.table[both.table["run"] == "vase-shape-net-s1"]
    assert set(kept[kept["role"] == "result"]["verdict"]) == {"result"}


@pytest.mark.parametrize(
    ("folder", "keep", "reason"),
    [
        ("vase-shape-net-s1/series", lambda r: r["level_index"] != "1", r"series lacks a level"),
        (
            "vase-shape-net-s1/series",
            lambda r: (r["role"], r["camera"], r["noise_seed"]) != ("control", "c1", "2"),
            r"control lacks images at level 1",
        ),
        ("families/vase-shape", lambda r: r["role"] != "rerender", r"re-rendered target lacks"),
        ("families/vase-shape", lambda r: r["role"] != "target", r"target's images are missing"),
        ("families/vase-shape", lambda r: int(r["noise_seed"]) % 3, r"has 2 noise seeds"),
        (
            "families/vase-shape",
            lambda r: (r["role"], r["level_index"], r["camera"]) != ("null", "2", "h0"),
            r"null scene 2 lacks images",
        ),
    ],
)
def test_incomplete_runs_and_families_are_left_out(runs, tmp_path, folder, keep, reason):
    table = runs / folder / "records.csv"
    lines = table.read_text().splitlines()
    kept = [line for line, row in zip(lines[1:], csv.DictReader(lines), strict=True) if keep(row)]
    table.write_text("\n".join([lines[0], *kept, ""]))
    built = build(runs, tmp_path / "s.h5")
    assert any(reason in each.reason for each in built.refusals), built.refusals
    assert set(built.table["family"]) == {"vase-material"}


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
def test_bad_runs_are_refused_and_the_old_set_stays(runs, tmp_path, damage, message):
    out = tmp_path / "stimuli.h5"
    out.write_text("the old set")
    damage(runs)
    with pytest.raises(InputError, match=message):
        build(runs, out)
    assert out.read_text() == "the old set"
    names = {path.name for path in tmp_path.iterdir()} - {".stimuli.h5.lock", "elsewhere"}
    assert names == {"runs", "stimuli.h5"}


def test_every_file_may_be_a_link_as_git_annex_stores_it(runs, tmp_path):
    build(runs, tmp_path / "files.h5")
    annex = tmp_path / ".git/annex/objects"
    annex.mkdir(parents=True)
    for number, path in enumerate(sorted(each for each in runs.rglob("*") if each.is_file())):
        moved = path.rename(annex / f"{number}{path.suffix}")
        path.symlink_to(os.path.relpath(moved, path.parent))
    build(runs, tmp_path / "links.h5")
    with StimulusSet(tmp_path / "files.h5") as files, StimulusSet(tmp_path / "links.h5") as links:
        assert files.content_hash == links.content_hash


def test_null_scenes_may_clip(runs, tmp_path):
    table = runs / "families/vase-shape/records.csv"
    changed(table, {"clipped": "0.9"}, lambda row: row["role"] == "null")
    built = build(runs, tmp_path / "s.h5")
    assert built.table["clipped"].max() == 0.9


def test_nothing_to_take_says_why(runs, tmp_path):
    for table in runs.glob("*-net-s1/series/records.csv"):
        changed(table, {"verdict": "result"}, lambda row: row["role"] in ("series", "result"))
    with pytest.raises(InputError, match=r"no run can be taken: vase-.*: its result is no metamer"):
        build(runs, tmp_path / "s.h5")
    assert not (tmp_path / "s.h5").exists()
