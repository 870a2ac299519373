"""The session loop, the same for people, simulated observers and models."""

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
    """A session when the program ends; the counts include earlier starts of the program."""

    finished: bool
    trials: int
    intervals: int  # images that were shown
    late: int  # of these, with dropped frames

    @property
    def off(self) -> float:
        """Share of images with dropped frames; 0 if nothing was shown."""
        return self.late / max(self.intervals, 1)


def run(
    trials: Generator[Trial, bool, None],
    observer: Observer,
    record: Record,
    config: ExperimentConfig,
) -> Outcome:
    """Run a session from the first trial without a row: get each answer and write its row."""
    task = TASKS[config.task]
    before, trial = _replay(trials, record)
    resumed = before is not None
    done = sum(recorded.phase != "practice" for recorded in record.answered)
    dropped = [count for recorded in record.answered for count in recorded.dropped]
    finished = True
    try:
        if trial is not None:
            observer.begin(trial, before)
        while trial is not None:
            if before is not None and has_page(before, trial, done, config, resumed):
                observer.rest(trial, done)
            answer = observer.answer(trial)
            correct = answer.choice == trial.arrangement.correct
            record.write(columns.row(trial, answer, task, record.sitting))
            dropped += [interval.dropped for interval in answer.intervals]
            done += trial.phase != "practice"
            observer.give_feedback(trial, answer)
            before, trial, resumed = trial, _send(trials, correct), False
        observer.end()
    except Stopped:
        finished = trial is None
    return Outcome(finished, record.rows, len(dropped), sum(count > 0 for count in dropped))


def _replay(
    trials: Generator[Trial, bool, None], record: Record
) -> tuple[Trial | None, Trial | None]:
    """Send the recorded answers to `trials`; return the last recorded and the next trial."""
    before, trial = None, next(trials, None)
    for number, recorded in enumerate(record.answered, start=1):
        if trial is None or [str(trial.number), *_ids(trial)] != [str(number), *recorded.stimuli]:
            raise InputError(
                f"{record.path}: row {number} is not the trial that this version of the suite "
                "makes from the study; finish the session with the version that began it, or "
                "start another with --session"
            )
        before, trial = trial, _send(trials, recorded.correct)
    return before, trial


def answer_trials(
    trials: Generator[Trial, bool, None], observer: Observer
) -> Iterator[tuple[Trial, bool]]:
    """Yield each trial and whether the observer answered it correctly, without a record."""
    trial = next(trials, None)
    while trial is not None:
        correct = observer.answer(trial).choice == trial.arrangement.correct
        yield trial, correct
        trial = _send(trials, correct)


def _send(trials: Generator[Trial, bool, None], correct: bool) -> Trial | None:
    try:
        return trials.send(correct)
    except StopIteration:
        return None


def _ids(trial: Trial) -> list[str]:
    return [image.stimulus_id for image in trial.images]


def has_page(
    before: Trial, trial: Trial, done: int, config: ExperimentConfig, resumed: bool
) -> bool:
    """Return whether a page is between two trials: the end of practice, a new block, a break."""
    if (before.phase == "practice") != (trial.phase == "practice") or before.block != trial.block:
        return True
    return bool(config.rest_every and done and done % config.rest_every == 0 and not resumed)
