"""The observer for rows that a page saved, which checks each row against its trial."""

import math
from collections.abc import Sequence
from pathlib import Path

from psychophysics.answer import Answer, Stopped
from psychophysics.data import columns
from psychophysics.experiment import Experiment, Seat
from psychophysics.observers import ComputedObserver
from psychophysics.timing import Interval
from psychophysics.trials import Trial
from psychophysics.web import plan
from scenes.base.errors import InputError

Row = tuple[int, Sequence[str]]  # number from 1, cells


class SavedAnswers(ComputedObserver):
    """Observer that answers with the rows that a page saved, and stops after the last one."""

    def __init__(
        self, experiment: Experiment, seat: Seat, rows: Sequence[Row], where: Path
    ) -> None:
        self._experiment, self._seat, self._where = experiment, seat, where
        self._rows = iter(rows)
        self._names = columns.names(experiment.task)
        self._stimuli = frozenset(experiment.stimuli.table["stimulus_id"])
        self._planned = plan.planned(experiment)

    def answer(self, trial: Trial) -> Answer:
        """Return the next row's answer; raise if the row does not fit the trial."""
        following = next(self._rows, None)
        if following is None:
            raise Stopped
        number, cells = following
        place = f"{self._where}: row {number}"
        if len(cells) != len(self._names):
            raise altered(place, f"{len(cells)} cells for {len(self._names)} columns")
        row = dict(zip(self._names, cells, strict=True))
        self._check_stimuli(row, trial, place)
        answer = self._answer(row, place)
        right = columns.row(trial, answer, self._experiment.task, _whole(row, "sitting", 1, place))
        for name, cell, expected in zip(self._names, cells, right, strict=True):
            if cell != expected and not _same_number(cell, expected):
                raise altered(place, f"column '{name}': '{cell[:60]}', and '{expected}' is right")
        return answer

    def _check_stimuli(self, row: dict[str, str], trial: Trial, place: str) -> None:
        for number, image in enumerate(trial.images, 1):
            found = row[f"stimulus_{number}"]
            if found not in self._stimuli:
                raise InputError(
                    f"{place}, column 'stimulus_{number}': no stimulus of "
                    f"{self._experiment.stimuli.path} is called '{found[:60]}'"
                )
            if found != image.stimulus_id:
                raise InputError(
                    f"{place}, column 'stimulus_{number}': '{found}', and the design has "
                    f"'{image.stimulus_id}': rows are missing, or in another order"
                )

    def _answer(self, row: dict[str, str], place: str) -> Answer:
        response, key = row["response"], row["key"]
        choices = dict(zip(self._experiment.task.alternatives, self._seat.keys, strict=True))
        if response == columns.MISSING:
            choice, pressed, time = None, None, None
            if row["response_time"] != columns.MISSING:
                raise altered(place, "column 'response_time': there is no response")
        elif choices.get(response) == key:
            choice, pressed = list(choices).index(response), key
            time = _time(row, "response_time", place)
        else:
            pairs = ", ".join(f"{each} by {name}" for each, name in choices.items())
            raise altered(
                place, f"columns 'response' and 'key': '{response[:60]}' by '{key[:60]}'; {pairs}"
            )
        return Answer(
            choice=choice,
            key=pressed,
            response_time=time,
            showings=_whole(row, "showings", 1, place),
            onset=_time(row, "onset", place),
            intervals=tuple(
                Interval(
                    shown.planned_onset,
                    shown.planned_duration,
                    _time(row, f"onset_{number}", place),
                    _time(row, f"duration_{number}", place),
                    _whole(row, f"dropped_{number}", 0, place),
                )
                for number, shown in enumerate(self._planned, 1)
            ),
        )


def _time(row: dict[str, str], name: str, place: str) -> float:
    try:
        seconds = float(row[name])
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise altered(place, f"column '{name}': '{row[name][:60]}' is not a time in seconds")
    return seconds


def _whole(row: dict[str, str], name: str, least: int, place: str) -> int:
    text = row[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise altered(place, f"column '{name}': '{text[:60]}' is not a whole number from {least}")
    return int(text)


def _same_number(one: str, other: str) -> bool:
    """Return whether two cells are the same number, in the notation of a browser or of Python."""
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def altered(place: str, what: str) -> InputError:
    """Return the error for content that the page did not write."""
    return InputError(f"{place}: {what}; the row was altered: give the file as the page saved it")
