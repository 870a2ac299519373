"""``mrd stimuli`` and ``mrd embed``."""

import json
import shutil

import pytest

from mrd.study.image_directory import ImageDirectory
from mrd.study.study import read_study
from mrd.workflow.build_set import pack
from stimuli.check import problems
from stimuli.stimulus_set import StimulusSet
from tests.small_runs import write_study_runs
from tests.small_study import write_study

SECTIONS = {
    "targets": {"vase": {"shape": {"kind": "sphere"}}},
    "searches": {"shape": {"attributes": ["shape"]}},
    "series": {"kind": "trajectory", "levels": 2},
}


def write(folder, **sections):
    return write_study(folder, **(SECTIONS | sections))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Give a study whose set is built; not to be changed."""
    folder = write(tmp_path_factory.mktemp("study"))
    study = read_study(folder)
    write_study_runs(study)
    pack(study)
    return folder


@pytest.fixture
def study(built, tmp_path):
    """Give a copy of it."""
    return shutil.copytree(built, tmp_path / "study")


def test_a_set_is_built_embedded_and_checked(mrd, study):
    path = study / "stimuli.h5"
    before = path.read_bytes()
    assert mrd("stimuli", "build", study) == (0, f"{path}: is up to date\n", "")
    assert path.read_bytes() == before
    path.unlink()
    code, out, err = mrd("stimuli", "build", study)
    assert (code, err) == (0, "")
    assert f"{path}: 66 images" in out
    assert "clipped: 0 images, at most 0.00% of their pixels" in out
    assert "images 66/66" in out
    code, out, err = mrd("embed", study)
    assert (code, err) == (0, "")
    # The search used other layers, so its verdict is not compared with the second one.
    scored = "net: metamers on the stored images: 0 of 1 other results"
    assert out.splitlines()[-3:] == ["net: embedded", scored, str(path)]
    assert mrd("embed", study)[1].splitlines() == ["net: already in the set", scored, str(path)]
    code, out, _ = mrd("stimuli", "info", study)
    assert code == 0
    assert "verdicts of net" in out
    assert scored.removeprefix("net: ") in out
    code, _, err = mrd("embed", path, "--model", "pixels", "--layer", "pixels")
    assert (code, err) == (0, "")
    with StimulusSet(path) as stimuli:
        assert stimuli.models == {"net": ("pixels",), "pixels": ("pixels",)}
    code, out, err = mrd("stimuli", "check", study)
    assert (code, err) == (0, "")
    assert "66 images, no problem" in out
    assert out.splitlines()[2].split() == [
        "family", "run", "role", "level", "luminance", "contrast", "silhouette",
    ]  # fmt: skip


def test_a_set_that_people_saw_is_kept_when_the_study_changes(mrd, study):
    with StimulusSet(study / "stimuli.h5") as stimuli:
        found = stimuli.content_hash
    beh = study / "data/sub-01/ses-01/beh"
    beh.mkdir(parents=True)
    sidecar = {"Session": {"StimulusSet": found}}
    (beh / "sub-01_ses-01_task-oddity_run-01_beh.json").write_text(json.dumps(sidecar))
    kept = study / f"stimuli-{found[:12]}.h5"
    # With the same images, the sessions can continue.
    write(study, stimuli={"compression": "lzf"})
    code, out, _ = mrd("stimuli", "build", study)
    assert (code, "kept: " in out, kept.exists()) == (0, False, False)
    write(study, stimuli={"bits": 16})
    code, out, _ = mrd("stimuli", "build", study)
    assert code == 0
    assert out.splitlines()[-1].startswith(
        f"kept: {kept}: the earlier set, which sessions in data/ were run with (1); mrd analyse "
    )
    with StimulusSet(kept) as stimuli:
        assert stimuli.content_hash == found
    assert problems(kept) == []


def test_exclusions_are_printed_with_their_reasons(mrd, tmp_path):
    searches = {name: {"attributes": [name]} for name in ("material", "shape")}
    write_study_runs(read_study(write(tmp_path, searches=searches)))
    (records,) = tmp_path.glob("runs/*-material-*/series/records.csv")
    records.write_text(records.read_text().replace(",metamer,", ",result,"))
    ImageDirectory(records.parent).finish()  # an edited table would count as damaged
    run = records.parent.parent.name
    reason = "its result is not a metamer (stimuli.accept: all takes it)"
    code, out, _ = mrd("stimuli", "build", tmp_path)
    assert code == 0
    assert f"left out: {run}: {reason}\nleft out: vase-material: none of its runs is taken" in out
    with StimulusSet(tmp_path / "stimuli.h5") as stimuli:
        assert set(stimuli.table["family"]) == {"vase-shape"}
        assert stimuli.provenance["refusals"][run] == reason


def test_info_export_diff_and_merge(mrd, small_set, tmp_path):
    code, out, _ = mrd("stimuli", "info", small_set, "--distance", "600", "--pitch", "0.25")
    assert code == 0
    assert "0.38° × 0.38° at 600 mm" in out
    code, out, _ = mrd("stimuli", "export", small_set, "--out", tmp_path / "files")
    assert code == 0
    assert len(list((tmp_path / "files" / "images").iterdir())) == 168
    copy = shutil.copy(small_set, tmp_path / "copy.h5")
    assert mrd("stimuli", "diff", small_set, copy) == (0, "no difference\n", "")
    code, out, _ = mrd("stimuli", "merge", small_set, copy, "--out", tmp_path / "merged.h5")
    assert code == 0
    with StimulusSet(small_set) as one:
        assert out == f"{tmp_path / 'merged.h5'}: content hash {one.content_hash}\n"
    assert mrd("stimuli", "migrate", copy) == (
        0,
        f"{copy}: is of the present schema_version 1\n",
        "",
    )
    mrd("embed", copy, "--model", "net")
    code, out, _ = mrd("stimuli", "diff", small_set, copy)
    assert (code, out) == (1, "models/net: is another model\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stimuli", "check", "none.h5"], "none.h5: there is no such file; mrd stimuli build"),
        (["stimuli", "info", "none.h5", "--pitch", "1"], "--distance and --pitch belong together"),
        (["stimuli", "build", "none"], "none: there is no such file or folder"),
        (["stimuli", "chek", "none.h5"], "No such command 'chek'. Did you mean 'check'? See mrd"),
        (["embed", "none.h5"], "none.h5: there is no such file; mrd stimuli build"),
        (["embed", "SET", "--model", "nett"], "no model or network is called 'nett'; did you mean"),
        (["embed", "SET", "--model", "pixels", "--layer", "blue"], "layers: pixels has no"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(
    mrd, small_set, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    code, out, err = mrd(*(small_set if each == "SET" else each for each in arguments))
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}"), err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_every_problem_of_a_damaged_set_is_printed(mrd, small_set, tmp_path):
    copy = shutil.copy(small_set, tmp_path / "copy.h5")
    with copy.open("r+b") as file:
        file.seek(3000)
        file.write(b"???")
    code, out, err = mrd("stimuli", "check", copy)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {copy}: user block: the SHA-256 of the file is not the one")
