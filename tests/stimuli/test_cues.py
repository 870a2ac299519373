"""Trivial cues: told where they are, and not where there is none."""

import numpy as np
import pytest

from scenes.camera import Single, cameras
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Sphere
from stimuli.cues import CUES, cues, silhouette
from stimuli.stimulus_set import StimulusSet
from tests.small_set import small_image, small_table, write_small_set


def test_the_target_again_is_told_by_nothing(small_set):
    with StimulusSet(small_set) as stimuli:
        told = cues(stimuli)
    again = told[told["role"] == "rerender"]
    assert len(again) == 2
    # Noise alone: 27 pairs of 3 cameras, no cue more than .75 of them.
    assert (again[list(CUES)] <= 0.75).all(axis=None)
    assert (again["silhouette"] == 0.5).all()


def test_a_brighter_comparison_is_told_by_its_luminance(tmp_path):
    table = small_table()
    images = np.array([small_image(row) for row in table.itertuples()])
    control = table["role"] == "control"
    images[control] = np.clip(images[control].astype(int) + 30, 0, 255)
    path = write_small_set(tmp_path / "s.h5", images=images, models={})
    with StimulusSet(path) as stimuli:
        told = cues(stimuli)
    told = told.set_index(["family", "role", "level"]).sort_index()
    assert (told.loc[("vase-shape", "control"), "luminance"] == 1).all()
    # From display value .5 (light .214) to .618 (light .340).
    assert told.loc[("vase-shape", "control", 0.5), "luminance_difference"] == pytest.approx(
        0.59, abs=0.05
    )
    assert told.loc[("vase-shape", "series", 0.5), "luminance_difference"] < 0.05


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_a_sphere_covers_a_disk(shift):
    rig = Single(distance=10, field_of_view=20, resolution=200, elevation=0)
    scene = Scene(
        name="ball",
        shape=Sphere(subdivisions=5),
        pose=Pose(translation=(shift, 0, 0)),
        cameras=rig,
    )
    seen = silhouette(scene, cameras(rig)[0])
    # The tangent cone of a unit sphere at distance 10: tan(asin(.1)) of tan(10°) is 57 pixels.
    radius = 100 * np.tan(np.arcsin(0.1)) / np.tan(np.radians(10))
    assert seen.sum() == pytest.approx(np.pi * radius**2, rel=0.02)
    centre = np.argwhere(seen).mean(axis=0)
    assert centre[0] == pytest.approx(99.5, abs=0.3)
    assert centre[1] == pytest.approx(99.5 + 100 * shift / 10 / np.tan(np.radians(10)), abs=0.5)
