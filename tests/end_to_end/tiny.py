"""A tiny study, carried out by the program as a user starts it."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest

from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all
from scenes.scene import read_scene
from tests.paths import ROOT

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


def check_searched_alike(directory, twin):
    """Two runs of one search of a material end alike, step by step and in the result.

    Renders repeat to about 1e-6, and 60 steps kept losses within 3e-6 of each other; of the
    material, 2 % of a step of Adam.
    """
    losses = [[float(row["loss"]) for row in rows(each)] for each in (directory, twin)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    found, expected = (
        read_scene(each.path / "result" / "scene.json").material for each in (directory, twin)
    )
    for name in ("base_color", "roughness", "metallic"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=6e-4)
    matches = [each.read_json("criterion.json")["training"]["match"] for each in (directory, twin)]
    assert matches[0] == pytest.approx(matches[1], abs=1e-3)


def contents(folder):
    """Every file of a folder with what it holds and when it was written."""
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }
