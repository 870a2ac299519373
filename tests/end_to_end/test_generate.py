"""``mrd generate`` from the outside: files, repeating, kill −9, damage, refusals."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mrd.run import RunDirectory
from mrd.state import read_state
from mrd.study import read_study, resolve_all
from scenes.picture_files import read_picture
from scenes.scene import read_scene
from stimuli.intake import read_records

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from mrd.cli.main import run; run()", "generate"]

STUDY = """
name: tiny
seed: 3
targets:
  ball:
    shape: {{kind: sphere, subdivisions: 2}}
    material: {{base_color: [0.7, 0.3, 0.4], roughness: 0.6}}
    cameras: {{kind: ring, count: 2, held_out: 1, resolution: 32}}
models:
  eye: {{network: pixels}}
searches:
{searches}
"""
SEARCH = """
  {name}:
    attributes: [{attribute}]
    steps: {steps}
    save_every: {save_every}
    samples: {{primal: 4, score: 16}}
    criterion: {{null: 2, ceiling: 2}}
"""


def study_in(folder, steps=6, save_every=2, attributes=("material",)):
    searches = "".join(
        SEARCH.format(name=name, attribute=name, steps=steps, save_every=save_every)
        for name in attributes
    )
    folder.mkdir(exist_ok=True)
    (folder / "study.yaml").write_text(STUDY.format(searches=searches), encoding="utf-8")
    return folder


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::RuntimeWarning"}


def generate(folder, *options):
    return subprocess.run(
        [*COMMAND, str(folder), *options],
        env=environment(),
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def run_directories(folder):
    return [RunDirectory(folder / "runs" / run.name) for run in resolve_all(read_study(folder))]


def rows(directory):
    path = directory.path / "history.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["match"] is not None]


def contents(folder):
    """Every file of a folder with what it holds and when it was written."""
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Give a study that was carried out, and what the program said."""
    folder = study_in(tmp_path_factory.mktemp("study") / "tiny", attributes=("shape",))
    return folder, generate(folder)


# ---- A study carried out ------------------------------------------------------------------------


def test_a_study_is_carried_out(finished):
    folder, done = finished
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (directory,) = run_directories(folder)
    assert directory.status() == "done"
    assert directory.name in done.stdout
    assert "step 6/6" in done.stdout


def test_a_run_directory_holds_what_the_design_says(finished):
    folder, _ = finished
    (directory,) = run_directories(folder)
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


def test_the_record_says_what_was_done(finished):
    folder, _ = finished
    (directory,) = run_directories(folder)
    record = directory.record()
    assert record["status"] == "done"
    assert record["resolved"]["seeds"] == {"study": 3, "run": 1}
    (session,) = record["sessions"]
    assert session["versions"]["mitsuba"]
    assert session["hardware"]["processors"] >= 1


def test_the_verdict_is_complete(finished):
    folder, _ = finished
    (directory,) = run_directories(folder)
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
    json.dumps(judgement, allow_nan=False)


def test_only_what_was_searched_differs(finished):
    folder, _ = finished
    (directory,) = run_directories(folder)
    scenes = [
        read_scene(directory.path / name / "scene.json") for name in ("target", "start", "result")
    ]
    for part in ("shape", "material", "pose", "lighting", "cameras", "film"):
        same = all(getattr(scene, part) == getattr(scenes[0], part) for scene in scenes)
        assert same == (part != "shape"), part


def test_a_second_call_does_nothing(finished):
    folder, _ = finished
    before = contents(folder)
    done = generate(folder)
    assert done.returncode == 0, done.stderr
    assert "step" not in done.stdout.replace("steps", "")
    assert contents(folder) == before


def test_looking_before_leaping_writes_nothing(tmp_path):
    folder = study_in(tmp_path / "tiny")
    done = generate(folder, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "pending" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["study.yaml"]


# ---- Killed -------------------------------------------------------------------------------------

STEPS, SAVE_EVERY = 60, 7


def started(folder, until):
    """Start in a process group of its own, and wait until a run has so many rows."""
    process = subprocess.Popen(
        [*COMMAND, str(folder)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    (directory,) = run_directories(folder)
    for _ in range(9000):
        if len(rows(directory)) >= until or process.poll() is not None:
            break
        time.sleep(0.01)
    return process, directory


def killed(process, directory):
    """Kill a search and all that belongs to it; returns its rows and states, and what was said."""
    os.killpg(process.pid, signal.SIGKILL)
    said, _ = process.communicate()
    made, states = len(rows(directory)), directory.state_steps()
    assert directory.status() == "interrupted"
    assert made < STEPS
    # What is lost are the steps since the newest state.
    assert 0 <= made - states[-1] <= SAVE_EVERY
    return made, states, said.replace("\n", "")


def test_a_killed_search_goes_on_from_its_newest_whole_state(tmp_path):
    folder = study_in(tmp_path / "tiny", STEPS, SAVE_EVERY)
    _, states, _ = killed(*started(folder, until=SAVE_EVERY + 2))

    made, more_states, said = killed(*started(folder, until=3 * SAVE_EVERY + 2))
    assert f"going on from step {states[-1]}" in said
    assert made > 3 * SAVE_EVERY

    (directory,) = run_directories(folder)
    newest = directory.state_path(more_states[-1])
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    newest.write_bytes(content)
    done = generate(folder)
    assert done.returncode == 0, done.stderr
    assert f"{newest} is damaged" in done.stdout.replace("\n", "")
    assert f"going on from step {more_states[-2]}" in done.stdout
    assert [int(row["step"]) for row in rows(directory)] == list(range(1, STEPS + 1))
    assert directory.status() == "done"
    assert len(directory.record()["sessions"]) == 3
    _ends_like_an_uninterrupted_one(directory, tmp_path / "twin")


def _ends_like_an_uninterrupted_one(directory, folder):
    assert generate(study_in(folder, STEPS, SAVE_EVERY)).returncode == 0
    (twin,) = run_directories(folder)
    assert len(twin.record()["sessions"]) == 1
    # Renders repeat to about 1e-6, and 60 steps kept losses within 3e-6 of each other; of the
    # material, 2 % of a step of Adam.
    losses = [[float(row["loss"]) for row in rows(each)] for each in (directory, twin)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    found, expected = (
        read_scene(each.path / "result" / "scene.json").material for each in (directory, twin)
    )
    for name in ("base_color", "roughness", "metallic"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=6e-4)
    matches = [each.read_json("criterion.json")["training"]["match"] for each in (directory, twin)]
    assert matches[0] == pytest.approx(matches[1], abs=1e-3)


def test_a_search_whose_command_was_killed_ends_too(tmp_path):
    folder = study_in(tmp_path / "tiny", 100_000, 50)
    process, directory = started(folder, until=3)
    process.kill()  # the command alone, not the process that searches
    process.communicate()
    for _ in range(1000):
        if directory.status() == "interrupted":
            break
        time.sleep(0.01)
    assert directory.status() == "interrupted"


# ---- Several at once, and images ----------------------------------------------------------------

SERIES = """series: {levels: 2, samples: 16, cameras: [c0]}
searches:"""


def with_series(folder):
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text.replace("searches:", SERIES, 1))
    return folder


def test_two_workers_make_searches_and_images_and_a_second_call_nothing(tmp_path):
    folder = with_series(study_in(tmp_path / "tiny", 4, 2, attributes=("material", "lighting")))
    # A series under constant light, for the lighting search starts from one.
    looked = generate(folder, "--dry-run", "--workers", "2")
    assert looked.returncode == 0, looked.stderr
    # For each search: target and re-render at 3 noise seeds and 2 nulls; 2 levels of series and
    # control at 3.
    assert "2 of 2 searches and 40 of 40 images to do: about" in looked.stdout
    assert [path.name for path in folder.iterdir()] == ["study.yaml"]

    done = generate(folder, "--workers", "2")
    assert done.returncode == 0, done.stderr
    runs = run_directories(folder)
    for directory in runs:
        assert directory.status() == "done"
        assert f"{directory.name}: step 4/4" in done.stdout  # lines name their run
        images = read_records(directory.path / "series" / "records.csv")
        assert len(images) == 12
    processes = {run.record()["sessions"][-1]["pid"] for run in runs}
    assert len(processes) == 2
    began, ended = zip(
        *((r.record()["started"], r.record()["finished"]) for r in runs), strict=True
    )
    assert max(began) <= min(ended)  # at once
    for family in ("ball-material", "ball-lighting"):
        assert len(read_records(folder / "runs" / "families" / family / "records.csv")) == 8

    before = contents(folder)
    again = generate(folder, "--workers", "2")
    assert again.returncode == 0, again.stderr
    assert contents(folder) == before
    assert "0 of 2 searches and 0 of 40 images" in generate(folder, "--dry-run").stdout


def test_a_second_call_mends_finished_images(tmp_path):
    folder = with_series(study_in(tmp_path / "tiny", 2, 2))
    assert generate(folder).returncode == 0
    (directory,) = run_directories(folder)
    family = folder / "runs" / "families" / "ball-material"
    before = {path: path.read_bytes() for path in (folder / "runs").glob("**/*_own_*.*")}
    gone = next((directory.path / "series").glob("result-002/*.png"))
    cut, altered = sorted(family.glob("target/*.exr"))[:2]
    gone.unlink()
    cut.write_bytes(before[cut][:50])
    done = generate(folder)
    assert done.returncode == 0, done.stderr
    altered.write_bytes(before[altered][:-1] + b"?")
    done = generate(folder, "--verify")
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in before} == before


def test_an_interrupt_ends_every_worker_and_leaves_what_can_go_on(tmp_path):
    folder = study_in(tmp_path / "tiny", 100_000, 50, attributes=("material", "lighting"))
    # Tests that were started in the background of a shell ignore interrupts, and hand that on.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    python, option, code, *arguments = COMMAND
    process = subprocess.Popen(
        [python, option, heeding + code, *arguments, str(folder), "--workers", "2"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        runs = run_directories(folder)
        for _ in range(9000):
            if all(rows(run) for run in runs) or process.poll() is not None:
                break
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert said.strip() == (
        "interrupted; what was finished is kept, and the same command goes on from there"
    )
    assert [run.status() for run in runs] == ["interrupted", "interrupted"]


# ---- Failures -----------------------------------------------------------------------------------


def test_one_run_that_dies_does_not_stop_the_others(tmp_path):
    folder = study_in(tmp_path / "tiny", 30, 10, attributes=("material", "lighting"))
    process = subprocess.Popen(
        [*COMMAND, str(folder)], env=environment(), stdout=subprocess.PIPE, text=True
    )
    first, second = run_directories(folder)
    for _ in range(9000):
        if len(rows(first)) >= 3 or process.poll() is not None:
            break
        time.sleep(0.01)
    os.kill(first.record()["sessions"][-1]["pid"], signal.SIGKILL)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "its process ended with signal 9" in output.replace("\n", " ")
    assert first.status() == "interrupted"
    assert second.status() == "done"


def test_what_the_user_can_mend_is_said_and_the_others_are_made(tmp_path):
    folder = study_in(tmp_path / "tiny", 2, 2, attributes=("material", "lighting"))
    blocked, other = run_directories(folder)
    blocked.path.mkdir(parents=True)
    (blocked.path / "target").write_text("a file where a folder is to be")
    done = generate(folder)
    assert done.returncode == 2
    assert str(blocked.path / "target") in done.stdout.replace("\n", "").replace(" ", "")
    assert "Traceback" not in done.stdout + done.stderr
    assert (blocked.status(), other.status()) == ("failed", "done")


def test_a_damaged_run_is_mended_or_told_and_stops_no_other(tmp_path):
    folder = study_in(tmp_path / "tiny", 4, 2, attributes=("material", "lighting"))
    assert generate(folder).returncode == 0
    lost, damaged = run_directories(folder)
    states = lost.state_path(4).read_bytes()
    judgement = lost.judgement()
    (lost.path / "criterion.json").unlink()
    (damaged.path / "run.json").write_text("{")
    shown = generate(folder, "--dry-run").stdout
    assert f"{lost.path / 'criterion.json'}: missing or damaged; generate makes it again" in shown
    done = generate(folder)
    assert (done.returncode, done.stderr) == (2, "")
    assert f"{damaged.path / 'run.json'}: cannot be read" in done.stdout
    assert "move the folder away to run it anew" in done.stdout
    assert lost.status() == "done"
    again = lost.judgement()
    assert (again["result"], again["verdict"]) == (judgement["result"], judgement["verdict"])
    assert again["training"]["match"] == pytest.approx(judgement["training"]["match"], abs=1e-6)
    assert lost.state_path(4).read_bytes() == states  # judged, not searched again
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
def test_bad_input_is_refused_before_anything_is_rendered(tmp_path, old, new, expected):
    folder = study_in(tmp_path / "tiny")
    text = (folder / "study.yaml").read_text()
    assert old in text
    (folder / "study.yaml").write_text(text.replace(old, new, 1))
    done = generate(folder)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert re.search(expected, line), line
    assert [path.name for path in folder.iterdir()] == ["study.yaml"]


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_rendered(tmp_path):
    folder = study_in(tmp_path / "tiny")
    (folder / "runs").write_text("a file where a folder is to be")
    done = generate(folder)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert str(folder / "runs") in line
    assert sorted(path.name for path in folder.iterdir()) == ["runs", "study.yaml"]
