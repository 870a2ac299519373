"""Trivial cues: found where images differ in one, and nowhere else."""

import numpy as np
import pytest

from scenes.camera import Single, cameras
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Sphere
from stimuli.cues import CHANCE, CUES, cues, share_right, silhouette
from stimuli.stimulus_set import StimulusSet
from tests.small_set import small_parts, write_small_set


@pytest.mark.parametrize(
    ("target", "other", "share"),
    [
        ([1.0, 1.2], [9.0], 1),  # 9 is the farthest
        ([1.0, 9.0], [1.2], 0),  # a target image does
        ([0.0, 2.0], [1.0], 0),  # the comparison is in the middle
        ([0.0, 1.0], [2.0], 1 / 2),  # as far from the middle as a target image
        ([4.0, 4.0], [4.0], 1 / 3),  # all are equal
        # 4 4|4 by chance, 4 4|5 right; then two of the comparison, 4 5|4: the 5 is picked.
        ([4.0, 4.0], [4.0, 5.0], ((1 / 3 + 1) / 2 + 0) / 2),
    ],
)
def test_the_farthest_image_is_picked(target, other, share):
    assert share_right(np.array(target), np.array(other)) == pytest.approx(share)


def test_without_two_images_of_one_kind_there_is_no_trial():
    assert np.isnan(share_right(np.array([1.0]), np.array([2.0])))
    assert np.isnan(share_right(np.array([1.0, 2.0]), np.array([])))


def test_noise_alone_is_right_by_chance(rng):
    """4000 trials of three equal draws: right in a third, by symmetry.

    Band: 4 binomial standard deviations, a false alarm in 16,000 runs.
    """
    right = [share_right(draw[:2], draw[2:]) for draw in rng.normal(size=(4000, 3))]
    assert np.mean(right) == pytest.approx(CHANCE, abs=4 * np.sqrt(CHANCE * (1 - CHANCE) / 4000))


def test_no_cue_discriminates_the_target_from_itself(small_set):
    with StimulusSet(small_set) as stimuli:
        found = cues(stimuli)
    again = found[found["role"] == "rerender"]
    assert len(again) == 2
    # Noise alone, in 2 × 9 trials of each of 3 cameras (the small set's noise is always the same).
    assert (again[list(CUES)] <= 0.6).all(axis=None)
    assert again["silhouette"].to_numpy() == pytest.approx(CHANCE)
    assert (again["silhouette_difference"] == 0).all()


def changed_control(path, light):
    """Give the cues of a family whose controls are brighter or darker at some cameras."""
    table, images, _ = small_parts()
    images = images.astype(int)
    for camera, values in light.items():
        images[(table["role"] == "control") & (table["camera"] == camera)] += values
    shape = table["family"] == "vase-shape"
    images = np.clip(images, 0, 255).astype(np.uint8)[shape]
    with StimulusSet(write_small_set(path, rows=shape, images=images)) as stimuli:
        return cues(stimuli).set_index(["family", "role", "level"]).sort_index()


def test_luminance_discriminates_a_brighter_comparison(tmp_path):
    found = changed_control(tmp_path / "s.h5", {"c0": 30, "c1": 30, "h0": 30})
    assert (found.loc[("vase-shape", "control"), "luminance"] == 1).all()
    # From display value .5 (light .214) to .618 (light .340).
    assert found.loc[("vase-shape", "control", 0.5), "luminance_difference"] == pytest.approx(
        0.59, abs=0.05
    )
    assert found.loc[("vase-shape", "series", 0.5), "luminance_difference"] < 0.05


def test_opposite_differences_at_two_cameras_do_not_cancel(tmp_path):
    """A difference of either sign shows the odd image; trials are of one camera."""
    found = changed_control(tmp_path / "s.h5", {"c0": 8, "c1": -8, "h0": 8})
    assert (found.loc[("vase-shape", "control"), "luminance"] == 1).all()
    assert (found.loc[("vase-shape", "control"), "luminance_difference"] > 0.1).all()


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
