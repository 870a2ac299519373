"""The experiment's section: what is refused, and how."""

import pytest
from pydantic import ValidationError

from psychophysics.config import ExperimentConfig


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ({"task": "odity"}, "did you mean 'oddity'"),
        ({"keys": ["1", "2"]}, r"2 keys for 3 choices \(first, second, third\)"),
        ({"keys": ["1", "1", "2"]}, "'1' is named twice"),
        ({"keys": ["1", "escape", "2"]}, "'escape' pauses; choose another key"),
        ({"keys": ["space", "1", "2"]}, "'space' leaves a page"),
        (
            {"timing": {"stimulus": 0.51}},
            r"timing\.stimulus: 0\.51 s is not a whole number",
        ),
        ({"timing": {"stimulus": 0}}, "above 0"),
        ({"display": {"refresh_rate": 75}}, r"timing\..*at 75 Hz; nearest"),
        ({"procedure": {"kind": "staircase", "down": 0}}, "greater than or equal to 1"),
        ({"procedure": {"kind": "quest"}}, "did you mean 'quest_plus'"),
        (
            {
                "task": "same_different",
                "procedure": {"kind": "quest_plus", "lapses": [0.0, 0.1], "false_alarms": [0.9]},
            },
            r"procedure: false_alarms 0\.9 and lapses 0\.1 add up to 1; no curve would rise",
        ),
        ({"vary": ["cameras"]}, "did you mean 'camera'"),
        ({"vary": []}, "at least 1"),
        ({"feedbak": True}, "did you mean 'feedback'"),
        ({"practice": {"correct": 2}}, "0 to 1"),
    ],
)
def test_mistakes_are_reported(section, text):
    with pytest.raises(ValidationError, match=text):
        ExperimentConfig.model_validate(section)


def test_defaults_are_allowed_for_every_task():
    for task, keys in (("oddity", 3), ("match_to_sample", 2), ("same_different", 2)):
        assert len(ExperimentConfig(task=task).answer_keys) == keys


TASKS = ("oddity", "match_to_sample", "same_different")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("lapses", "rates"),
    [
        ([0.02], (0.05, 0.15, 0.3, 0.5, 0.7, 0.9)),
        ([0.02, 0.1], (0.05, 0.15, 0.3, 0.5, 0.7)),
        ([0.3, 0.0], (0.05, 0.15, 0.3, 0.5)),
    ],
)
def test_usual_false_alarm_rates_leave_room_for_the_lapses_of_the_study(task, lapses, rates):
    """Studies that were written before there were rates above .5 stay valid."""
    section = {"task": task, "procedure": {"kind": "quest_plus", "lapses": lapses}}
    chosen = ExperimentConfig.model_validate(section).procedure
    assert chosen.rates == rates


@pytest.mark.parametrize("task", TASKS[:2])
def test_false_alarm_rates_without_effect_are_not_weighed_against_lapses(task):
    chosen = {"kind": "quest_plus", "lapses": [0.3], "false_alarms": [0.9]}
    section = {"task": task, "procedure": chosen}
    assert ExperimentConfig.model_validate(section).procedure.false_alarms == (0.9,)
