"""Data of a page: the experiment and all trials of each participant, as plain JSON.

Study, participant and session determine the trials, as at a window. With constant stimuli they do
not depend on the answers, except for the number of rounds of practice: all rounds are exported, and
the page ends practice after one with enough right answers.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from psychophysics import experiment, pages, session
from psychophysics.answer import Answer
from psychophysics.config import ConstantStimuliConfig, ExperimentConfig
from psychophysics.counterbalance import RULE
from psychophysics.data import columns
from psychophysics.data.participants import page_code
from psychophysics.experiment import Experiment, Seat
from psychophysics.lab.window import screen_of
from psychophysics.observers import ComputedObserver
from psychophysics.schedule import Schedule, schedule
from psychophysics.timing import Interval
from psychophysics.trials import Trial, generate_trials
from psychophysics.web.keys import browser_keys
from psychophysics.web.texts import texts
from scenes.base.errors import InputError

FORMAT, VERSION = "mrd-web-session", 1  # of saved sessions
JSPSYCH = "8.3.0"


def check(config: ExperimentConfig) -> None:
    """Raise if an experiment cannot run in a browser."""
    if not isinstance(config.procedure, ConstantStimuliConfig):
        raise InputError(
            f"experiment.procedure.kind: '{config.procedure.kind}' chooses levels by the answers, "
            "and a page in a browser holds fixed trials; use constant_stimuli, or run the "
            "experiment at a window: mrd experiment run"
        )
    browser_keys(config.answer_keys)


def number_of_code(code: str) -> int:
    """Return the number, from 0, of a participant's code such as web01."""
    digits = code.removeprefix("web")
    number = int(digits) - 1 if digits.isdecimal() and len(digits) < 10 else -1
    if number < 0 or page_code(number) != code:
        raise InputError(f"participant '{code}': codes in a browser are web01, web02, …")
    return number


def make_seat(asked: Experiment, number: int, visit: str, rule: int = RULE) -> Seat:
    """Return the seat of a participant, from their number and a rule of counterbalancing."""
    return experiment.make_seat(asked, page_code(number), visit, "person", number, rule)


def facts(asked: Experiment, seat: Seat) -> dict[str, Any]:
    """Return `experiment.fixed_entries` as JSON; the seed is text, as JavaScript has 53 bits."""
    bound = experiment.fixed_entries(asked, seat)
    plain: dict[str, Any] = json.loads(json.dumps(bound | {"Seed": str(seat.seed)}))
    return plain


def design(asked: Experiment, visit: str, participants: int, post: str | None) -> dict[str, Any]:
    """Return the data that all participants share."""
    config, task = asked.config, asked.task
    screen = screen_of(config.display)
    laid_out = schedule(config)
    patch = config.display.photodiode
    return {
        "format": FORMAT,
        "version": VERSION,
        "study": asked.study,
        "task": task.name,
        "session": visit,
        "participants": [page_code(number) for number in range(participants)],
        "columns": list(columns.names(task)),
        "alternatives": list(task.alternatives),
        "schedule": _schedule(laid_out, config),
        "timing": config.timing.model_dump(include={"interval", "feedback", "answer"}),
        "feedback": config.feedback,
        "practice": {
            "round": config.practice.trials,
            "needed": math.ceil(config.practice.correct * config.practice.trials),
        },
        "background": round(255 * config.display.background),
        "full_screen": config.display.full_screen,
        "photodiode": None if patch is None else {"size": patch.size, "corner": patch.corner},
        "cm_per_pixel": screen.width / screen.pixels[0],
        "distance": screen.distance,
        "texts": texts(screen.distance),
        "post": post,
        "software": {"mrd-suite": metadata.version("mrd-suite"), "jspsych": JSPSYCH},
    }


def _schedule(laid_out: Schedule, config: ExperimentConfig) -> dict[str, Any]:
    """Return the parts of a trial, with durations in seconds."""
    frame = 1 / config.display.refresh_rate
    return {
        "parts": [
            {"kind": part.kind, "seconds": part.frames * frame, "images": list(part.images)}
            for part in laid_out.parts
        ],
        "places": [list(place) for place in laid_out.places],
        "last_images": laid_out.last_images,
    }


def participant(asked: Experiment, seat: Seat) -> dict[str, Any]:
    """Return a participant's data: keys, first page, and the row of every trial."""
    config = asked.config
    practice, main = trials_of(asked, seat)
    before_each = [practice[-1] if practice else None, *main[:-1]]
    bound = facts(asked, seat)
    return {
        "code": seat.participant,
        "identity": hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()[:16],
        "facts": bound,
        "keys": browser_keys(seat.keys),
        "instructions": pages.instructions(config, asked.task, seat.keys),
        "practice": [{"row": _row(asked, trial)} for trial in practice],
        "trials": [
            {"row": _row(asked, trial)} | _page(before, trial, done, config)
            for done, (before, trial) in enumerate(zip(before_each, main, strict=True))
        ],
    }


class _Silent(ComputedObserver):
    """Observer that never answers."""

    def answer(self, trial: Trial) -> Answer:  # noqa: ARG002
        """Return no choice, which is wrong."""
        return Answer(None)


def trials_of(asked: Experiment, seat: Seat) -> tuple[list[Trial], list[Trial]]:
    """Return all trials of practice and of the session.

    Without right answers, all rounds of practice occur.
    """
    trials = generate_trials(asked.conditions, asked.config, seat.seed, seat.blocks)
    answered = [trial for trial, _ in session.answer_trials(trials, _Silent())]
    practice = [trial for trial in answered if trial.phase == "practice"]
    return practice, answered[len(practice) :]


def planned(asked: Experiment) -> tuple[Interval, ...]:
    """Return each image's planned interval; its measured times equal the planned ones."""
    times: Sequence[tuple[float, float]] = schedule(asked.config).planned(
        1 / asked.config.display.refresh_rate
    )
    return tuple(Interval(onset, duration, onset, duration, 0) for onset, duration in times)


def _row(asked: Experiment, trial: Trial) -> list[str]:
    """Return a trial's row before the answer; the page fills in the cells of the answer."""
    return columns.row(trial, Answer(None, intervals=planned(asked)), asked.task, 1)


def _page(
    before: Trial | None, trial: Trial, done: int, config: ExperimentConfig
) -> dict[str, Any]:
    """Return the page before a trial, if any; a `break` is skipped after a reload."""
    if before is None or not session.has_page(before, trial, done, config, resumed=False):
        return {}
    return {
        "page": pages.rest(before, trial, done, config.feedback),
        "break": not session.has_page(before, trial, done, config, resumed=True),
    }
