"""A series to the widest metamer of a shape: one straight way, on the target's own faces."""

import numpy as np
import pytest

from mrd.generate import one_run
from mrd.generate.levels import run_levels
from mrd.study.run_directory import RunDirectory
from mrd.study.series_section import SeriesConfig
from mrd.study.study import read_study, resolve_all
from scenes.scene_files import read_scene
from scenes.shape import geometry
from tests.silent import Silent
from tests.small_study import FAST, write_study

PEBBLE = {
    "shape": {"kind": "blob", "seed": 3, "subdivisions": 2},
    "cameras": {"kind": "ring", "count": 2, "resolution": 16},
}
FORM = FAST | {
    "mode": "diverge",
    "attributes": ["shape"],
    "steps": 12,
    "restarts": 1,
    "samples": {"primal": 16, "boundary": 2048, "score": 36},
}
SERIES = {"kind": "interpolation", "levels": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Give a run that went away from its target, ended, and its directory."""
    folder = tmp_path_factory.mktemp("widest")
    sections = {"targets": {"pebble": PEBBLE}, "searches": {"form": FORM}, "series": SERIES}
    study = read_study(write_study(folder, **sections))
    (run,) = resolve_all(study)
    one_run.make(run, study.runs, "cpu", Silent())
    return run, RunDirectory(study.runs / run.name)


def test_every_level_of_a_shape_lies_farther_on_the_way_and_has_the_same_faces(run):
    resolved, directory = run
    target, result = (
        geometry(read_scene(directory.path / name / "scene.json").shape)
        for name in ("target", "result")
    )
    np.testing.assert_array_equal(result.faces, target.faces)
    moved = result.vertices - target.vertices
    assert np.abs(moved).max() > 0.005  # of a radius about 1: there is a way
    made = run_levels(resolved, directory, SeriesConfig(**SERIES))
    series = [each for each in made if each.role in ("series", "result")]
    assert [each.level for each in series] == [0.25, 0.5, 0.75, 1.0]
    for each in series:
        mesh = geometry(each.scene.shape)
        np.testing.assert_array_equal(mesh.faces, target.faces)
        np.testing.assert_allclose(mesh.vertices, target.vertices + each.level * moved, atol=1e-5)
    far = [each.distances["shape"] for each in series]
    assert far[0] > 0
    assert (np.diff(far) > 0).all()
    # What stands beside it in an experiment is as far from the target, level by level.
    control = [each for each in made if each.role == "control"]
    assert [each.level for each in control] == [each.level for each in series]
    assert [each.distances["shape"] for each in control] == pytest.approx(far, rel=0.02)
