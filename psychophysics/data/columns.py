"""Columns of a session's table, and their descriptions for its sidecar."""

from typing import Any

from psychophysics.answer import Answer
from psychophysics.tasks.base import Task
from psychophysics.trials import Trial

MISSING = "n/a"

_GENERAL: dict[str, dict[str, Any]] = {
    "trial": {"Description": "Number of the trial in the session, from 1, practice included."},
    "phase": {
        "Description": "What the trial is for.",
        "Levels": {
            "practice": "before the session, with feedback",
            "main": "the session",
            "catch": "attention check, at the largest difference of a control",
        },
    },
    "block": {"Description": "What the conditions of the trial's block share, such as the target; "
              "n/a without blocks."},
    "sitting": {"Description": "Number of the start of the program, from 1: a resumed session has "
                "more than one."},
    "showings": {"Description": "Number of times that the trial was shown: 1, and one more for "
                 "each pause in it, after which it starts again; n/a without a window. The first "
                 "trial of a later sitting may also have been shown, without an answer, at the end "
                 "of the sitting before."},
    "onset": {"Description": "First frame of the trial, since the start of the sitting.",
              "Units": "s"},
    "condition": {"Description": "Run of the search, and the comparison."},
    "target": {"Description": "Name of the target in the study."},
    "family": {"Description": "Family in the stimulus set."},
    "attribute": {"Description": "Attribute in which target and comparison differ."},
    "model": {"Description": "Model whose search led to the comparison."},
    "layer": {"Description": "Layers of the model, joined by ';'."},
    "comparison": {
        "Description": "Kind of the comparison.",
        "Levels": {
            "result": "the result of a search, and the series that leads to it",
            "control": "the target moved in a random direction, as far as the result",
            "pixel": "the result of a search with a pixel loss, and its series",
        },
    },
    "strand": {"Description": "Number of the condition's procedure, from 0; without meaning for "
               "practice and catch trials."},
    "level": {"Description": "Level of the comparison in its series; 0 is the target rendered "
              "again."},
    "physical_distance": {"Description": "Physical distance of the comparison from the target, in "
                          "the unit that the stimulus set states for the attribute."},
    "stimulus": {"Description": "stimulus_id of the first image of the comparison; if a pair "
                 "shows only the target, of the first image."},
    "special": {"Description": "Scene of the odd image, of the sample, or of both images of a "
                "same pair; 'both' for a pair of different scenes.",
                "Levels": {"target": "the target", "comparison": "the comparison",
                           "both": "one each"}},
    "same": {"Description": "Whether a same–different trial showed the same scene twice (a "
             "false-alarm trial).", "Levels": {"true": "yes", "false": "no"}},
    "correct_response": {"Description": "The choice that was right."},
    "response": {"Description": "The choice that was made; n/a if there was none in time."},
    "key": {"Description": "The key that was pressed; n/a for observers without keys."},
    "correct": {"Description": "Whether the choice was right; no choice counts as wrong.",
                "Levels": {"0": "wrong", "1": "right"}},
    "response_time": {"Description": "From the onset of the last images to the key press.",
                      "Units": "s"},
}  # fmt: skip

_IMAGE: dict[str, dict[str, Any]] = {
    "stimulus_{}": {"Description": "stimulus_id of image {}."},
    "role_{}": {"Description": "Role of image {} in the stimulus set."},
    "camera_{}": {"Description": "Camera of image {}."},
    "light_{}": {"Description": "Light of image {}."},
    "noise_seed_{}": {"Description": "Noise seed of image {}."},
    "planned_onset_{}": {"Description": "Onset of image {} as planned, since the first frame of "
                         "the trial.", "Units": "s"},
    "onset_{}": {"Description": "Onset of image {} as measured.", "Units": "s"},
    "planned_duration_{}": {"Description": "Duration of image {} as planned.", "Units": "s"},
    "duration_{}": {"Description": "Duration of image {} as measured.", "Units": "s"},
    "dropped_{}": {"Description": "Frames missed while image {} was shown.", "Units": "frames"},
}  # fmt: skip


def names(task: Task) -> tuple[str, ...]:
    """Return the columns of a task's table, in order."""
    return tuple(data_dictionary(task))


def data_dictionary(task: Task) -> dict[str, dict[str, Any]]:
    """Return the BIDS description of every column of a task's table."""
    images = {
        name.format(number): {
            **entry, "Description": entry["Description"].format(number)
        }
        for number in range(1, task.images + 1)
        for name, entry in _IMAGE.items()
    }  # fmt: skip
    return _GENERAL | images


def row(trial: Trial, answer: Answer, task: Task, sitting: int) -> list[str]:
    """Return the cells of a trial and its answer, in the order of `names`."""
    condition, arrangement = trial.condition, trial.arrangement
    shown = arrangement.sides.index("comparison") if "comparison" in arrangement.sides else 0
    compared = condition.comparison_images[trial.level]
    cells: list[Any] = [
        trial.number,
        trial.phase,
        trial.block,
        sitting,
        answer.showings,
        answer.onset,
        condition.name,
        condition.target,
        condition.family,
        condition.attribute,
        condition.model,
        condition.layer,
        condition.comparison,
        trial.strand,
        trial.level,
        next(iter(compared.values()))[0].physical_distance,
        trial.images[shown].stimulus_id,
        arrangement.special,
        not arrangement.informative,
        task.alternatives[arrangement.correct],
        None if answer.choice is None else task.alternatives[answer.choice],
        answer.key,
        int(answer.choice == arrangement.correct),
        answer.response_time,
    ]
    for number, image in enumerate(trial.images):
        cells += [image.stimulus_id, image.role, image.camera, image.light, image.noise_seed]
        if answer.intervals:
            time = answer.intervals[number]
            cells += [time.planned_onset, time.onset, time.planned_duration, time.duration]
            cells.append(time.dropped)
        else:
            cells += [None] * 5
    return [_cell(value) for value in cells]


def _cell(value: Any) -> str:
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(round(value, 9))
    return str(value)
