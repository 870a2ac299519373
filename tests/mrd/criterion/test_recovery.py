"""Recovery and outcomes, on cases that are known by hand."""

import pytest

from mrd.criterion.recovery import is_success, outcome, recovery, unit, verdict_in_words
from mrd.study.search_section import SearchConfig
from scenes.differences import DISTANCE, MEASURE_UNITS, UNITS, scene_difference
from scenes.material import Material
from scenes.pose import Pose
from scenes.shape import Sphere


def score(verdict="result", match=False, again=False, **more):
    return {"verdict": verdict, "training": {"metamer": match}, "target_again": again, **more}


METAMER, RECOVERED = score("metamer", match=True), score(match=True, again=True)
ELSEWHERE, NEAR = score(), score(again=True)


def test_outcomes_in_words():
    found = [outcome(each) for each in (METAMER, RECOVERED, ELSEWHERE, NEAR)]
    assert found == ["metamer", "recovered", "not a metamer", "not a metamer"]
    assert outcome(score(flip={"distance": 0.1})) == "flipped"
    assert outcome(score(flip={"distance": None})) == "not flipped"


@pytest.mark.parametrize(
    ("goal", "expected"),
    [("metamer", [True, False, False, False]), ("recover", [False, True, False, False])],
)
def test_a_success_is_what_the_goal_asks_for(goal, expected):
    search = SearchConfig(attributes=("shape",), goal=goal)
    scores = (METAMER, RECOVERED, ELSEWHERE, NEAR)
    assert [is_success(each, search) for each in scores] == expected


def test_a_flip_is_a_success():
    search = SearchConfig(attributes=("pose",), mode="flip")
    assert is_success(score(flip={"distance": 0.1}), search)
    assert not is_success(score(flip={"distance": None}), search)


def test_errors_of_every_searched_attribute(small, rng):
    """A sphere that is a tenth larger, a rougher material, a turn of 30 degrees and a shift."""
    search = SearchConfig(
        attributes=("shape", "material", "pose"), material_parameters=("roughness",)
    )
    target = small(shape=Sphere(), material=Material(roughness=0.5))
    other = target.model_copy(
        update={
            "shape": Sphere(radius=1.1),
            "material": Material(roughness=0.7),
            "pose": Pose(rotation=(0, 30, 0), translation=(0.3, 0, 0.4)),
        }
    )
    found = recovery(scene_difference(target, other, search.attributes, rng), search)
    assert found["shape"] == {
        "chamfer": pytest.approx(0.1, abs=2e-4),
        "normal_angle": pytest.approx(0, abs=0.5),
        "volume_iou": pytest.approx(1 / 1.1**3, abs=2e-3),
    }
    assert found["material"].keys() == {"rms_log_reflectance", "roughness"}
    assert found["material"]["roughness"] == pytest.approx(0.2)
    assert found["pose"] == {"angle": pytest.approx(30), "translation": pytest.approx(0.5)}
    assert (unit("shape", "chamfer"), unit("material", "roughness")) == ("radii", "")


def test_measures_with_units_are_those_of_a_difference(small, rng):
    assert (UNITS["shape"], UNITS["pose"]) == ("radii", "degrees")
    target = small(shape=Sphere())
    found = scene_difference(target, target, tuple(DISTANCE), rng)
    for attribute, measures in MEASURE_UNITS.items():
        assert set(measures) <= set(found[attribute])


def test_a_verdict_is_in_words():
    assert [verdict_in_words(each) for each in ("metamer", "result")] == [
        "metamer",
        "not a metamer",
    ]
