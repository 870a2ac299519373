"""Steps of a study killed with SIGKILL at random moments: repeating the command ends the same.

A step is killed repeatedly in one folder, at random moments of the time that it takes undisturbed;
then it runs to its end. A step that ends before its moment starts again. Three steps are killed
once each; in the full run, every step 20 times and ``mrd run`` 5 times. ``MRD_KILLS`` sets another
number. Sessions are in test_killed_sessions.py.
Sets and tables must be equal byte for byte, searches within the tolerance of a repetition, and
renders to the last digit of their files, since the order of sums changes. No extra file may be
left.
"""

import os
import shutil
import signal
import subprocess
import sys
import time

import h5py
import imageio.v3 as imageio
import numpy as np
import pandas as pd
import pytest

from mrd.study.study import read_study
from scenes.pictures.files import read_picture
from tests import simulated_study
from tests.conftest import kills_asked
from tests.end_to_end.tiny import check_searched_alike, generate, run_directories, study_in
from tests.paths import ROOT
from tests.small_runs import write_study_runs
from tests.small_set import write_small_set

COMMAND = [sys.executable, "-c", "from mrd.cli.main import run; run()"]
LONGEST = 400  # seconds

STUDY = """
name: small
targets:
  vase: {shape: {kind: sphere}}
models:
  net: {network: pixels}
searches:
  material: {attributes: [material]}
  shape: {attributes: [shape]}
series: {kind: trajectory, levels: 2}
stimuli: {accept: all}
"""
SIMULATED = """
name: simulated
targets: {bunny: {scene: bunny}}
models: {shapely: {network: pixels}}
searches: {shape: {attributes: [shape]}}
analysis: {overdispersion: false, draws: 100}
"""
SERIES = """
series: {levels: 2, samples: 16, cameras: [c0]}
stimuli: {accept: all, most_clipped: 1.0}
experiment:
  cameras: all
  procedure: {kind: constant_stimuli, trials: 3}
  catch: 2
  practice: {trials: 0}
analysis: {overdispersion: false, draws: 100}
"""


# ---- Studies before a step ---------------------------------------------------------------------


def with_runs(folder):
    """Write a study with finished runs and no stimulus set."""
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    write_study_runs(read_study(folder))


def with_a_set(folder):
    """Write a study whose set has no embeddings."""
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    write_small_set(folder / "stimuli.h5", models={})


def with_sessions(folder):
    """Write a study with sessions."""
    folder.mkdir()
    (folder / "study.yaml").write_text(SIMULATED, encoding="utf-8")
    simulated_study.write(folder)
    simulated_study.answer(folder, 2, trials=4)


def with_nothing(folder):
    """Write a study with a search to do."""
    study_in(folder, steps=30, save_every=7)


def with_a_search(folder):
    """Write a study whose search is finished and whose images are not rendered."""
    done = generate(study_in(folder))
    assert done.returncode == 0, done.stderr
    with (folder / "study.yaml").open("a", encoding="utf-8") as file:
        file.write(SERIES)


# ---- Comparisons --------------------------------------------------------------------------------


def same_set(killed, undisturbed):
    """Check that two sets are equal, byte for byte, except for their time."""
    found, expected = set_content(killed), set_content(undisturbed)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def set_content(folder):
    """Return every dataset as bytes, and the content hash."""
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            values = item[()]
            numbers = isinstance(values, np.ndarray | np.generic) and values.dtype != object
            found[name] = values.tobytes() if numbers else np.ravel(values).tolist()

    with h5py.File(folder / "stimuli.h5") as file:
        file.visititems(keep)
        found["content_hash"] = file.attrs["content_hash"]
    return found


def same_report(killed, undisturbed):
    """Check that all tables and figures are equal, byte for byte."""
    found, expected = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in (folder / "report").rglob("*")
            if path.suffix in (".csv", ".png", ".svg")
        }
        for folder in (killed, undisturbed)
    )
    assert found.keys() == expected.keys()
    assert [str(name) for name in expected if found[name] != expected[name]] == []


def same_search(killed, undisturbed):
    """Check that searches agree within the tolerance of a repetition."""
    for directory, twin in zip(*map(run_directories, (killed, undisturbed)), strict=True):
        assert directory.status() == "done"
        check_searched_alike(directory, twin)


def same_images(killed, undisturbed):
    """Check that images agree to a digit of half precision, and that their records agree."""
    pictures = sorted((undisturbed / "runs").rglob("series/**/*.exr"))
    assert pictures
    for path in pictures:
        twin = killed / path.relative_to(undisturbed)
        np.testing.assert_allclose(
            read_picture(twin).pixels, read_picture(path).pixels, rtol=2**-9, atol=2**-20
        )
        shown, other = (imageio.imread(each.with_suffix(".png")) for each in (path, twin))
        assert np.abs(shown.astype(int) - other).max() <= 1
    for path in sorted((undisturbed / "runs").rglob("series/records.csv")):
        found, expected = (
            pd.read_csv(each).drop(columns=["radiance_sha256", "display_sha256"])
            for each in (killed / path.relative_to(undisturbed), path)
        )
        pd.testing.assert_frame_equal(found, expected, rtol=1e-4, atol=1e-3)


def same_study(killed, undisturbed):
    """Check images and the report's tables, except for the hashes of sessions and set."""
    same_images(killed, undisturbed)
    tables = [sorted((folder / "report" / "tables").iterdir()) for folder in (killed, undisturbed)]
    assert [path.name for path in tables[0]] == [path.name for path in tables[1]]
    for paths in zip(*tables, strict=True):
        found, expected = (
            pd.read_csv(path).drop(columns=["data_sha256", "stimuli"]) for path in paths
        )
        pd.testing.assert_frame_equal(found, expected, rtol=1e-3)


# ---- Kills --------------------------------------------------------------------------------------


def started(folder, words):
    """Start a step in a new process group, so that its children are killed with it."""
    return subprocess.Popen(
        [*COMMAND, *words, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finished(folder, words):
    """Run a step to its end; return its duration in seconds."""
    begun = time.monotonic()
    process = started(folder, words)
    said, _ = process.communicate(timeout=LONGEST)
    assert process.returncode == 0, said
    return time.monotonic() - begun


def was_killed(folder, words, moment):
    """Kill a step after `moment` seconds; return whether it was still running."""
    process = started(folder, words)
    try:
        said, _ = process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, said
    return False


def names(folder):
    """Return the names of all files and folders."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("write", "words", "check_same"),
    [
        pytest.param(with_nothing, ("generate",), same_search, id="search", marks=pytest.mark.full),
        pytest.param(with_a_search, ("generate",), same_images, id="images"),
        pytest.param(with_runs, ("stimuli", "build"), same_set, id="build"),
        pytest.param(with_a_set, ("embed",), same_set, id="embed", marks=pytest.mark.full),
        pytest.param(with_sessions, ("analyse", "--simulated"), same_report, id="analyse"),
        pytest.param(
            with_a_search,
            ("run", "--observers", "3"),
            same_study,
            id="run",
            marks=pytest.mark.full,
        ),
    ],
)
def test_a_killed_step_ends_like_an_undisturbed_one(write, words, check_same, kills, tmp_path, rng):
    fresh, undisturbed, killed = (tmp_path / name for name in ("fresh", "undisturbed", "killed"))
    write(fresh)
    shutil.copytree(fresh, undisturbed)
    takes = finished(undisturbed, words)
    shutil.copytree(fresh, killed)
    left = kills(1, 5 if words[0] == "run" else 20)
    while left:
        moment = rng.uniform(0, takes)
        if was_killed(killed, words, moment):
            left -= 1
            print(f"killed after {moment:.2f} s of {takes:.2f} s")
        else:
            check_same(killed, undisturbed)
            shutil.rmtree(killed)
            shutil.copytree(fresh, killed)
    finished(killed, words)
    check_same(killed, undisturbed)
    assert names(killed) == names(undisturbed)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "²", "9" * 7])
def test_an_invalid_number_of_kills_is_refused(text):
    with pytest.raises(pytest.UsageError, match=f"^MRD_KILLS={text}: use a whole number from 1"):
        kills_asked(text)
