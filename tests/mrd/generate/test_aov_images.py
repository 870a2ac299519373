"""AOVs of series: they are rendered with the images, kept, and packed into the set."""

import json

import numpy as np
import pytest

from mrd.generate import images, one_run, study_runs
from mrd.rendering.aovs import Aovs
from mrd.study import image_directory
from mrd.study.study import read_study, resolve_all
from mrd.workflow.build_set import pack
from scenes.aov_kinds import CHANNELS
from scenes.camera import cameras
from scenes.pictures.files import read_channels
from stimuli.aov_files import read_aov_table
from stimuli.aovs import read_aov
from stimuli.check import problems
from stimuli.stimulus_set import StimulusSet
from tests.silent import Silent
from tests.small_study import write_text

STUDY = """
name: tiny
seed: 3
targets:
  ball:
    shape: {kind: sphere, subdivisions: 2}
    surroundings: [ground]
    cameras: {kind: ring, count: 2, resolution: 16}
models:
  eye: {network: pixels}
series: {levels: 2, samples: 16, lights: [own, dusk: {kind: constant, radiance: 0.1}]}
searches:
  paint:
    attributes: [material]
    steps: 2
    samples: {primal: 4, score: 16}
    criterion: {null: 2, ceiling: 2}
stimuli: {accept: all, most_clipped: 1}
"""
WITH_AOVS = STUDY.replace("most_clipped: 1", "most_clipped: 1, aovs: [depth, object, mask]")


def generate(folder, text):
    """Search once, and render what is missing; return the study."""
    study = read_study(write_text(folder, text))
    runs = resolve_all(study)
    for run in runs:
        if not study_runs.is_searched(run, study.runs):
            one_run.make(run, study.runs, "cpu", Silent())
    for job in study_runs.image_jobs(runs, study.runs, by_hash=True):
        make = images.make_family if job.kind == "family" else images.make_run
        make(job.run, study.name, study.runs, "cpu", Silent())
    return study


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give the folder of a study without AOVs, all images made."""
    folder = tmp_path_factory.mktemp("tiny")
    generate(folder, STUDY)
    return folder


def aov_files(folder):
    return sorted(
        str(path.relative_to(folder)) for path in (folder / "runs").rglob("c?_*.exr")
        if path.stem.count("_") == 1
    )  # fmt: skip


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*.exr")}


def jobs(folder, text):
    study = read_study(write_text(folder, text))
    return study_runs.image_jobs(resolve_all(study), study.runs)


def test_aovs_are_added_to_images_packed_and_removed_again(folder):
    assert aov_files(folder) == []
    before = stamps(folder)
    assert len(jobs(folder, WITH_AOVS)) == 2
    study = generate(folder, WITH_AOVS)
    assert jobs(folder, WITH_AOVS) == []
    after = stamps(folder)
    assert {path: after[path] for path in before} == before  # no image was rendered again
    # Target, re-render, 2 nulls; 2 levels, 2 controls; at 2 cameras, of 3 kinds.
    assert len(aov_files(folder)) == (4 + 4) * 2 * 3
    for directory in (
        image_directory.of_family(study.runs, "ball-paint"),
        image_directory.of_run(study.runs, resolve_all(study)[0].name),
    ):
        recorded = json.loads((directory.path / "files.json").read_text())
        assert set(read_aov_table(directory.path)) <= set(recorded.get("files", recorded))
    assert pack(study) is not None
    assert problems(study.stimulus_set) == []
    with StimulusSet(study.stimulus_set) as stimuli:
        assert sorted(stimuli.file["aovs"]) == ["depth", "mask", "object"]
        for row in stimuli.table.iloc[::11].itertuples():
            scene = stimuli.scene(row.stimulus_id)
            view = next(each for each in cameras(scene.cameras) if each.name == row.camera)
            expected = Aovs(scene).of(view, ("depth", "mask", "object"), 16)
            for kind, values in expected.items():
                found = read_aov(stimuli, row.stimulus_id, kind)
                np.testing.assert_allclose(found, values[..., 0], atol=1e-4)
            assert set(np.unique(expected["object"])) >= {1, 2}
    assert pack(study) is None  # up to date

    generate(folder, STUDY)
    assert aov_files(folder) == []
    assert not list((folder / "runs").rglob("aovs.json"))
    assert stamps(folder) == before


def test_only_missing_aovs_are_rendered_again(folder):
    study = generate(folder, WITH_AOVS)
    family = image_directory.of_family(study.runs, "ball-paint").path
    gone, cut = family / "target" / "c0_depth.exr", family / "null-001" / "c1_mask.exr"
    before, content = stamps(folder), read_channels(gone, CHANNELS["depth"])
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    assert [job.kind for job in jobs(folder, WITH_AOVS)] == ["family"]
    generate(folder, WITH_AOVS)
    assert jobs(folder, WITH_AOVS) == []
    after = stamps(folder)
    assert {path for path in after if after[path] != before[path]} == {gone, cut}
    np.testing.assert_array_equal(read_channels(gone, CHANNELS["depth"]), content)


def test_an_altered_byte_is_found_by_its_hash(folder):
    study = generate(folder, WITH_AOVS)
    file = image_directory.of_family(study.runs, "ball-paint").path / "target" / "c1_object.exr"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(bytes(content))
    runs = resolve_all(study)
    assert study_runs.image_jobs(runs, study.runs) == []  # its size is right
    (job,) = study_runs.image_jobs(runs, study.runs, by_hash=True)
    assert job.kind == "family"
