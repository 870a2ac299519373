"""The session: asks for a trial, has it answered, writes a row. It knows no windows and no people.

People, simulated observers and models go through this one loop.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from psychophysics import columns
from psychophysics.answer import Observer, Stopped
from psychophysics.config import ExperimentConfig
from psychophysics.records import Record
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import Trial
from scenes.errors import InputError


@dataclass(frozen=True)
class Outcome:
    """How a sitting ended.

    Parameters
    ----------
    finished
        Whether no trial is left.
    trials
        Rows on disk.
    off
        Share of this sitting's intervals with dropped frames; 0 where nothing was shown.
    """

    finished: bool
    trials: int
    off: float


def run(
    trials: Generator[Trial, bool, None],
    observer: Observer,
    record: Record,
    config: ExperimentConfig,
) -> Outcome:
    """Run a session from where its record ends.

    Parameters
    ----------
    trials
        From `psychophysics.trials.order`, not yet started.
    observer
        Who answers.
    record
        Where rows go; what it holds already is sent to `trials` again, not asked again.
    config
        The experiment.

    Raises
    ------
    InputError
        The record holds trials that this study, set and version would not have made.
    """
    task = TASKS[config.task]
    trial = next(trials, None)
    for number, made in enumerate(record.answered):
        if trial is None or [str(trial.number), *_ids(trial)] != [str(number + 1), *made.stimuli]:
            raise InputError(
                f"{record.path}: row {number + 1} is not the trial that this version of the suite "
                "would make of the study; finish the session with the version that began it, or "
                "start another with --session"
            )
        trial = _sent(trials, made.correct)
    before: Trial | None = None
    intervals = late = done = 0
    try:
        while trial is not None:
            if before is None:
                observer.begin(trial, resumed=bool(record.answered))
            elif _rests(before, trial, done, config):
                observer.rest(trial, done)
            answer = observer.answer(trial)
            correct = answer.choice == trial.arrangement.correct
            record.write(columns.row(trial, answer, task, record.sitting))
            intervals += len(answer.intervals)
            late += sum(interval.dropped > 0 for interval in answer.intervals)
            done += trial.phase != "practice"
            observer.told(trial, answer)
            before, trial = trial, _sent(trials, correct)
    except Stopped:
        return Outcome(False, record.rows, late / max(intervals, 1))
    observer.end()
    return Outcome(True, record.rows, late / max(intervals, 1))


def answers(
    trials: Generator[Trial, bool, None], observer: Observer
) -> Iterator[tuple[Trial, bool]]:
    """Have trials answered without a record: yields each, and whether it was answered rightly."""
    trial = next(trials, None)
    while trial is not None:
        correct = observer.answer(trial).choice == trial.arrangement.correct
        yield trial, correct
        trial = _sent(trials, correct)


def _sent(trials: Generator[Trial, bool, None], correct: bool) -> Trial | None:
    try:
        return trials.send(correct)
    except StopIteration:
        return None


def _ids(trial: Trial) -> list[str]:
    return [image.stimulus_id for image in trial.images]


def _rests(before: Trial, trial: Trial, done: int, config: ExperimentConfig) -> bool:
    """Tell whether a page comes between two trials: a break, the end of practice, a block."""
    if (before.phase == "practice") != (trial.phase == "practice") or before.block != trial.block:
        return True
    return bool(config.rest_every and done and done % config.rest_every == 0)
