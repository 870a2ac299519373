"""Pixel metamers of a run: made once, scored as the search is, and stored in the set."""

import dataclasses
import io
import json
import shutil
from contextlib import redirect_stdout

import numpy as np
import pytest

from mrd.cli import main
from mrd.criterion.bench import Bench
from mrd.criterion.criterion import match
from mrd.criterion.null_and_ceiling import reference
from mrd.criterion.similarity import flattened, pearson
from mrd.generate import one_run
from mrd.measures import pixel_files, pixel_metamers
from mrd.measures.pixel_files import picture
from mrd.measures.pixel_synthesis import in_levels
from mrd.models import registry
from mrd.rendering.representation import form_of_family
from mrd.study.study import read_study, resolve_all
from mrd.workflow.build_set import pack
from scenes.base.errors import InputError
from stimuli.check import problems
from stimuli.pixel_metamers import read_pixel_metamers
from stimuli.stimulus_set import StimulusSet
from tests.end_to_end.tiny import contents
from tests.silent import Silent
from tests.small_runs import write_study_runs
from tests.small_study import FAST, VASE, write_study


def write(folder, **changes):
    return write_study(
        folder,
        targets={"vase": VASE},
        searches={"material": FAST | changes},
        series={"kind": "interpolation", "levels": 2},
        stimuli={"accept": "all"},
    )


@pytest.fixture(scope="module")
def commanded(tmp_path_factory):
    """Give a study with a finished search and a set, the earlier content hash, and the output."""
    folder = write(tmp_path_factory.mktemp("searched") / "small")
    study = read_study(folder)
    (run,) = resolve_all(study)
    one_run.make(run, study.runs, "cpu", Silent())
    write_study_runs(study)
    before = pack(study).built.content_hash
    output = io.StringIO()
    with redirect_stdout(output), pytest.raises(SystemExit, match=r"^0$"):
        main.run(["pixel-metamers", str(folder)])
    return study, run, before, output.getvalue()


@pytest.fixture(scope="module")
def made(commanded):
    """Give the run, its folder, and the record of its pixel metamers; not to be changed."""
    study, run, _, _ = commanded
    path = study.runs / run.name
    return run, path, json.loads((path / "pixel_metamer" / "pixel_metamer.json").read_text())


@pytest.fixture
def copied(made, tmp_path):
    """Give the run and a copy of the folder of runs, to be changed."""
    run, path, _ = made
    return run, shutil.copytree(path.parent, tmp_path / "runs")


def test_every_camera_of_the_search_has_a_pixel_metamer(made):
    _, path, record = made
    assert [row["camera"] for row in record["cameras"]] == ["c0", "c1"]
    for name in ("c0", "c1"):
        assert picture(path / "pixel_metamer" / f"{name}.png").shape == (16, 16, 3)
    assert (path / "pixel_metamer" / "preview.png").stat().st_size > 0
    assert record["versions"]["plenoptic"]
    assert record["seeds"] == {"study": 1, "run": 1}


def test_both_match_equally_well(made):
    _, _, record = made
    for row in record["cameras"]:
        assert row["reached"]
        assert row["pixel_match"] == pytest.approx(row["scene_match"], abs=0.005)


def test_match_and_distance_are_those_of_the_kept_images(made):
    run, path, record = made
    model = registry.create(run.model)
    target = one_run.prepared(run)[0]
    bench = Bench(model, form_of_family(run.search, target))
    against = reference(target, run.search, bench, 1, path.parent / "references")
    for c, row in enumerate(record["cameras"]):
        image = picture(path / "pixel_metamer" / f"{row['camera']}.png")
        (layer,) = model.layers
        seen = model.activations(in_levels(image[None]))[layer]
        r = float(pearson(flattened(seen), flattened(against.activations[layer][[c]])))
        low, high = against.null["pearson"][:, [c]], against.ceiling["pearson"][:, [c]]
        assert row["pixel_match"] == pytest.approx(match(np.array([r]), low, high)[0], abs=1e-6)
        target, scene = (
            picture(path / "renders" / f"{name}_{row['camera']}.png").astype(float) / 255
            for name in ("target", "result")
        )
        assert row["scene_rms"] == pytest.approx(np.sqrt(((scene - target) ** 2).mean()))
        assert row["pixel_rms"] == pytest.approx(np.sqrt(((image / 255 - target) ** 2).mean()))
    criterion_json = json.loads((path / "criterion.json").read_text())
    expected = [each["match"] for each in criterion_json["training"]["cameras"]]
    assert [row["scene_match"] for row in record["cameras"]] == expected


def test_finished_pixel_metamers_are_not_made_again(copied):
    run, runs = copied
    before = contents(runs / run.name / "pixel_metamer")
    pixel_metamers.make(run, runs, "cpu")
    assert contents(runs / run.name / "pixel_metamer") == before


def test_missing_images_are_made(copied):
    run, runs = copied
    folder = runs / run.name / "pixel_metamer"
    before = contents(folder)
    for lost in ("c1.png", "pixel_metamer.json"):
        (folder / lost).unlink()
    steps = []
    pixel_metamers.make(run, runs, "cpu", lambda what, *_: steps.append(what))
    assert {what.rpartition(" ")[2] for what in steps} == {"c1"}
    after = contents(folder)
    c0, c1 = (type(next(iter(before)))(f"{name}.png") for name in ("c0", "c1"))
    assert after[c0] == before[c0]
    assert after[c1][0] == before[c1][0]  # made again with the same seed


def test_a_changed_match_needs_other_images(copied):
    run, runs = copied
    path = runs / run.name
    criterion_json = json.loads((path / "criterion.json").read_text())
    for row in criterion_json["training"]["cameras"]:
        row["match"] = 0.5
    (path / "criterion.json").write_text(json.dumps(criterion_json))
    record = pixel_metamers.make(run, runs, "cpu")
    for row in record["cameras"]:
        assert row["pixel_match"] == pytest.approx(0.5, abs=0.005)
    assert record["pixel_verdict"] == "result"


def test_with_another_floor_only_the_verdict_changes(copied):
    run, runs = copied
    path = runs / run.name
    criterion_json = json.loads((path / "criterion.json").read_text())
    for row in criterion_json["training"]["cameras"]:
        row["match"] += 1e-7  # as a repeated verdict may differ
    (path / "criterion.json").write_text(json.dumps(criterion_json))
    criterion = run.search.criterion.model_copy(update={"floor": 1.0})
    search = run.search.model_copy(update={"criterion": criterion})
    steps = []
    record = pixel_metamers.make(
        dataclasses.replace(run, search=search), runs, "cpu", lambda what, *_: steps.append(what)
    )
    assert {what.rpartition(" ")[2] for what in steps} <= {"null", "ceiling"}
    assert all("is below 1" in row["pixel_failed"] for row in record["cameras"])


def test_an_undefined_match_is_refused(copied):
    run, runs = copied
    path = runs / run.name / "criterion.json"
    criterion_json = json.loads(path.read_text())
    criterion_json["training"]["cameras"][1]["match"] = None
    path.write_text(json.dumps(criterion_json))
    with pytest.raises(InputError, match=r"criterion.json: the match at camera c1 is undefined"):
        pixel_metamers.make(run, runs, "cpu")


def test_pixel_metamers_of_another_result_are_not_read(copied):
    run, runs = copied
    assert pixel_files.read(runs / run.name) is not None
    path = runs / run.name / "criterion.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"result": "0" * 64}))
    assert pixel_files.read(runs / run.name) is None


def test_the_command_puts_them_into_the_set(commanded, made):
    study, run, before, output = commanded
    assert f"1 of 1 runs are in {study.stimulus_set}" in output
    assert problems(study.stimulus_set) == []
    with StimulusSet(study.stimulus_set) as stimuli:
        assert stimuli.content_hash == before  # sessions continue with it
        (entry,) = read_pixel_metamers(stimuli).values()
    assert entry.run == run.name
    assert entry.record == made[2]
    assert pack(study) is None
    bare = study.stimulus_set.read_bytes()
    study.stimulus_set.unlink()
    pack(study)  # a new set holds the existing pixel metamers
    with StimulusSet(study.stimulus_set) as stimuli:
        assert read_pixel_metamers(stimuli)[entry.run].content_hash == entry.content_hash
    study.stimulus_set.write_bytes(bare)


def test_a_refused_run_does_not_stop_others(commanded, tmp_path, capsys):
    study, run, _, _ = commanded
    folder = shutil.copytree(study.folder, tmp_path / "small")
    other = resolve_all(read_study(write(folder, seeds=[1, 2])))[1]
    shutil.copytree(folder / "runs" / run.name, folder / "runs" / other.name)
    path = folder / "runs" / run.name / "criterion.json"
    criterion_json = json.loads(path.read_text())
    criterion_json["training"]["cameras"][1]["match"] = None
    size = path.stat().st_size  # a file of another size is a damaged one
    path.write_text(json.dumps(criterion_json).ljust(size))
    with pytest.raises(SystemExit, match=r"^2$"):
        main.run(["pixel-metamers", str(folder)])
    printed = capsys.readouterr()
    assert f"error: {run.name}: " in printed.err
    assert "the match at camera c1 is undefined" in printed.err
    assert other.name in printed.out


def test_without_a_finished_search_the_command_says_so(tmp_path, capsys):
    write(tmp_path)
    with pytest.raises(SystemExit, match=r"^2$"):
        main.run(["pixel-metamers", str(tmp_path)])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "runs: contains no finished search of a model; type mrd generate" in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]
