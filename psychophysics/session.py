"""The session: asks for a trial, has it answered, writes a row. It knows no windows and no people.

People, simulated observers and models go through this one loop.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from psychophysics.answer import Observer, Stopped
from psychophysics.config import ExperimentConfig
from psychophysics.data import columns
from psychophysics.data.records import Record
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import Trial
from scenes.base.errors import InputError


@dataclass(frozen=True)
class Outcome:
    """How a sitting ended, and what the session is so far, earlier sittings included."""

    finished: bool
    trials: int
    intervals: int
    late: int

    @property
    def off(self) -> float:
        """Share of intervals with dropped frames; 0 where nothing was shown."""
        return self.late / max(self.intervals, 1)


def run(
    trials: Generator[Trial, bool, None],
    observer: Observer,
    record: Record,
    config: ExperimentConfig,
) -> Outcome:
    """Run a session from where its record ends."""
    task = TASKS[config.task]
    before, trial = _replayed(trials, record)
    resumed = before is not None
    done = sum(made.phase != "practice" for made in record.answered)
    dropped = [count for made in record.answered for count in made.dropped]
    finished = True
    try:
        if trial is not None:
            observer.begin(trial, before)
        while trial is not None:
            if before is not None and rests(before, trial, done, config, resumed):
                observer.rest(trial, done)
            answer = observer.answer(trial)
            correct = answer.choice == trial.arrangement.correct
            record.write(columns.row(trial, answer, task, record.sitting))
            dropped += [interval.dropped for interval in answer.intervals]
            done += trial.phase != "practice"
            observer.told(trial, answer)
            before, trial, resumed = trial, _sent(trials, correct), False
        observer.end()
    except Stopped:
        finished = trial is None
    return Outcome(finished, record.rows, len(dropped), sum(count > 0 for count in dropped))


def _replayed(
    trials: Generator[Trial, bool, None], record: Record
) -> tuple[Trial | None, Trial | None]:
    """Send the answers on disk again: the last trial that was made, and the next one."""
    before, trial = None, next(trials, None)
    for number, made in enumerate(record.answered, start=1):
        if trial is None or [str(trial.number), *_ids(trial)] != [str(number), *made.stimuli]:
            raise InputError(
                f"{record.path}: row {number} is not the trial that this version of the suite "
                "would make of the study; finish the session with the version that began it, or "
                "start another with --session"
            )
        before, trial = trial, _sent(trials, made.correct)
    return before, trial


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


def rests(before: Trial, trial: Trial, done: int, config: ExperimentConfig, resumed: bool) -> bool:
    """Tell whether a page comes between two trials: the end of practice, a block, a break."""
    if (before.phase == "practice") != (trial.phase == "practice") or before.block != trial.block:
        return True
    return bool(config.rest_every and done and done % config.rest_every == 0 and not resumed)
