"""An experiment with its stimulus set: checks, seats and sessions.

A seat is what a participant's codes and number determine in a session: seed, block order and keys.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from psychophysics import counterbalance, session
from psychophysics.answer import Observer
from psychophysics.config import ExperimentConfig
from psychophysics.data import bids_names, data_set, records, same_experiment
from psychophysics.data.data_set import ObserverKind
from psychophysics.data.recorded_rules import config_for, rule_for
from psychophysics.design import Condition, find_conditions
from psychophysics.pages import instructions
from psychophysics.schedule import schedule
from psychophysics.session import Outcome
from psychophysics.tasks.base import Task
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import block_name, check_trials, generate_trials
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import check_seal


@dataclass(frozen=True)
class Experiment:
    """An experiment that was checked against its stimulus set; `seed` is the study's seed."""

    study: str
    seed: int
    config: ExperimentConfig
    stimuli: StimulusSet
    conditions: list[Condition]

    @property
    def task(self) -> Task:
        """Definition of the experiment's task."""
        return TASKS[self.config.task]

    @property
    def image_size(self) -> tuple[int, int]:
        """Largest width and height of the images, in pixels."""
        table = self.stimuli.table
        return int(table["width"].max()), int(table["height"].max())

    @property
    def blocks(self) -> list[str]:
        """Names of the blocks; one empty name if all conditions are interleaved."""
        return sorted({block_name(condition, self.config) for condition in self.conditions})


def prepare(study: str, seed: int, config: ExperimentConfig, path: Path) -> Experiment:
    """Check an experiment against its stimulus set.

    Parameters
    ----------
    study, seed
        Name and seed of the study.
    config
        The experiment.
    path
        Path of the stimulus set, whose whole content is checked against its seal.

    Raises
    ------
    InputError
        The set is missing or altered, it lacks what the experiment needs, or the procedure needs
        a library that is not installed.
    """
    check_seal(path)
    stimuli = StimulusSet(path)
    conditions = find_conditions(stimuli.table, config, str(path))
    check_trials(conditions, config)
    return Experiment(study, seed, config, stimuli, conditions)


def check_images_fit(experiment: Experiment, pixels: tuple[int, int]) -> None:
    """Raise if a trial's images do not fit on a display of this width and height in pixels."""
    needed = schedule(experiment.config).extent(*experiment.image_size)
    if needed[0] > pixels[0] or needed[1] > pixels[1]:
        raise InputError(
            f"experiment.display.pixels: {pixels[0]} × {pixels[1]}, and a trial needs "
            f"{needed[0]} × {needed[1]} (images are never scaled); use a larger display, "
            "presentation: time, or build the set with smaller images"
        )


@dataclass(frozen=True)
class Seat:
    """A participant's seat in a session: codes, seed, order of blocks, and keys."""

    participant: str
    session: str
    observer: ObserverKind
    number: int  # of the participant, from 0
    seed: int
    blocks: tuple[str, ...]  # in this participant's order
    keys: tuple[str, ...]  # in the order of the choices
    rule: int = counterbalance.RULE  # of counterbalancing


def seat(
    experiment: Experiment,
    folder: Path,
    participant: str,
    visit: str,
    observer: ObserverKind,
    say: Callable[[str], None] = lambda _: None,
) -> Seat:
    """Enter a participant in the data set, and return their seat in a session.

    Parameters
    ----------
    experiment
        The experiment.
    folder
        Data folder.
    participant, visit
        Codes of participant and session: letters and digits.
    observer
        Kind of observer.
    say
        Called with each line on repairs of ``participants.tsv`` and on sessions of another
        experiment in the folder.

    Raises
    ------
    InputError
        A code has other characters, sessions of people in the folder were made with another set,
        the folder cannot be written, or a sidecar of the participant cannot be read.
    """
    bids_names.check_code(participant, "participant")
    bids_names.check_code(visit, "session")
    if observer == "person":
        people = check_set(experiment, folder)
        for remark in same_experiment.remarks(folder, people, _shared_entries(experiment)):
            say(remark)
    rule = rule_for(folder, participant, visit, experiment.task)
    number = data_set.enrol(folder, experiment.study, participant, observer, say=say)
    return make_seat(experiment, participant, visit, observer, number, rule)


def check_set(experiment: Experiment, folder: Path) -> same_experiment.DescribedSessions:
    """Return the sessions of people in a data folder, or raise if one showed another set."""
    stimuli = experiment.stimuli
    people = same_experiment.sessions_of_people(folder)
    same_experiment.check_set(folder, people, stimuli.content_hash, stimuli.path)
    return people


def _shared_entries(experiment: Experiment) -> dict[str, Any]:
    """Return the part of a sidecar that all sessions of an experiment share."""
    facts = {
        "StimulusSet": experiment.stimuli.content_hash,
        "Experiment": experiment.config.as_recorded(),
    }
    return {"TaskName": experiment.task.name, "Session": json.loads(json.dumps(facts))}


def make_seat(
    experiment: Experiment,
    participant: str,
    visit: str,
    observer: ObserverKind,
    number: int,
    rule: int = counterbalance.RULE,
) -> Seat:
    """Return the seat that follows from a participant's codes, number and counterbalancing rule."""
    config, blocks = experiment.config, experiment.blocks
    return Seat(
        participant,
        visit,
        observer,
        number,
        counterbalance.session_seed(experiment.study, experiment.seed, participant, visit),
        counterbalance.block_order(blocks, number),
        counterbalance.key_order(config.answer_keys, number, config.swap_keys, len(blocks), rule),
        rule,
    )


def run(
    experiment: Experiment,
    seat: Seat,
    folder: Path,
    observer: Callable[[Seat, np.random.Generator], Observer],
    sitting: Mapping[str, Any],
    *,
    durable: bool = True,
    facts: Mapping[str, Any] | None = None,
) -> Outcome:
    """Run or resume a session.

    Parameters
    ----------
    experiment
        The experiment.
    seat
        Participant and session.
    folder
        Data folder.
    observer
        Function of the seat and a random generator that returns the observer; called once the
        record is open.
    sitting
        Entries of the sidecar that describe this start of the program.
    durable
        Whether each row is forced to the disk before the next trial.
    facts
        Further entries of the sidecar that must be equal when the session is resumed.

    Raises
    ------
    InputError
        The session is finished or cannot be resumed, or a row cannot be written.
    """
    experiment = with_recorded_rules(experiment, folder, seat.participant, seat.session)
    config = experiment.config
    about = {
        "Started": datetime.now(UTC).isoformat(timespec="seconds"),
        "SoftwareVersions": software_versions(),
        **sitting,
    }
    with records.open_record(
        folder,
        seat.participant,
        seat.session,
        experiment.task,
        {**fixed_entries(experiment, seat), **(facts or {})},
        about,
        instructions=instructions(config, experiment.task, seat.keys),
        durable=durable,
    ) as record:
        trials = generate_trials(experiment.conditions, config, seat.seed, seat.blocks)
        rng = np.random.default_rng([seat.seed, record.sitting])
        outcome = session.run(trials, observer(seat, rng), record, config)
        record.close(
            outcome.finished,
            Intervals=outcome.intervals,
            IntervalsWithDroppedFrames=outcome.late,
            Flagged=outcome.off > config.display.dropped,
        )
    return outcome


def check_open(experiment: Experiment, seat: Seat, folder: Path) -> None:
    """Raise if a session is finished, or was begun with another study or set."""
    facts = fixed_entries(
        with_recorded_rules(experiment, folder, seat.participant, seat.session), seat
    )
    records.check_open(folder, seat.participant, seat.session, experiment.task, facts)


def with_recorded_rules(
    experiment: Experiment, folder: Path, participant: str, visit: str
) -> Experiment:
    """Return the experiment with the false-alarm rates that an existing session was begun with."""
    path = bids_names.table_path(folder, participant, visit, experiment.task)
    return replace(experiment, config=config_for(experiment.config, path))


def fixed_entries(experiment: Experiment, seat: Seat) -> dict[str, Any]:
    """Return the entries of a sidecar that must not change once a session has a row."""
    config = experiment.config
    return {
        "Observer": seat.observer,
        "StimulusSet": experiment.stimuli.content_hash,
        "Experiment": config.as_recorded(),
        "RefreshRate": config.display.refresh_rate,
        "Seed": seat.seed,
        "ParticipantOrder": seat.number,
        "Blocks": list(seat.blocks),
        "Keys": dict(zip(experiment.task.alternatives, seat.keys, strict=True)),
        "Conditions": [condition.name for condition in experiment.conditions],
        **({counterbalance.RULE_KEY: seat.rule} if seat.rule > 1 else {}),
    }


def software_versions() -> dict[str, str]:
    """Return the versions of the software that a session depends on."""
    versions = {}
    for name in ("mrd-suite", "psychopy-lib", "psychtoolbox", "questplus", "numpy", "h5py"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
