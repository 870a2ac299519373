"""Which sessions one report is of: one set, one experiment; the others are listed or refused."""

import itertools
import json
import shutil
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.config import ExclusionsConfig
from analysis.trials import exclusions, session_choice, sessions
from mrd.cli.main import run
from psychophysics.data import data_set, same_experiment, session_files
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet
from tests.paths import DATA
from tests.psychophysics.studies import study_in

RECORDED = DATA / "sessions"
OTHER = "0" * 64


@pytest.fixture
def data(tmp_path):
    """Give recorded sessions: 01 is finished, 02 was left after four trials."""
    return shutil.copytree(RECORDED, tmp_path / "data")


@pytest.fixture
def load(small_set, data):
    """Read them with the set that they showed."""

    def load(**words):
        with StimulusSet(small_set) as stimuli:
            return sessions.load(data, stimuli, **words)

    return load


def change(data, code, *keys, to):
    """Change a value of a session's description."""
    (path,) = session_files.sidecars(data, [code])
    sidecar = json.loads(path.read_text())
    inner = sidecar
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    path.write_text(json.dumps(sidecar))


def experiment(data, code, *keys, to):
    change(data, code, "Session", "Experiment", *keys, to=to)


def test_sessions_that_were_recorded_before_are_read(load):
    trials = load()
    assert trials.groupby("observer").size().to_dict() == {"01": 6, "02": 4}
    assert set(trials["kind"]) == {"person"}
    assert trials.attrs["notes"] == trials.attrs["left_out"] == []


def test_sessions_of_another_set_are_refused_or_listed(data, load, small_set):
    change(data, "02", "Session", "StimulusSet", to=OTHER)
    with pytest.raises(
        InputError,
        match=r"sessions of several stimulus sets: 1 with this one \(.* is 89b81d9b9f0e\), 1 with "
        r"000000000000; --stimuli FILE analyses those of one set and lists the others",
    ):
        load()
    trials = load(other_sets=True)
    assert set(trials["observer"]) == {"01"}
    (entry,) = trials.attrs["left_out"]
    assert entry == {
        "rule": "stimulus set", "observer": "02", "session": "01", "trials": 4,
        "detail": "was made with stimulus set 000000000000",
    }  # fmt: skip
    rules = ExclusionsConfig(participants=["02"], fastest=0, catch=0)
    _, _, excluded = exclusions.apply(trials, rules)
    assert excluded.iloc[0].to_dict() == entry


def test_a_set_that_no_session_showed_is_refused(data, load):
    for code in ("01", "02"):
        change(data, code, "Session", "StimulusSet", to=OTHER)
    for apart in (False, True):
        with pytest.raises(
            InputError,
            match=r"no session was made with this stimulus set \(.*89b81d9b9f0e\): 2 with 0000000",
        ):
            load(other_sets=apart)


DIFFERENT = {
    "task": (("task",), "same_different", "task: oddity in 01/01, same_different in 02/01"),
    "presentation": (("presentation",), "space", "presentation: time in 01/01, space in 02/01"),
    "durations": (("timing", "stimulus"), 0.05, r"timing\.stimulus: 0\.1 in 01/01, 0\.05 in 02/01"),
    "mask": (("timing", "mask"), 0.2, r"timing\.mask: 0\.0 in 01/01, 0\.2 in 02/01"),
    "procedure": (
        ("procedure",), {"kind": "quest_plus"},
        r"procedure\.kind: constant_stimuli in 01/01, quest_plus in 02/01",
    ),
    "images": (("vary",), ["camera"], r"vary: \['noise'\] in 01/01, \['camera'\] in 02/01"),
    "cameras": (("cameras",), "all", "cameras: training in 01/01, all in 02/01"),
    "feedback": (("feedback",), True, "feedback: False in 01/01, True in 02/01"),
    "blocks": (("blocks",), "target", "blocks: None in 01/01, target in 02/01"),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_experiments_are_not_pooled(data, load, name):
    keys, value, message = DIFFERENT[name]
    experiment(data, "02", *keys, to=value)
    with pytest.raises(
        InputError, match=rf"sessions of different experiments are not pooled: .*{message}"
    ):
        load()
    assert set(load(like="01")["observer"]) == {"01"}
    assert set(load(excluded=["02"])["observer"]) == {"01", "02"}  # the rules leave 02 out
    trials = load(like="01/01")
    (entry,) = trials.attrs["left_out"]
    assert (entry["rule"], entry["observer"]) == ("experiment", "02")
    assert entry["detail"].startswith("another experiment: ")


def test_images_of_another_size_are_not_pooled(data, load):
    for code, size in (("01", [2.5, 2.5]), ("02", [2.6, 2.6])):
        change(data, code, "Sittings", 0, "Display", to={"StimulusDegrees": size})
    assert load().attrs["notes"] == []
    change(data, "02", "Sittings", 0, "Display", to={"StimulusDegrees": [5.0, 5.0]})
    with pytest.raises(
        InputError, match=r"size on the screen in degrees: \[2\.5, 2\.5\] in 01/01, \[5\.0, 5\.0\]"
    ):
        load()


MINOR = {
    "keys": (("keys",), ["a", "b", "c"]),
    "breaks": (("rest_every",), 50),
    "practice": (("practice", "trials"), 4),
    "number of trials": (("procedure", "trials"), 3),
    "catch trials": (("catch",), 4),
    "attributes": (("attributes",), ["shape", "material"]),
}


@pytest.mark.parametrize("name", MINOR)
def test_what_changes_no_trial_is_pooled_and_said(data, load, name):
    keys, value = MINOR[name]
    experiment(data, "02", *keys, to=value)
    trials = load()
    assert set(trials["observer"]) == {"01", "02"}
    (note,) = trials.attrs["notes"]
    assert note.startswith(f"sessions are pooled though they differ in {'.'.join(keys)}: ")


def test_a_key_that_an_earlier_version_did_not_have_is_its_default(data, load):
    (path,) = session_files.sidecars(data, ["02"])
    sidecar = json.loads(path.read_text())
    del sidecar["Session"]["Experiment"]["feedback"]
    del sidecar["Session"]["Experiment"]["timing"]["answer"]
    path.write_text(json.dumps(sidecar))
    assert load().attrs["notes"] == []


@pytest.mark.parametrize("keys", [("Instructions",), ("Sittings", 0, "SoftwareVersions")])
def test_messages_and_versions_do_not_matter(data, load, keys):
    change(data, "02", *keys, to={"numpy": "0"})
    assert load().attrs["notes"] == []


@pytest.mark.parametrize("task", ["oddity", "same_different"])
def test_grids_of_quest_plus_of_an_earlier_version_are_pooled(data, small_set, task):
    """Where they have an effect, the difference is said."""
    shutil.rmtree(data)
    shutil.copytree(RECORDED.with_name("sessions_quest_plus") / task, data)
    usual = [0.05, 0.15, 0.3, 0.5, 0.7, 0.9] if task == "same_different" else None
    experiment(data, "02", "procedure", "false_alarms", to=usual)
    with StimulusSet(small_set) as stimuli:
        trials = sessions.load(data, stimuli)
    assert set(trials["observer"]) == {"01", "02"}
    said = (
        "sessions are pooled though they differ in procedure.false_alarms: "
        "[0.05, 0.15, 0.3, 0.5] in 01/01, [0.05, 0.15, 0.3, 0.5, 0.7, 0.9] in 02/01"
    )
    assert trials.attrs["notes"] == ([said] if usual else [])
    experiment(data, "02", "procedure", "lapses", to=[0.0, 0.1])
    with StimulusSet(small_set) as stimuli:
        (*_, note) = sessions.load(data, stimuli).attrs["notes"]
    assert "procedure.lapses: [0.0, 0.02, 0.05] in 01/01, [0.0, 0.1] in 02/01" in note


def test_like_names_one_experiment(data, load):
    with pytest.raises(
        InputError, match=r"--like 03: .* no such participant or session; sessions: 01/01, 02/01"
    ):
        load(like="03")
    shutil.copytree(data / "sub-02" / "ses-01", data / "sub-01" / "ses-02")
    for path in (data / "sub-01" / "ses-02" / "beh").iterdir():
        path.rename(path.with_name(path.name.replace("sub-02_ses-01", "sub-01_ses-02")))
    table = next(data.glob("sub-01/ses-02/beh/*.tsv"))
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:3]))
    sidecar = table.with_suffix(".json")
    text = sidecar.read_text()
    assert '"presentation": "time"' in text
    sidecar.write_text(text.replace('"presentation": "time"', '"presentation": "space"'))
    with pytest.raises(
        InputError, match=r"--like 01: its sessions are of several experiments \(presentation: .*0"
    ):
        load(like="01")
    trials = load(like="01/02")
    assert trials["session"].unique().tolist() == ["02"]
    assert len(trials.attrs["left_out"]) == 2


SIZED = "size on the screen in degrees"


def described(*, degrees=None, asked=True, task="oddity", stimulus=0.2, **more):
    """A description as far as it decides; without `asked` it does not say what was asked."""
    section = {"timing": {"stimulus": stimulus}} if asked else None
    display = {"Display": {"StimulusDegrees": [degrees, degrees]}} if degrees else {}
    facts = {"Observer": "person", "StimulusSet": "h", "Experiment": section}
    return {"TaskName": task, "Session": facts, "Sittings": [display], **more}


UNKNOWN = {
    "no size first": ([{}, {"degrees": 5}, {"degrees": 10}], SIZED),
    "no size between": ([{"degrees": 5}, {}, {"degrees": 10}], SIZED),
    "sizes drift": ([{"degrees": 5}, {"degrees": 5.45}, {"degrees": 4.6}], SIZED),
    "no experiment first": (
        [{"asked": False}, {"stimulus": 0.05}, {"stimulus": 0.2}], r"timing\.stimulus",
    ),
    "one lacks each": (
        [{"asked": False, "degrees": 5}, {"stimulus": 0.05}, {"degrees": 5}], r"timing\.stimulus",
    ),
    "damaged size first": ([{"degrees": "x"}, {"degrees": 5}, {"degrees": 10}], SIZED),
}  # fmt: skip


class _Set:
    content_hash = "h"
    path = Path("stimuli.h5")


def pooled(cases, **words):
    sidecars = {
        Path(f"d/sub-0{n}/ses-01/beh/sub-0{n}_ses-01_task-oddity_run-01_beh.tsv"): described(**each)
        for n, each in enumerate(cases)
    }
    return session_choice.choose_sessions(sidecars, _Set, Path("d"), **words)


@pytest.mark.parametrize("name", UNKNOWN)
def test_sessions_that_do_not_say_it_hide_no_difference(name):
    cases, message = UNKNOWN[name]
    for order in itertools.permutations(cases):
        with pytest.raises(InputError, match=rf"not pooled: {message}: "):
            pooled(order)
    with pytest.raises(InputError, match=rf"--like 00: .* differ from each other \({message}: "):
        pooled(cases if name != "no size between" else [cases[1], cases[0], cases[2]], like="00")


def test_like_a_session_that_says_more_leaves_out_the_others():
    cases, _ = UNKNOWN["sizes drift"]
    pool = pooled(cases, like="01")
    assert [path.name[4:6] for path in pool.kept] == ["00", "01"]
    assert "[5.45, 5.45] in 01/01, [4.6, 4.6] in 02/01" in next(iter(pool.left_out.values()))[1]
    assert len(pooled(cases, like="00", excluded=["02"]).kept) == 3


@given(st.data())
def test_sessions_are_pooled_exactly_if_no_two_differ(data):
    """Whatever they say and do not say, in any order."""
    cases = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "asked": st.booleans(),
                    "stimulus": st.sampled_from([0.05, 0.2]),
                    "degrees": st.sampled_from([None, 5.0, 5.4, 5.8]),
                    "task": st.sampled_from(["oddity"] * 5 + ["same_different"]),
                }
            ),
            min_size=2, max_size=6,
        )
    )  # fmt: skip
    pairs = itertools.combinations([described(**each) for each in cases], 2)
    if any(same_experiment.differences(*pair) for pair in pairs):
        with pytest.raises(InputError, match="sessions of different experiments are not pooled"):
            pooled(cases)
    else:
        assert len(pooled(cases).kept) == len(cases)


def test_a_minor_difference_is_said_whichever_session_says_nothing():
    cases = [{"asked": False}, {}, {}]
    sidecars = [described(**each) for each in cases]
    sidecars[2]["Session"]["Experiment"]["catch"] = 3
    paths = [Path(f"d/sub-0{n}_ses-01_task-oddity_beh.tsv") for n in range(3)]
    pool = session_choice.choose_sessions(dict(zip(paths, sidecars, strict=True)), _Set, Path("d"))
    assert pool.notes == [
        "sessions are pooled though they differ in catch: 12 in 01/01, 3 in 02/01"
    ]


def test_the_command_analyses_one_set_and_lists_the_other(data, small_set, capsys):
    folder = study_in(data.parent, small_set)
    with (folder / "study.yaml").open("a") as file:
        file.write("analysis: {overdispersion: false, draws: 100, exclude: {fastest: 0}}\n")
    change(data, "02", "Session", "StimulusSet", to=OTHER)
    command = ["analyse", str(folder)]
    with pytest.raises(SystemExit, match=r"^2$"):
        run(command)
    assert "--stimuli FILE analyses those of one set" in capsys.readouterr().err
    with pytest.raises(SystemExit, match=r"^0$"):
        run([*command, "--stimuli", str(folder / "stimuli.h5"), "--like", "01"])
    printed = capsys.readouterr()
    assert "excluded, since they are of another set or experiment: 02/01" in printed.err
    listed = pd.read_csv(folder / "report" / "tables" / "exclusions.csv", dtype=str)
    assert listed.loc[0, ["rule", "observer", "session", "trials"]].tolist() == [
        "stimulus set", "02", "01", "4",
    ]  # fmt: skip
    assert "was made with stimulus set 000000000000" in (folder / "report/index.html").read_text()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    (), ("TaskName",), ("Session",), ("Sittings",), ("Finished",), ("Session", "Observer"),
    ("Session", "StimulusSet"), ("Session", "Experiment"), ("Session", "Experiment", "timing"),
    ("Session", "Experiment", "procedure"), ("Session", "Experiment", "procedure", "kind"),
    ("Session", "ParticipantOrder"), ("Sittings", 0), ("Sittings", 0, "Display"),
]  # fmt: skip


@given(st.sampled_from(PLACES), JSON, st.booleans())
def test_any_description_is_read_or_refused(small_set, tmp_path_factory, keys, value, apart):
    """With any description, the sessions are read, or refused with an `InputError`."""
    data = shutil.copytree(RECORDED, tmp_path_factory.mktemp("any") / "data")
    if keys:
        change(data, "02", *keys, to=value)
    else:
        (path,) = session_files.sidecars(data, ["02"])
        path.write_text(json.dumps(value))
    words = {"other_sets": apart, "like": "01" if apart else None}
    with StimulusSet(small_set) as stimuli, suppress(InputError):
        assert "01" in set(sessions.load(data, stimuli, **words)["observer"])
    with suppress(InputError):
        data_set.enrol(data, "small", "02", "person")
    people = same_experiment.sessions_of_people(data)
    asked = {"Session": {}, "TaskName": "oddity"}
    assert same_experiment.remarks(data, people, asked) is not None
