"""Rows that a page saved, as who answers: each is compared with the trial that comes next."""

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


class Returned(ComputedObserver):
    """Answers as the rows do that a page saved, as long as there are any."""

    def __init__(self, asked: Experiment, seat: Seat, rows: Sequence[Row], where: Path) -> None:
        self._asked, self._seat, self._where = asked, seat, where
        self._rows = iter(rows)
        self._names = columns.names(asked.task)
        self._stimuli = frozenset(asked.stimuli.table["stimulus_id"])
        self._planned = plan.planned(asked)

    def answer(self, trial: Trial) -> Answer:
        """Give the next row's answer."""
        following = next(self._rows, None)
        if following is None:
            raise Stopped
        number, cells = following
        place = f"{self._where}: row {number}"
        if len(cells) != len(self._names):
            raise altered(place, f"{len(cells)} cells, and there are {len(self._names)} columns")
        row = dict(zip(self._names, cells, strict=True))
        self._check_stimuli(row, trial, place)
        answer = self._answer(row, place)
        meant = columns.row(trial, answer, self._asked.task, _whole(row, "sitting", 1, place))
        for name, there, right in zip(self._names, cells, meant, strict=True):
            if there != right and not _same_number(there, right):
                raise altered(place, f"column '{name}': '{there[:60]}', and '{right}' is meant")
        return answer

    def _check_stimuli(self, row: dict[str, str], trial: Trial, place: str) -> None:
        for number, image in enumerate(trial.images, 1):
            there = row[f"stimulus_{number}"]
            if there not in self._stimuli:
                raise InputError(
                    f"{place}, column 'stimulus_{number}': no stimulus of "
                    f"{self._asked.stimuli.path} is called '{there[:60]}'"
                )
            if there != image.stimulus_id:
                raise InputError(
                    f"{place}, column 'stimulus_{number}': '{there}', and the design has "
                    f"'{image.stimulus_id}' here: rows are missing, or in another order"
                )

    def _answer(self, row: dict[str, str], place: str) -> Answer:
        response, key = row["response"], row["key"]
        choices = dict(zip(self._asked.task.alternatives, self._seat.keys, strict=True))
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
        raise altered(place, f"column '{name}': '{row[name][:60]}' is no time in seconds")
    return seconds


def _whole(row: dict[str, str], name: str, least: int, place: str) -> int:
    text = row[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise altered(place, f"column '{name}': '{text[:60]}' is no whole number from {least}")
    return int(text)


def _same_number(one: str, other: str) -> bool:
    """Tell whether two cells are one number, as browsers and Python write it."""
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def altered(place: str, what: str) -> InputError:
    """Make the error for what no page wrote."""
    return InputError(f"{place}: {what}; the row was altered: give the file as the page saved it")
