"""``mrd generate`` as a user starts it: files, second calls, damage, errors."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from mrd.study.checkpoint import read_state
from mrd.study.study import read_study
from mrd.workflow.standings import overview
from scenes.pictures.files import read_picture
from scenes.scene_files import read_scene
from stimuli.intake import read_records
from tests.end_to_end.tiny import contents, generate, rows, run_directories, study_in

SERIES = """series: {levels: 1, samples: 16, cameras: [c0]}
searches:"""


@dataclass(frozen=True)
class Carried:
    """A study of two searches with images, run by two workers, and the output of the commands."""

    folder: Path
    before: CompletedProcess
    left_by_looking: list[str]
    done: CompletedProcess

    @property
    def material(self):
        """Run directory of the material search."""
        return run_directories(self.folder)[0]


@pytest.fixture(scope="module")
def carried(tmp_path_factory):
    """Return a study after a dry run, then after its searches and images; do not change it."""
    folder = tmp_path_factory.mktemp("images") / "tiny"
    study_in(folder, 6, 2, attributes=("material", "lighting"))
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text.replace("searches:", SERIES, 1))
    before = generate(folder, "--dry-run", "--workers", "2")
    left = [path.name for path in folder.iterdir()]
    return Carried(folder, before, left, generate(folder, "--workers", "2"))


# ---- A finished study ---------------------------------------------------------------------------


def test_a_dry_run_counts_the_work_and_writes_nothing(carried):
    assert carried.before.returncode == 0, carried.before.stderr
    assert "pending" in carried.before.stdout
    # For each search: target and re-render at 3 noise seeds and 2 nulls; 1 level of series and
    # control at 3.
    assert "2 of 2 searches and 28 of 28 images to do: about" in carried.before.stdout
    assert carried.left_by_looking == ["study.yaml"]


def test_two_workers_run_searches_and_render_images(carried):
    assert carried.done.returncode == 0, carried.done.stderr
    assert carried.done.stderr == ""
    runs = run_directories(carried.folder)
    for directory in runs:
        assert directory.status() == "done"
        assert f"{directory.name}: step 6/6" in carried.done.stdout  # lines name their run
        images = read_records(directory.path / "series" / "records.csv")
        assert len(images) == 6
    processes = {run.record()["sessions"][-1]["pid"] for run in runs}
    assert len(processes) == 2
    began, ended = zip(
        *((r.record()["started"], r.record()["finished"]) for r in runs), strict=True
    )
    assert max(began) <= min(ended)  # at once
    for family in ("ball-material", "ball-lighting"):
        assert len(read_records(carried.folder / "runs" / "families" / family / "records.csv")) == 8


def test_a_run_directory_holds_what_the_design_says(carried):
    directory = carried.material
    path = directory.path
    for name in ("run.json", "history.csv", "criterion.json", "preview.png", "turntable.mp4"):
        assert (path / name).stat().st_size > 0, name
    assert [int(row["step"]) for row in rows(directory)] == [1, 2, 3, 4, 5, 6]
    for row in rows(directory):
        assert set(row) >= {"step", "seconds", "loss", "s", "match"}
        assert np.isfinite([float(value) for value in row.values()]).all()
    assert [read_state(directory.state_path(n)).step for n in (4, 6)] == [4, 6]
    for scene in ("target", "start", "result"):
        read_scene(path / scene / "scene.json")  # verifies its hash
        for camera in ("c0", "c1", "h0"):
            picture = read_picture(path / "renders" / f"{scene}_{camera}.exr")
            assert picture.pixels.shape == (32, 32, 3)
            shown = read_picture(path / "renders" / f"{scene}_{camera}.png")
            assert shown.pixels.max() > 0.1
    assert not list(path.rglob("*.part*"))


def test_the_record_says_what_was_done(carried):
    directory = carried.material
    record = directory.record()
    assert record["status"] == "done"
    assert record["resolved"]["seeds"] == {"study": 3, "run": 1}
    (session,) = record["sessions"]
    assert session["versions"]["mitsuba"]
    assert session["hardware"]["processors"] >= 1


def test_the_verdict_is_complete(carried):
    directory = carried.material
    judgement = directory.read_json("criterion.json")
    assert judgement["verdict"] in ("metamer", "result")
    assert [entry["camera"] for entry in judgement["training"]["cameras"]] == ["c0", "c1"]
    assert [entry["camera"] for entry in judgement["held_out"]["cameras"]] == ["h0"]
    assert judgement["training"]["p_bound"] == pytest.approx(1 / 3)
    assert judgement["training"]["label_rule"] == "not applicable"
    (attribute,) = judgement["physical_difference"]
    assert attribute in directory.name
    assert judgement["target"] == read_scene(directory.path / "target" / "scene.json").sha256
    assert judgement["result"] == read_scene(directory.path / "result" / "scene.json").sha256
    assert judgement["warnings"] == []
    json.dumps(judgement, allow_nan=False)


def test_a_search_that_folds_its_mesh_says_so_in_its_output_score_and_status(tmp_path):
    folder = study_in(tmp_path / "tiny", 3, 2, attributes=("shape",))
    text = (folder / "study.yaml").read_text()
    wild = text.replace("steps: 3", "steps: 3\n    learning_rate: {shape: 5}")
    (folder / "study.yaml").write_text(wild)
    done = generate(folder)
    assert done.returncode == 0, done.stderr
    (directory,) = run_directories(folder)
    warnings = directory.read_json("criterion.json")["warnings"]
    assert warnings[-1].startswith("the mesh intersects itself (")
    (standing,) = overview(read_study(folder))
    assert standing.warnings == tuple(warnings)
    for each in warnings:
        assert f"result: {each}" in done.stdout
        assert f"{directory.name}: warning: {each}" in done.stdout  # at the end of the command


def test_only_what_was_searched_differs(carried):
    directory = carried.material
    scenes = [
        read_scene(directory.path / name / "scene.json") for name in ("target", "start", "result")
    ]
    for part in ("shape", "material", "pose", "lighting", "cameras", "film"):
        same = all(getattr(scene, part) == getattr(scenes[0], part) for scene in scenes)
        assert same == (part != "material"), part


# ---- A second call -------------------------------------------------------------------------------


def test_a_second_call_makes_no_search_and_no_image(carried, mrd):
    before = contents(carried.folder)
    code, out, err = mrd("generate", carried.folder, "--workers", "2")
    assert (code, err) == (0, "")
    assert "step" not in out.replace("steps", "")
    assert contents(carried.folder) == before
    _, looked, _ = mrd("generate", carried.folder, "--dry-run")
    assert "0 of 2 searches and 0 of 28 images" in looked


def test_a_second_call_repairs_finished_images(carried, tmp_path):
    folder = shutil.copytree(carried.folder, tmp_path / "tiny")
    directory, _ = run_directories(folder)
    family = folder / "runs" / "families" / "ball-material"
    before = {path: path.read_bytes() for path in (folder / "runs").glob("**/*_own_*.*")}
    gone = next((directory.path / "series").glob("result-001/*.png"))
    cut, altered = sorted(family.glob("target/*.exr"))[:2]
    gone.unlink()
    cut.write_bytes(before[cut][:50])
    altered.write_bytes(before[altered][:-1] + b"?")
    done = generate(folder, "--verify")
    assert done.returncode == 0, done.stderr
    rendered_again = {path for path in before if path.read_bytes() != before[path]}
    assert rendered_again <= {gone, gone.with_suffix(".exr"), cut, altered} | {
        each.with_suffix(".png") for each in (cut, altered)
    }
    original = {path: carried.folder / path.relative_to(folder) for path in rendered_again}
    for path, twin in original.items():  # renders repeat to the last digit of their files
        found, expected = read_picture(path).pixels, read_picture(twin).pixels
        np.testing.assert_allclose(found, expected, rtol=0.02, atol=1e-3)


# ---- Failures -----------------------------------------------------------------------------------


def test_a_failed_run_is_reported_and_the_others_finish(tmp_path):
    folder = study_in(tmp_path / "tiny", 1, 1, attributes=("material", "lighting"))
    blocked, other = run_directories(folder)
    blocked.path.mkdir(parents=True)
    (blocked.path / "target").write_text("a file where a folder is to be")
    done = generate(folder)
    assert done.returncode == 2
    assert str(blocked.path / "target") in done.stdout.replace("\n", "").replace(" ", "")
    assert "Traceback" not in done.stdout + done.stderr
    assert (blocked.status(), other.status()) == ("failed", "done")


def test_a_damaged_run_is_repaired_or_reported_and_stops_no_other(carried, tmp_path, mrd):
    folder = shutil.copytree(carried.folder, tmp_path / "tiny")
    study_in(folder, 6, 2, attributes=("material", "lighting"))  # without images
    lost, damaged = run_directories(folder)
    states = lost.state_path(6).read_bytes()
    judgement = lost.judgement()
    (lost.path / "criterion.json").unlink()
    (damaged.path / "run.json").write_text("{")
    _, shown, _ = mrd("generate", folder, "--dry-run")
    assert f"{lost.path / 'criterion.json'}: missing or damaged; generate makes it again" in shown
    done = generate(folder)
    assert (done.returncode, done.stderr) == (2, "")
    assert f"{damaged.path / 'run.json'}: cannot be read" in done.stdout
    assert "move the folder away to run it again" in done.stdout
    assert lost.status() == "done"
    again = lost.judgement()
    assert (again["result"], again["verdict"]) == (judgement["result"], judgement["verdict"])
    assert again["training"]["match"] == pytest.approx(judgement["training"]["match"], abs=1e-6)
    assert lost.state_path(6).read_bytes() == states  # scored, not searched again
    assert (damaged.path / "run.json").read_text() == "{"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "network: pixels",
            "network: efficientnet_lite0, layers: [blocks_15]",
            r"models\.eye: .*no layer 'blocks_15'",
        ),
        ("network: pixels", "network: efficientnet_lite", r"did you mean 'efficientnet_lite[012]'"),
        ("roughness: 0.6", "roughness: 1.6", r"roughness.*1\.6.*0 to 1"),
        ("{kind: sphere, subdivisions: 2}", "{kind: mesh, surface: gone.ply}", r"gone\.ply"),
        ("attribute", "attribut", r"did you mean 'attributes'"),
    ],
    ids=["layer", "network", "range", "mesh", "key"],
)
def test_bad_input_is_refused_before_anything_is_rendered(tmp_path, mrd, old, new, expected):
    folder = study_in(tmp_path / "tiny")
    text = (folder / "study.yaml").read_text()
    assert old in text
    (folder / "study.yaml").write_text(text.replace(old, new, 1))
    code, out, err = mrd("generate", folder)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert re.search(expected, line), line
    assert [path.name for path in folder.iterdir()] == ["study.yaml"]


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_rendered(tmp_path, mrd):
    folder = study_in(tmp_path / "tiny")
    (folder / "runs").write_text("a file where a folder is to be")
    code, _, err = mrd("generate", folder)
    assert code == 2
    (line,) = err.splitlines()
    assert str(folder / "runs") in line
    assert sorted(path.name for path in folder.iterdir()) == ["runs", "study.yaml"]
