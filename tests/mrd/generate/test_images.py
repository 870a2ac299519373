"""Images of a family and its runs: levels, records, resuming, and what changes redo."""

import json
import shutil

import numpy as np
import pytest

from mrd.generate import images, one_run, study_runs
from mrd.generate.levels import lit_targets, run_levels
from mrd.study import image_directory, image_plan
from mrd.study.checkpoint import SearchState, read_state, write_state
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError
from scenes.differences import DISTANCE, scene_difference
from scenes.film import encode
from scenes.pictures.files import read_picture
from scenes.scene_files import read_scene
from stimuli.intake import read_records
from tests.silent import Silent
from tests.small_study import write_text

STUDY = """
name: tiny
seed: 3
targets:
  ball:
    shape: {kind: blob, seed: 2, subdivisions: 2}
    material: {base_color: [0.7, 0.3, 0.4], roughness: 0.6}
    cameras: {kind: ring, count: 2, held_out: 1, resolution: 16}
models:
  eye: {network: pixels}
series: {levels: 2, samples: 16, cameras: [c0, h0]}
searches:
  paint:
    attributes: [material]
    steps: 6
    samples: {primal: 4, score: 16}
    criterion: {null: 2, ceiling: 2}
    series: {lights: [own, dusk: {kind: constant, radiance: 0.1}]}
    pixel_search: true
  turn:
    attributes: [lighting]
    steps: 9
    samples: {primal: 4, score: 16}
    criterion: {null: 2, ceiling: 2}
    series: {kind: trajectory, levels: 3}
"""


def make(run, study):
    folder = image_directory.of_run(study.runs, run.name).path
    images.make_run(run, study.name, study.runs, "cpu", Silent())
    return folder, read_records(folder / "records.csv")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Give a study whose three searches are done, and all images made."""
    folder = tmp_path_factory.mktemp("tiny")
    study = read_study(write_text(folder, STUDY))
    runs = resolve_all(study)
    for run in runs:
        one_run.make(run, study.runs, "cpu", Silent())
    for job in study_runs.image_jobs(runs, study.runs):
        make = images.make_family if job.kind == "family" else images.make_run
        made = make(job.run, study.name, study.runs, "cpu", Silent())
        assert made == job.amount[0]
    assert study_runs.image_jobs(runs, study.runs) == []
    return study


@pytest.fixture
def records(study):
    """Give all records by folder."""
    return {path.parent: read_records(path) for path in sorted(study.runs.glob("**/records.csv"))}


def everything(records):
    return [each for group in records.values() for each in group]


def test_every_role_is_there_as_often_as_counted(records):
    roles = {}
    for each in everything(records):
        key = (each.search, each.role)
        roles[key] = roles.get(key, 0) + 1
    # Two cameras, three noise seeds; two lights for paint.
    assert roles == {
        ("paint", "target"): 12,
        ("paint", "rerender"): 12,
        ("paint", "null"): 8,
        ("paint", "series"): 12,
        ("paint", "result"): 12,
        ("paint", "control"): 24,
        ("paint", "pixel"): 24,
        ("turn", "target"): 6,
        ("turn", "rerender"): 6,
        ("turn", "null"): 4,
        ("turn", "series"): 12,
        ("turn", "result"): 6,
        ("turn", "control"): 18,
    }


def test_no_two_images_share_a_name_or_their_noise(records):
    made = everything(records)
    assert len({each.id for each in made}) == len(made)
    assert len({each.radiance_sha256 for each in made}) == len(made)


def test_files_are_what_the_records_say(records):
    for folder, group in records.items():
        for each in group[::5]:
            assert file_sha256(folder / each.radiance_file) == each.radiance_sha256
            assert file_sha256(folder / each.display_file) == each.display_sha256
            scene = read_scene(folder / each.scene_file)
            assert scene.sha256 == each.scene
            radiance = read_picture(folder / each.radiance_file).pixels
            assert radiance.shape == (each.height, each.width, 3)
            shown = read_picture(folder / each.display_file, encoding="linear").pixels
            # float16 and 8 bits: within one step of the display.
            assert np.abs(encode(radiance, scene.film) - shown).max() < 1.5 / 255
            clipped = (radiance * each.exposure > 1).any(axis=2).mean()
            assert each.clipped == pytest.approx(clipped, abs=0.02)


def test_exposure_is_one_for_a_family_under_a_light(records):
    found = {}
    for each in everything(records):
        found.setdefault((each.family, each.light), set()).add(each.exposure)
    assert {len(values) for values in found.values()} == {1}
    assert found["ball-paint", "own"] != found["ball-paint", "dusk"]


def test_distances_of_records_are_those_of_their_scenes(records, rng):
    for folder, group in records.items():
        for each in {record.scene: record for record in group if record.light == "own"}.values():
            if each.role == "null":
                continue
            (run_target,) = {r.scene for r in everything(records) if _is_target(r, each)}
            family = image_directory.of_family(_runs(folder), each.family).path
            target = read_scene(family / "scenes" / f"{run_target[:16]}.json")
            scene = read_scene(folder / each.scene_file)
            found = scene_difference(target, scene, [each.attribute], rng)
            figure = found[each.attribute][DISTANCE[each.attribute]]
            assert each.physical_distance == pytest.approx(figure, rel=1e-6, abs=1e-9)
            assert getattr(each, f"distance_{each.attribute}") == each.physical_distance


def _is_target(record, other):
    return record.role == "target" and record.family == other.family and record.light == "own"


def _runs(folder):
    return next(parent for parent in folder.parents if parent.name == "runs")


def test_controls_lie_as_far_as_the_series(records):
    for group in records.values():
        series = {r.level_index: r for r in group if r.role in ("series", "result")}
        controls = {r.level_index: r for r in group if r.role == "control"}
        for index, control in controls.items():
            matched = series[index]
            assert control.level == matched.level
            assert control.physical_distance == pytest.approx(matched.physical_distance, rel=0.01)
            assert control.verdict is None


def test_an_interpolation_ends_at_the_result(study):
    run = resolve_all(study)[0]
    _, made = make(run, study)
    result = read_scene(study.runs / run.name / "result" / "scene.json")
    last = next(each for each in made if each.role == "result" and each.light == "own")
    assert (last.level, last.level_index, last.scene) == (1.0, 2, result.sha256)
    assert {each.level for each in made if each.role == "series"} == {0.5}


def test_a_trajectory_grows_in_distance_from_the_result_backward(study):
    run = resolve_all(study)[2]
    _, made = make(run, study)
    rows = sorted({(r.level_index, r.level, r.physical_distance, r.step)
                   for r in made if r.role != "control"})  # fmt: skip
    _, level, distance, step = zip(*rows, strict=True)
    assert step[0] == 9
    assert list(step) == sorted(step, reverse=True)
    assert (np.diff(distance) > 0).all()
    np.testing.assert_allclose(level, np.divide(distance, distance[-1]))


def test_a_trajectory_has_no_state_from_after_its_result_was_found(study, tmp_path):
    run = resolve_all(study)[2]
    directory = RunDirectory(tmp_path / run.name)
    shutil.copytree(study.runs / run.name, directory.path)
    shutil.rmtree(directory.path / "series")
    last = read_state(directory.state_path(9))
    assert last.header["best_step"] is None
    assert run_levels(run, directory, run.series.config)[0].step == 9
    stopped = SearchState(9, last.arrays, last.header | {"best_step": 5})
    write_state(stopped, directory.state_path(9))
    shutil.rmtree(directory.path / "series")
    # Two levels there are always: the result, and the start, which is farthest.
    two = run.series.config.model_copy(update={"levels": 2})
    made = run_levels(run, directory, two)
    steps = [each.step for each in made if each.role != "control"]
    assert steps[0] == 5
    assert max(steps[1:]) < 5


def test_the_noise_floor_is_that_of_the_images(study, records):
    folder = image_directory.of_family(study.runs, "ball-paint").path
    floor = json.loads((folder / "noise_floor.json").read_text())
    by_place = {(r.role, r.camera, r.light, r.noise_seed): r for r in records[folder]}
    squares = []
    for seed in range(3):
        pair = [by_place[role, "c0", "dusk", seed] for role in ("target", "rerender")]
        assert pair[0].scene == pair[1].scene
        film = read_scene(folder / pair[0].scene_file).film
        shown = [encode(read_picture(folder / r.radiance_file).pixels, film) for r in pair]
        squares.append(np.mean((shown[0] - shown[1]) ** 2))
    (view,) = [v for v in floor["views"] if (v["camera"], v["light"]) == ("c0", "dusk")]
    assert view["rms_display"] == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-6)
    assert 0 < floor["rms_display"] < 0.2


# ---- Again --------------------------------------------------------------------------------------


def stamps(folder, pattern="*.exr"):
    return {path: path.stat().st_mtime_ns for path in folder.glob(f"*/{pattern}")}


def test_only_what_is_missing_or_damaged_is_rendered_again(study):
    run = resolve_all(study)[1]
    folder, before = make(run, study)
    old = stamps(folder, "c?_own_?.exr") | stamps(folder, "h?_own_?.exr")
    gone, damaged = folder / before[0].radiance_file, folder / before[1].display_file
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-1])
    _, after = make(run, study)
    assert [each.id for each in after] == [each.id for each in before]
    assert file_sha256(damaged) == after[1].display_sha256
    new = stamps(folder, "c?_own_?.exr") | stamps(folder, "h?_own_?.exr")
    assert {path for path in new if new[path] != old.get(path)} == {
        gone,
        folder / before[1].radiance_file,
    }


def due(study, by_hash=False):
    return [job.name for job in study_runs.image_jobs(resolve_all(study), study.runs, by_hash)]


@pytest.mark.parametrize("kind", ["radiance_file", "display_file"])
@pytest.mark.parametrize("cut", [None, 50], ids=["gone", "cut"])
def test_a_finished_image_that_is_gone_or_cut_is_due_again(study, kind, cut):
    run = resolve_all(study)[1]
    folder, before = make(run, study)
    directory = image_directory.of_run(study.runs, run.name)
    assert (directory.status(), directory.count(), due(study)) == ("done", len(before), [])
    path = folder / getattr(before[3], kind)
    whole = path.read_bytes()
    path.unlink()
    if cut is not None:
        path.write_bytes(whole[:cut])
    assert directory.status() == "interrupted"
    assert directory.count() == len(before) - 1
    assert due(study) == [f"{run.name}/series"]
    make(run, study)
    assert path.read_bytes() == whole
    assert (directory.status(), directory.count(), due(study)) == ("done", len(before), [])


@pytest.mark.parametrize("name", ["records.csv", "records.json", "levels.json", "files.json"])
def test_a_finished_table_that_is_gone_is_due_again(study, name):
    run = resolve_all(study)[1]
    folder, before = make(run, study)
    old = stamps(folder)
    (folder / name).unlink()
    assert due(study) == [f"{run.name}/series"]
    _, after = make(run, study)
    assert due(study) == []
    assert (folder / name).is_file()
    assert [each.id for each in after] == [each.id for each in before]
    if name != "records.csv":  # without it nothing is known of the images
        assert stamps(folder) == old


def test_a_damaged_scene_of_finished_images_is_made_again(study):
    run = resolve_all(study)[2]
    folder, made = make(run, study)
    scene = folder / made[0].scene_file
    before = scene.read_bytes()
    scene.write_bytes(before[:40])
    assert due(study) == [f"{run.name}/series"]
    make(run, study)
    assert scene.read_bytes() == before
    for each in made:
        assert read_scene(folder / each.scene_file).sha256 == each.scene
    assert due(study, by_hash=True) == []


def test_an_altered_byte_of_a_finished_image_is_found_by_its_hash(study):
    run = resolve_all(study)[1]
    folder, before = make(run, study)
    path = folder / before[2].radiance_file
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert due(study) == []  # of the same size
    assert due(study, by_hash=True) == [f"{run.name}/series"]
    make(run, study)
    assert path.read_bytes() == whole
    assert due(study, by_hash=True) == []


def test_a_stopped_render_goes_on_at_the_next_image(study, monkeypatch):
    run = resolve_all(study)[1]
    folder = image_directory.of_run(study.runs, run.name).path
    _, before = make(run, study)
    (folder / "records.csv").unlink()
    journal = "\n".join(each.model_dump_json() for each in before[:5])
    (folder / "images.jsonl").write_text(f'{journal}\n{{"id": "torn')
    old = stamps(folder)
    _, after = make(run, study)
    assert len(after) == len(before)
    assert not (folder / "images.jsonl").exists()
    new = stamps(folder)
    assert {path for path in new if new[path] == old[path]} == {
        folder / each.radiance_file for each in before[:5]
    }


def changed(study, old, new):
    return read_study(write_text(study.folder / "changed", STUDY, (old, new)))


def test_another_series_is_another_request_of_the_same_search(study):
    run = resolve_all(study)[1]
    other = resolve_all(changed(study, "levels: 2, samples: 16", "levels: 3, samples: 16"))[1]
    assert other.name == run.name
    assert image_plan.count_of_run(other) == image_plan.count_of_run(run) * 3 // 2
    directory = image_directory.of_run(study.runs, run.name)
    assert directory.is_done(image_plan.inputs_of_run(run))
    assert not directory.is_done(image_plan.inputs_of_run(other))
    family = image_directory.of_family(study.runs, run.spec.family)
    assert family.is_done(image_plan.inputs_of_family(other))  # it has no levels


def test_more_noise_seeds_keep_existing_images_and_fewer_drop_them(study):
    run = resolve_all(study)[1]
    folder, before = make(run, study)
    old = stamps(folder)
    more = resolve_all(changed(study, "cameras: [c0, h0]", "cameras: [c0, h0], noise_seeds: 4"))[1]
    _, made = make(more, study)
    assert len(made) == len(before) * 4 // 3
    assert {path: time for path, time in stamps(folder).items() if path in old} == old
    _, again = make(run, study)
    assert [each.id for each in again] == [each.id for each in before]
    assert stamps(folder) == old


def test_another_floor_is_another_verdict_on_the_same_result(study, tmp_path):
    strict = shutil.copytree(study.folder, tmp_path / "strict")
    place = "    criterion: {null: 2, ceiling: 2}\n    series: {lights:"
    floor = place.replace("ceiling: 2", "ceiling: 2, floor: 0.0")
    described = read_study(write_text(strict, STUDY, (place, floor)))
    before, run = resolve_all(study)[0], resolve_all(described)[0]
    assert (run.name, study_runs.is_searched(run, described.runs)) == (before.name, False)
    directory = RunDirectory(described.runs / run.name)
    first, steps = directory.judgement(), directory.history()
    states = {each: each.stat().st_mtime_ns for each in directory.path.glob("states/*")}
    judged = one_run.make(run, described.runs, "cpu", Silent())
    assert (first["training"]["floor"], judged["training"]["floor"]) == (0.9, 0.0)
    assert judged["result"] == first["result"]
    assert judged["training"]["match"] == pytest.approx(first["training"]["match"], abs=1e-3)
    assert directory.history() == steps  # no step was made
    assert {each: each.stat().st_mtime_ns for each in directory.path.glob("states/*")} == states
    # The images stay, their records tell the new verdict.
    folder = image_directory.of_run(described.runs, run.name).path
    old = stamps(folder)
    assert [job.name for job in study_runs.image_jobs([run], described.runs)] == [
        f"{run.name}/series"
    ]
    directory.write_json("criterion.json", judged | {"verdict": "metamer"})
    _, made = make(run, described)
    assert stamps(folder) == old
    assert {each.verdict for each in made if each.role == "result"} == {"metamer"}


def test_lights_of_a_family_are_found_the_same_by_every_run(study):
    first, pixel = resolve_all(study)[:2]
    targets = [
        {name: scene.sha256 for name, scene in lit_targets(run).items()} for run in (first, pixel)
    ]
    assert targets[0] == targets[1]
    assert set(targets[0]) == {"own", "dusk"}


def test_a_series_that_the_search_cannot_give_fails_in_one_line(study):
    run = resolve_all(changed(study, "levels: 3}", "levels: 60}"))[2]
    with pytest.raises(InputError, match=r"strictly growing physical distance .* 60 levels"):
        make(run, study)
    directory = image_directory.of_run(study.runs, run.name)
    assert directory.status() == "failed"
    assert RunDirectory(study.runs / run.name).status() == "done"
