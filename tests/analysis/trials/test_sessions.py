"""Sessions from disk: joined with the set, and every wrong cell named by file, row, column."""

import json
import shutil

import pandas as pd
import pytest

from analysis.trials import sessions
from psychophysics.data import session_files
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet


@pytest.fixture
def first(study_copy):
    """Give the first session's table."""
    return session_files.tables(study_copy / "data-simulated")[0]


def load(study):
    with StimulusSet(study / "stimuli.h5") as stimuli:
        return sessions.load(study / "data-simulated", stimuli)


def change(path, row, column, value):
    """Write a value into a row of the file, its header being row 1."""
    raw = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    raw.loc[row - 2, column] = value
    raw.to_csv(path, sep="\t", index=False)


def test_what_the_session_wrote_is_what_is_read(trials):
    main = trials[trials["phase"] == "main"]
    # 4 people × 2 targets × 2 attributes × (search, control) × 6 levels × 8 trials.
    assert len(main) == 4 * 2 * 2 * 2 * 6 * 8
    assert set(trials["condition"]) == {"shape, by shapely", "material, by shapely"}
    assert set(main["role"]) == {"result", "control"}
    assert (trials["kind"] == "simulated").all()
    assert main["correct"].isin([0, 1]).all()
    # Searches end at level 1 of an interpolation, and at the first level of a trajectory.
    ends = main["attribute"].map({"material": 1.0, "shape": 0.1})
    assert (main["at_result"] == (main["level"] == ends)).all()
    assert set(main["run"]) == {
        f"{target}-{attribute}-shapely-s1" for target in ("bunny", "vase")
        for attribute in ("material", "shape")
    }  # fmt: skip
    failed = main["run"] == "vase-shape-shapely-s1"
    assert (main["verdict"] == failed.map({True: "result", False: "metamer"})).all()
    assert set(main.loc[main["attribute"] == "shape", "unit"]) == {"chamfer"}


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (5, "response", "fourth", "row 5, column 'response': 'fourth': allowed: first, second"),
        (6, "correct", "2", "row 6, column 'correct': '2': allowed: 0, 1"),
        (7, "level", "", "row 7, column 'level': '': not a finite number"),
        (7, "physical_distance", "nan", "row 7, column 'physical_distance': 'nan'"),
        (4, "trial", "2", "row 4, column 'trial': '2': this trial occurs twice"),
        (4, "stimulus_2", "elsewhere", "row 4, column 'stimulus_2': 'elsewhere': no stimulus of"),
        (4, "condition", "other-result", "row 4, column 'condition': 'other-result': no series of"),
        (4, "phase", "n/a", "row 4, column 'phase': 'n/a': allowed: practice, main, catch"),
        (4, "trial", "1.5", "row 4, column 'trial': '1.5': not a whole number from 0"),
        (4, "response_time", "0,8", "row 4, column 'response_time': '0,8': neither a number from"),
        (4, "dropped_2", "-1", "row 4, column 'dropped_2': '-1': neither a number from 0 nor n/a"),
        (4, "target", "jug", "row 4, column 'target': 'jug': does not fit the stimulus set, which"),
        (
            4,
            "attribute",
            "shpae",
            "row 4, column 'attribute': 'shpae': does not fit the",
        ),
        (4, "model", "n/a", "row 4, column 'model': 'n/a': does not fit .* has shapely"),
        (
            4,
            "level",
            "0.3",
            r"row 4, column 'level': '0.3': .* has 0.0, 0.1, 0.2, 0.4, ",
        ),
        (4, "physical_distance", "9", "row 4, column 'physical_distance': '9': does not fit"),
        (4, "stimulus", "elsewhere", "row 4, column 'stimulus': .*: is none of the trial's images"),
    ],
)
def test_wrong_cells(study_copy, first, row, column, value, message):
    change(first, row, column, value)
    with pytest.raises(InputError, match=f"{first.name}: {message}"):
        load(study_copy)


def test_an_answer_that_does_not_fit(study_copy, first):
    raw = pd.read_csv(first, sep="\t", dtype=str, keep_default_na=False)
    change(first, 3, "correct", "1" if raw.loc[1, "correct"] == "0" else "0")
    with pytest.raises(InputError, match=r"row 3, column 'correct': .* does not fit response"):
        load(study_copy)


def test_an_image_of_another_level_or_family(study_copy, first):
    raw = pd.read_csv(first, sep="\t", dtype=str, keep_default_na=False)
    main = raw[(raw["phase"] == "main") & (raw["special"] == "comparison")]
    shown = main[main["level"] == "0.2"]
    row = int(shown.index[0])
    odd = next(f"stimulus_{k}" for k in (1, 2, 3) if raw.loc[row, f"role_{k}"] != "target")
    family, comparison = shown.loc[row, ["family", "comparison"]]
    others = main[(main["family"] == family) & (main["comparison"] == comparison)]
    far, elsewhere = others[others["level"] == "1.0"], main[main["family"] != family]
    for image, message in (
        (far["stimulus"].iloc[0], "is of another level in"),
        (elsewhere["stimulus"].iloc[0], "is of another family in"),
    ):
        change(first, row + 2, odd, image)
        with pytest.raises(InputError, match=rf"row {row + 2}, column '{odd}': .*{message}"):
            load(study_copy)


def test_missing_column(study_copy, first):
    pd.read_csv(first, sep="\t").drop(columns="level").to_csv(first, sep="\t", index=False)
    with pytest.raises(InputError, match="column 'level' is missing"):
        load(study_copy)


def test_another_set(study_copy, first):
    sidecar = first.with_suffix(".json")
    content = json.loads(sidecar.read_text())
    content["Session"]["StimulusSet"] = "0" * 64
    sidecar.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"3 with this one \(.*\), 1 with 000000000000; --stimuli"):
        load(study_copy)


def test_not_utf8(study_copy, first):
    first.write_bytes(first.read_bytes() + b"\xff\xfe\n")
    with pytest.raises(InputError, match=r"row \d+: not UTF-8"):
        load(study_copy)


def test_a_file_that_is_too_large_is_not_read(study_copy, first):
    with first.open("r+b") as file:
        file.truncate(2_000_000_000)  # sparse: takes no space
    with pytest.raises(InputError, match="2000 MB; at most 200 MB"):
        load(study_copy)


def test_a_session_that_is_there_twice(study_copy, first):
    """A person sat under two codes."""
    name = first.name.replace("sub-01_", "sub-09_")
    copy = study_copy / "data-simulated" / "sub-09" / "ses-01" / "beh" / name
    copy.parent.mkdir(parents=True)
    for suffix in (".tsv", ".json"):
        shutil.copy(first.with_suffix(suffix), copy.with_suffix(suffix))
    with pytest.raises(InputError, match=r"occurs twice: .* is the same session; its trials wou"):
        load(study_copy)


def test_a_table_of_another_name(study_copy, first):
    for suffix in (".tsv", ".json"):
        first.with_suffix(suffix).rename(first.with_name(f"sub-01_beh{suffix}"))
    with pytest.raises(
        InputError, match=r"sub-01_beh\.tsv: is not named sub-…_ses-…_task-…_beh\.tsv"
    ):
        load(study_copy)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("Session", "mine", r"Session\.Observer is None; allowed: person, simulated"),
        ("TaskName", ["oddity"], r"TaskName: \['oddity'\]: allowed: "),
    ],
)
def test_a_sidecar_that_says_something_else(study_copy, first, key, value, message):
    sidecar = first.with_suffix(".json")
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {key: value}))
    with pytest.raises(InputError, match=rf"{sidecar.name}: {message}"):
        load(study_copy)


def answered_by(session, kind):
    sidecar = session.with_suffix(".json")
    content = json.loads(sidecar.read_text())
    content["Session"]["Observer"] = kind
    sidecar.write_text(json.dumps(content))


def test_sessions_of_models_are_no_peoples(study_copy, first):
    answered_by(first, "model")
    trials = load(study_copy)
    assert set(trials["observer"]) == {"02", "03", "04"}
    assert trials.attrs["models"] == 1


def test_a_folder_of_models_alone(study_copy):
    for session in (study_copy / "data-simulated").glob("sub-*/ses-*/beh/*.tsv"):
        answered_by(session, "model")
    with pytest.raises(InputError, match="data-simulated: holds only sessions of models"):
        load(study_copy)


def test_a_session_that_does_not_say_who_answered(study_copy, first):
    answered_by(first, "robot")
    with pytest.raises(InputError, match=r"Session\.Observer is 'robot'; allowed: person, simu"):
        load(study_copy)


def test_no_session(tmp_path, made_study):
    with (
        StimulusSet(made_study / "stimuli.h5") as stimuli,
        pytest.raises(InputError, match="holds no session"),
    ):
        sessions.load(tmp_path, stimuli)


@pytest.mark.parametrize(
    ("start", "newline"), [(b"\xef\xbb\xbf", b"\n"), (b"", b"\r\n"), (b"\xef\xbb\xbf", b"\r\n")]
)
def test_a_table_with_other_line_ends_says_the_same(study_copy, first, trials, start, newline):
    first.write_bytes(start + first.read_bytes().replace(b"\n", newline))
    sidecar = first.with_suffix(".json")
    sidecar.write_bytes(start + sidecar.read_bytes().replace(b"\n", newline))
    again = load(study_copy)
    same = ["observer", "session", "trial", "stimulus", "level", "correct", "response_time"]
    pd.testing.assert_frame_equal(again[same], trials[same])
    assert again.attrs["data_sha256"] != trials.attrs["data_sha256"]


def test_a_last_row_that_was_cut_off_was_never_over(study_copy, first, trials):
    """Only in an unfinished session, which resumes with that trial."""
    first.write_bytes(first.read_bytes()[:-20])
    with pytest.raises(InputError, match=first.name):
        load(study_copy)
    sidecar = first.with_suffix(".json")
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"Finished": False}))
    assert len(load(study_copy)) == len(trials) - 1


def test_a_data_folder_may_hold_other_data_of_the_lab(study_copy, first, trials):
    """Other kinds of BIDS data, derivatives, and copies in folders that BIDS keeps for them."""
    data = study_copy / "data-simulated"
    for place in ("derivatives/x/sub-01/ses-01/beh", "sourcedata/sub-01/ses-01/beh", "old"):
        (data / place).mkdir(parents=True)
        shutil.copy(first, data / place)
    for name in ("sub-01/anat/sub-01_T1w.nii.gz", "sub-01/ses-01/eeg/sub-01_ses-01_events.tsv",
                 "sub-01/ses-01/beh/sub-01_ses-01_task-oddity_run-01_beh.xlsx"):  # fmt: skip
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(b"x\ty\n")
    again = load(study_copy)
    assert len(again) == len(trials)
    assert again.attrs["data_sha256"] == trials.attrs["data_sha256"]
