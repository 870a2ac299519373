"""A full disk during ``mrd generate``: one line, no truncated file, and a later call resumes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from mrd.study import image_directory, image_plan
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all
from scenes.pictures.files import write_exr
from tests.paths import ROOT

# Limit the size of files in all processes.
LIMITED = """
import resource, sys
if limit := int(sys.argv.pop(1)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from mrd.cli.main import run
run()
"""

STUDY = """
name: tiny
seed: 3
targets:
  ball:
    shape: {kind: blob, seed: 2, subdivisions: 3}
    lighting: {kind: map, radiance: speckle.exr}
    cameras: {kind: single, resolution: 128}
models:
  eye: {network: pixels}
searches:
  paint:
    attributes: [material]
    steps: 2
    samples: {primal: 4, score: 16}
    criterion: {null: 2, ceiling: 2}
"""
SERIES = "series: {levels: 1, samples: 16, cameras: [c0]}\n"

# An EXR of 128² has 49 kB, the preview 141, the film 226.
BELOW_THE_FILM = 180_000
BELOW_AN_IMAGE = 30_000


def generate(folder, limit=0):
    return subprocess.run(
        [sys.executable, "-B", "-c", LIMITED, str(limit), "generate", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def refusals(done, path):
    """Return the lines that report a file that could not be written.

    A kernel that Dr.Jit compiles does not fit into its cache either; Dr.Jit reports that.
    """
    own = [line for line in done.stderr.splitlines() if not line.startswith("jit_kernel_write()")]
    assert (done.returncode, own) == (2, []), done.stdout + done.stderr
    assert "Traceback" not in done.stdout
    return [line for line in done.stdout.splitlines() if f"{path}: cannot be written: " in line]


@pytest.fixture
def folder(tmp_path):
    """Return a study lit by random speckles, whose film is hard to compress."""
    speckle = np.random.default_rng(1).uniform(0, 2, (24, 48, 3)).astype(np.float32)
    write_exr(speckle, tmp_path / "speckle.exr")
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path


def left_beside(folder):
    return [path for path in folder.rglob(".*") if path.is_file()]


pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no limit on the size of files"
)


@pytest.mark.full
def test_images_are_rendered_again_after_a_full_disk(folder):
    (folder / "study.yaml").write_text(f"{STUDY}{SERIES}")
    (run,) = resolve_all(read_study(folder))
    directory = RunDirectory(folder / "runs" / run.name)
    family = image_directory.of_family(folder / "runs", "ball-paint")
    done = generate(folder, BELOW_AN_IMAGE)
    assert refusals(done, directory.path / "renders" / "target_c0.exr")
    assert refusals(done, family.path / "target" / "c0_own_0.exr")
    assert (directory.status(), family.status()) == ("failed", "failed")
    assert family.count() == 0
    assert left_beside(folder) == []
    done = generate(folder)
    assert done.returncode == 0, done.stdout
    assert directory.status() == "done"
    assert family.is_done(image_plan.inputs_of_family(run), by_hash=True)
    series = image_directory.of_run(folder / "runs", run.name)
    assert series.is_done(image_plan.inputs_of_run(run), by_hash=True)


@pytest.mark.full
def test_a_film_is_written_again_after_a_full_disk(folder):
    (run,) = resolve_all(read_study(folder))
    directory = RunDirectory(folder / "runs" / run.name)
    film = directory.path / "turntable.mp4"
    assert refusals(generate(folder, BELOW_THE_FILM), film)
    assert directory.status() == "failed"
    assert not film.exists()
    assert left_beside(folder) == []
    done = generate(folder)
    assert done.returncode == 0, done.stdout
    assert directory.status() == "done"
    assert film.stat().st_size > BELOW_THE_FILM
