"""Where the steps of a study stand, from files that the steps left; and traces of a stimulus."""

import json
import shutil
from pathlib import Path

import pytest

from analysis.report import study_report
from mrd.measures import embed
from mrd.measures.fisher.planned import planned
from mrd.study.resolved_study import resolve_study
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all
from mrd.workflow import build_set
from mrd.workflow.steps import Audience, steps
from mrd.workflow.trace import trace
from psychophysics.data import session_files
from scenes.base.errors import InputError
from stimuli.recoveries import recoveries
from stimuli.stimulus_set import StimulusSet
from tests.small_runs import finish_searches, write_study_runs
from tests.small_study import write_text

STUDY = """
name: small
targets:
  vase: {shape: {kind: sphere}}
models:
  net: {network: pixels, layers: [pixels]}
searches:
  material: {attributes: [material]}
  shape: {attributes: [shape]}
series: {kind: trajectory, levels: 2}
stimuli: {accept: all}
experiment:
  attributes: [shape]
  cameras: all
  comparisons: [result]
  procedure: {kind: constant_stimuli, trials: 2}
  catch: 0
  practice: {trials: 0}
"""
TWO = Audience(observers=2)
NAMES = ["generate", "build", "embed", "experiment", "analyse"]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Give a study whose searches are done, as far as their files say; not to be changed."""
    folder = write_text(tmp_path_factory.mktemp("chain") / "small", STUDY)
    study = read_study(folder)
    write_study_runs(study)
    finish_searches(study)
    return folder


@pytest.fixture(scope="module")
def shown(begun, tmp_path_factory):
    """Give the same with its set, the model's distances and two simulated sessions."""
    folder = shutil.copytree(begun, tmp_path_factory.mktemp("shown") / "small")
    study = read_study(folder)
    build_set.pack(study)
    asked = embed.ModelToEmbed("net", study.models["net"])
    embed.embed(study.stimulus_set, [asked], {"material": 0.9, "shape": 0.9}, folder, "cpu")
    simulate(folder)
    return folder


def simulate(folder):
    from mrd.cli.main import run

    with pytest.raises(SystemExit, match=r"^0$"):
        run(["experiment", "simulate", str(folder), "--observers", "2"])


@pytest.fixture
def copy(shown, tmp_path):
    """Give a copy that a test may change."""
    return shutil.copytree(shown, tmp_path / "small")


def found(folder, audience=TWO):
    return {step.name: step for step in steps(read_study(folder), folder, audience)}


def states(folder, audience=TWO):
    return [step.state for step in found(folder, audience).values()]


def change(folder, before, after):
    write_text(folder, (folder / "study.yaml").read_text(), (before, after))


def test_every_step_has_its_place_and_its_commands(begun):
    there = found(begun)
    assert list(there) == NAMES
    assert [step.state for step in there.values()] == ["done", "due", *["waits"] * 3]
    assert there["generate"].why.startswith("2 of 2 searches, ")
    assert there["build"].why == "there is no stimuli.h5 yet"
    assert there["embed"].why == "for build"
    assert there["build"].commands[0] == ("stimuli", "build", str(begun))
    person = found(begun, Audience("01"))
    asked = ("experiment", "run", str(begun), "--participant", "01", "--session", "01")
    assert person["experiment"].commands == (asked,)
    assert person["analyse"].commands == (("analyse", str(begun)),)
    (search, *_) = steps(read_study(begun), begun, TWO, workers=3)
    assert search.commands == (("generate", str(begun), "--workers", "3"),)


def test_what_is_done_is_done(shown):
    there = found(shown)
    assert states(shown) == ["done"] * 4 + ["due"], there
    assert there["embed"].why == "distances of net"
    assert there["experiment"].why == "2 sessions in data-simulated"
    assert there["analyse"].why == "there is no report/index.html yet"
    three = found(shown, Audience(observers=3))
    assert three["experiment"].why == "1 of 3 sessions to do"
    person = found(shown, Audience("01"))
    assert person["experiment"].why == "1 of 1 sessions to do"


@pytest.mark.parametrize("task", ["oddity", "same_different"])
def test_sessions_with_the_former_rates_of_quest_plus_are_done(copy, task):
    change(copy, "{kind: constant_stimuli, trials: 2}", "{kind: quest_plus, trials: 2}")
    change(copy, "experiment:\n", f"experiment:\n  task: {task}\n")
    shutil.rmtree(copy / "data-simulated")
    simulate(copy)
    for path in session_files.sidecars(copy / "data-simulated"):
        sidecar = json.loads(path.read_text())
        rates = sidecar["Session"]["Experiment"]["procedure"]
        rates["false_alarms"] = [0.05, 0.15, 0.3, 0.5]
        path.write_text(json.dumps(sidecar))
    there = found(copy)["experiment"]
    assert there.state == "done", there.why


@pytest.mark.parametrize(
    ("before", "after", "expected", "why"),
    [
        ("levels: 2", "levels: 3", "generate", "series.levels: 2 then, 3 now"),
        ("[material]}", "[material], steps: 9}", "generate", "search.steps: 400 then, 9 now"),
        ("accept: all", "accept: all, bits: 16", "build", "stimuli.bits: 8 then, 16 now"),
        ("network: pixels,", "network: pixels, front_end: {blur: 2.0},", "generate", "blur: 1.0"),
        ("trials: 2}", "trials: 3}", "experiment", "procedure.trials: 2 then, 3 now"),
    ],
)
def test_a_change_repeats_the_dependent_steps(copy, before, after, expected, why):
    change(copy, before, after)
    there = found(copy)
    assert there[expected].state == "due"
    assert why in there[expected].why
    place = NAMES.index(expected)
    assert states(copy) == ["done"] * place + ["due"] + ["waits"] * (4 - place)


@pytest.mark.parametrize("damage", ["no JSON", "{}"])
def test_a_damaged_run_of_an_earlier_form_hides_nothing(copy, damage):
    study = read_study(copy)
    run = resolve_all(study)[0]
    change(copy, "[material]}", "[material], steps: 9}")
    (study.runs / run.name / "run.json").write_text(damage)
    step = found(copy)["generate"]
    assert step.state == "due"
    assert "searches to do" in step.why


def test_a_new_result_and_an_altered_set_are_seen(copy):
    study = read_study(copy)
    run = resolve_all(study)[0]
    table = study.runs / run.name / "series" / "records.csv"
    table.write_text(table.read_text().replace("0.95", "0.96"))
    why = found(copy)["build"].why
    assert why == f"the search 'material' has new images ({run.name})"
    study.stimulus_set.write_bytes(study.stimulus_set.read_bytes()[:-1])
    assert found(copy)["build"].state == "due"


def test_a_report_is_of_the_bytes_that_were_read(copy):
    """A report is of other answers where a table changed meanwhile, or a description since."""
    with (copy / "study.yaml").open("a") as file:
        file.write("analysis: {overdispersion: false, draws: 100, exclude: {fastest: 0}}\n")
    study = read_study(copy)
    table = session_files.tables(copy / "data-simulated")[0]
    before = table.read_bytes()

    def note(text):
        if text == "figures and report":
            table.write_bytes(before + before.splitlines(keepends=True)[-1])

    study_report.make(copy, study.name, study.analysis, simulated=True, seed=study.seed, note=note)
    changed = "the answers, or their descriptions, differ from the report's"
    assert table.read_bytes() != before
    assert found(copy)["analyse"].why == changed
    table.write_bytes(before)
    assert found(copy)["analyse"].state == "done"
    sidecar = table.with_suffix(".json")
    described = sidecar.read_bytes()
    sidecar.write_bytes(described + b"\n")
    assert found(copy)["analyse"].why == changed
    sidecar.write_bytes(described)
    table.with_name("Thumbs.db").write_bytes(b"x")
    assert found(copy)["analyse"].state == "done"
    shutil.copy(table, table.with_name(f"{table.stem} (1).tsv"))
    assert "is not named sub-…_ses-…_task-…_beh.tsv" in found(copy)["analyse"].why


def predict(folder):
    """Write a prediction where `mrd fisher` would."""
    (each,) = planned(read_study(folder))
    each.folder.mkdir(parents=True)
    names = {"study": "small", "target": each.target, "model": each.model}
    record = {"asked": each.inputs, "names": names, "parameters": [], "files": {}}
    (each.folder / "fisher.json").write_text(json.dumps(record))
    for name in ("derivative.npz", "thresholds.png"):
        (each.folder / name).touch()


def test_sessions_of_an_older_rule_of_keys_stay(copy):
    """Sessions without the entry were recorded by rule 1: they are not simulated again."""
    for sidecar in copy.glob("data-simulated/sub-*/ses-*/beh/*_beh.json"):
        content = json.loads(sidecar.read_text(encoding="utf-8"))
        assert content["Session"].pop("Counterbalance") == 2
        sidecar.write_text(json.dumps(content), encoding="utf-8")
    assert found(copy)["experiment"].why == "2 sessions in data-simulated"


def test_predictions_are_a_step_of_studies_that_have_the_section(copy):
    assert "fisher" not in found(copy)
    with (copy / "study.yaml").open("a") as file:
        file.write("fisher: {rerenders: 8}\n")
    there = found(copy)
    assert list(there) == [NAMES[0], "fisher", *NAMES[1:]]
    assert there["fisher"].state == "due"
    assert there["fisher"].why == "1 of 1 targets and models to predict"
    assert there["fisher"].commands == (("fisher", str(copy)),)
    assert there["build"].state == "waits"
    predict(copy)
    there = found(copy)
    assert there["fisher"].why == "thresholds of 1 targets and models"
    assert there["build"].why == "it holds other records of predicted thresholds"
    with StimulusSet(copy / "stimuli.h5") as stimuli:
        before = stimuli.content_hash
    assert build_set.pack(read_study(copy)) is None  # the images are there
    with StimulusSet(copy / "stimuli.h5") as stimuli:
        assert stimuli.content_hash == before
        assert len(stimuli.findings.predicted_thresholds) == 1
        assert list(stimuli.models) == ["net"]
    assert states(copy) == ["done"] * 5 + ["due"]
    change(copy, "rerenders: 8", "rerenders: 9")
    assert "fisher.rerenders: 8 then, 9 now" in found(copy)["fisher"].why


def test_a_reach_is_packed_with_its_run(copy):
    study = read_study(copy)
    (run,) = (each for each in resolve_all(study) if each.spec.search == "material")
    directory = RunDirectory(study.runs / run.name)
    start = {"distance": 0.4, "match": 0.95, "verdict": "metamer"}
    reach = {"distance": 0.4, "measure": "rms_log_reflectance", "bound": "lower", "starts": [start]}
    judgement = directory.judgement() | {"reach": reach, "model": {"layers": ["pixels"]}}
    directory.write_json("criterion.json", judgement)
    assert build_set.add_findings(study)
    with StimulusSet(study.stimulus_set) as stimuli:
        (row,) = stimuli.reach().to_dict("records")
    assert (row["run"], row["layer"], row["reach"]) == (run.name, "pixels", 0.4)
    assert row["control_reach"] != row["control_reach"]  # of before controls had a reach


def test_warnings_are_packed_with_their_run(copy):
    study = read_study(copy)
    directory = RunDirectory(study.runs / resolve_all(study)[0].name)
    directory.write_json("criterion.json", directory.judgement() | {"warnings": ["it folds"]})
    with StimulusSet(study.stimulus_set) as stimuli:
        assert build_set.missing_findings(resolve_study(study), stimuli) == ["warnings"]
    assert build_set.add_findings(study)
    with StimulusSet(study.stimulus_set) as stimuli:
        (warned,) = stimuli.findings.warnings.items()
    assert (warned[0], warned[1]["warnings"]) == (directory.name, ["it folds"])


def test_recovery_is_packed_for_every_run_of_the_sets_targets(copy):
    study = read_study(copy)
    run = resolve_all(study)[0]
    directory = RunDirectory(study.runs / run.name)
    errors = {"material": {"rms_log_reflectance": 0.02, "roughness": None}}
    units = {"material": {"rms_log_reflectance": "log units"}}
    kept = {"recovered": False, "errors": errors, "units": units}
    judgement = directory.judgement() | {"recovery": kept, "model": {"layers": ["pixels"]}}
    directory.write_json("criterion.json", judgement)
    directory.finish("metamer")
    assert found(copy)["build"].why == "it holds other records of recovery"
    assert build_set.add_findings(study)
    with StimulusSet(study.stimulus_set) as stimuli:
        rows = recoveries(stimuli)
    assert set(rows["run"]) == {run.name}  # runs of earlier versions have no such record
    assert rows["outcome"].tolist() == ["metamer", "metamer"]
    assert rows["error"][0] == 0.02


def test_steps_that_a_study_does_not_ask_for_are_none(tmp_path):
    write_text(tmp_path, STUDY[: STUDY.index("series:")])
    assert states(tmp_path) == ["due", *["none"] * 4]
    assert found(tmp_path)["build"].why.startswith("the study has no section series")


# ---- Traces -------------------------------------------------------------------------------------


def shown_result(folder):
    """Stimulus id of a result that a trial showed."""
    with StimulusSet(folder / "stimuli.h5") as stimuli:
        table = stimuli.table
    results = table[(table["role"] == "result") & (table["attribute"] == "shape")]
    for stimulus in results["stimulus_id"]:
        if trace(read_study(folder), stimulus)["trials"]:
            return stimulus
    raise AssertionError("no trial shows a result")


def test_a_stimulus_leads_to_its_scene_run_model_and_trials(shown):
    study, stimulus = read_study(shown), shown_result(shown)
    traced = trace(study, stimulus)
    json.dumps(traced, allow_nan=False)
    run = next(run for run in resolve_all(study) if run.spec.search == "shape")
    assert traced["stimulus"]["search"] == "shape"
    assert traced["run"]["name"] == run.name
    assert traced["run"]["target"] == run.record["target"]
    assert traced["run"]["seeds"] == {"study": 1, "run": 1}
    assert traced["run"]["verdict"] == "metamer"
    assert traced["scene"]["sha256"] == traced["stimulus"]["scene"]
    assert traced["models"]["net"]["network"] == "pixels"
    with StimulusSet(study.stimulus_set) as stimuli:
        assert traced["set"]["content_hash"] == stimuli.content_hash
    for trial in traced["trials"]:
        lines = Path(trial["file"]).read_text(encoding="utf-8").splitlines()
        assert stimulus in lines[trial["line"] - 1]


def test_an_image_of_every_role_is_traced(shown):
    """Images of a family (target, re-render, null) belong to no run."""
    with StimulusSet(shown / "stimuli.h5") as stimuli:
        table = stimuli.table.drop_duplicates("role")
    assert {"target", "rerender", "result", "control"} <= set(table["role"])
    for row in table.to_dict("records"):
        traced = trace(read_study(shown), row["stimulus_id"])
        assert traced["scene"]["sha256"] == row["scene"]


def test_what_is_not_here_is_reported_as_missing(copy):
    stimulus = shown_result(copy)
    shutil.rmtree(copy / "runs")
    traced = trace(read_study(copy), stimulus)
    assert traced["run"]["folder"] is None
    assert traced["files"]["radiance"] is None
    assert traced["trials"]


def test_an_unknown_id_gets_the_nearest(shown):
    stimulus = shown_result(shown)
    with pytest.raises(InputError, match=rf"did you mean '{stimulus}'\?"):
        trace(read_study(shown), f"{stimulus}x")
