"""The reach of a random change: the farthest scene in a seeded direction that passes."""

import numpy as np
import pytest

from mrd.search.control_reach import MOST_SCORED, control_reach
from mrd.search.controls import control_scenes
from mrd.study.search_section import SearchConfig
from scenes.differences import material_difference, pose_difference
from scenes.material import Material
from scenes.pose import Pose

FAR = {
    "pose": lambda target, scene: pose_difference(target.pose, scene.pose)["angle"],
    "material": lambda target, scene: material_difference(target.material, scene.material)[
        "rms_log_reflectance"
    ],
}


def passing(_):
    """Pass every scene."""
    return {"training": {"metamer": True}}


def reached(small, attribute, near, bound, seed=1):
    """Return the reach if all scenes nearer than a bound pass, and the scored distances."""
    search = SearchConfig(mode="diverge", attributes=(attribute,))
    target = small(pose=Pose(translation=(0.1, 0, 0)), material=Material(roughness=0.5))
    seen = []

    def judge(scene):
        seen.append(FAR[attribute](target, scene))
        return {
            "verdict": "result",  # the target again: what passes counts, and is no metamer
            "training": {"metamer": seen[-1] < bound, "match": 1 - seen[-1] / 1000},
        }

    found = control_reach(target, search, near, judge, passing, np.random.default_rng(seed), 0)
    return found, seen


@pytest.mark.parametrize(("near", "bound"), [(1.0, 10.0), (64.0, 10.0), (10.5, 10.0)])
def test_it_is_between_the_scenes_that_pass_and_those_that_fail(small, near, bound):
    found, seen = reached(small, "pose", near, bound)
    assert len(seen) == found["judged"] == MOST_SCORED
    passed, failed = (
        [angle for angle in seen if (angle < bound) == which] for which in (True, False)
    )
    assert found["distance"] == pytest.approx(max(passed), rel=0.003)
    assert found["failed_at"] == pytest.approx(min(failed), rel=0.003)
    assert found["failed_at"] - found["distance"] < bound / 10
    assert found["match"] == pytest.approx(1 - max(passed) / 1000)
    assert found["measure"] == "angle"


def test_a_range_that_ends_before_anything_fails_makes_a_lower_bound(small):
    found, seen = reached(small, "pose", 50.0, 1000.0)  # no turn is more than half of one
    assert found["failed_at"] is None
    assert 170 < found["distance"] <= 180
    assert found["distance"] == pytest.approx(max(seen), rel=0.003)


def test_without_a_scene_that_passes_there_is_no_distance(small):
    found, _ = reached(small, "pose", 1.0, 0.0)
    assert (found["distance"], found["match"]) == (None, None)
    assert found["failed_at"] == pytest.approx(2.0**-9)


def test_a_scene_has_to_pass_with_both_noises(small):
    search = SearchConfig(mode="diverge", attributes=("pose",))

    def fails(_):
        return {"training": {"metamer": False}}

    def passes(_):
        return {"training": {"metamer": True, "match": 0.95}}

    rng = np.random.default_rng(1)
    found = control_reach(small(), search, 1.0, passes, fails, rng, 0)
    assert found["distance"] is None


def test_its_direction_is_that_of_the_control_series(small):
    target = small(material=Material(roughness=0.5))
    search = SearchConfig(mode="diverge", attributes=("material",))
    scenes = []

    def judge(scene):
        scenes.append(scene)
        return {"training": {"metamer": False}}

    control_reach(target, search, 0.2, judge, passing, np.random.default_rng(4), 0)
    (expected,) = control_scenes(
        target, search, [{"material": 0.2}], [0.0], np.random.default_rng(4), 0
    )
    assert scenes[0].material == expected.material
