"""``mrd experiment``: sessions with people, simulated observers and models."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import track
from typer import Argument, Option

from mrd.cli.arguments import Session, StudyPath
from mrd.cli.progress import counter
from mrd.cli.tables import console, number, table
from mrd.study.study import Study, read_study
from mrd.workflow.power import plain, planned
from psychophysics import experiment as experiments
from psychophysics.answer import Observer
from psychophysics.config import ExperimentConfig
from psychophysics.data import bids_names, records
from psychophysics.data.data_set import ObserverKind
from psychophysics.data.participants import page_code
from psychophysics.experiment import Experiment, Seat
from psychophysics.observers import (
    ModelObserver,
    Psychometric,
    SimulatedObserver,
    participant_code,
    same_different_criterion,
)
from psychophysics.psychometric_function import FUNCTIONS, lapse_probability
from psychophysics.session import Outcome
from psychophysics.web import importing
from psychophysics.web.address import notes_on
from psychophysics.web.export import export as export_page
from scenes.base.errors import InputError, printable, unknown

app = typer.Typer(help="Run, simulate, plan and publish the experiment of a study.")

Threshold = Annotated[
    float, Option(help="Threshold m of the psychometric function: the level halfway up the curve.")
]
Width = Annotated[
    float,
    Option(
        help="Width w: the distance between the levels at 5 % and at 95 % of the curve. For "
        "weibull, in natural logarithms of the level."
    ),
]
Lapse = Annotated[float, Option(help="Lapse rate λ: one minus the upper asymptote.")]
FunctionName = Annotated[str, Option("--function", help="Psychometric function: weibull or norm.")]
FalseAlarms = Annotated[
    float,
    Option(
        help="False-alarm rate in same_different: share of same trials that are called different."
    ),
]


@app.command()
def run(
    path: StudyPath,
    participant: Annotated[
        str | None,
        Option(
            help="Code of the participant: letters and digits. Without it, a window asks for both "
            "codes."
        ),
    ] = None,
    session: Session = bids_names.FIRST_SESSION,
    uncalibrated: Annotated[
        bool,
        Option(
            "--uncalibrated",
            help="Run without calibration, as if the display were sRGB. This is recorded.",
        ),
    ] = False,
    pace: Annotated[
        bool,
        Option(
            "--pace",
            help="Time the frames by the computer's clock, for a display without vertical "
            "synchronisation. This is recorded.",
        ),
    ] = False,
    windowed: Annotated[
        bool, Option("--window", help="Use a window instead of the full screen. This is recorded.")
    ] = False,
) -> None:
    """Run a session with a participant, or resume it."""
    # Imported here, because only the experiment computer has PsychoPy.
    from psychophysics.lab import run_at_window, window

    study = read_study(path)
    experiment = _experiment(study)
    setup = run_at_window.prepare(
        experiment, study.folder, uncalibrated=uncalibrated, paced=pace, windowed=windowed
    )
    if participant is None:
        participant, session = window.ask_participant(session)
    folder = study.folder / bids_names.PEOPLE
    outcome = run_at_window.run(setup, participant, session, folder, _note)
    print(_summary(outcome, "stopped; the same command resumes"))


@app.command()
def simulate(
    path: StudyPath,
    observers: Annotated[int, Option(min=1, max=10_000, help="Number of observers.")] = 20,
    threshold: Threshold = 0.5,
    width: Width = 1.0,
    lapse: Lapse = 0.02,
    function: FunctionName = "weibull",
    false_alarms: FalseAlarms = 0.2,
    model: Annotated[
        str | None,
        Option(
            metavar="NAME:LAYER",
            help="Simulate a model instead: its responses follow the distances of this layer, "
            "which mrd embed has stored.",
        ),
    ] = None,
    noise: Annotated[
        float, Option(min=0, help="Standard deviation of the noise that is added to each distance.")
    ] = 0.0,
    criterion: Annotated[
        float | None,
        Option(
            help="Distance from which on the model responds different in same_different. By "
            "default, the middle of its distances."
        ),
    ] = None,
) -> None:
    """Simulate sessions of observers, or of a model.

    They respond to the same trials as people do, without a window. Sessions that exist already are
    skipped; those with other settings are repeated.
    """
    study = read_study(path)
    experiment = _experiment(study)
    if model is None:
        curve = _psychometric(threshold, width, lapse, function, false_alarms, experiment)
        kind: ObserverKind = "simulated"
        stem, make, facts = "sim", _simulated(experiment, curve), {"Psychometric": vars(curve)}
    else:
        kind = "model"
        stem, make, facts = _model(experiment, model, noise, lapse, criterion)
    folder = study.folder / bids_names.SIMULATED
    done = skipped = 0
    numbers = range(1, observers + 1)
    for index in track(numbers, description="observers", disable=not sys.stdout.isatty()):
        code = f"{stem}{index:02d}"
        seat = experiments.seat(experiment, folder, code, bids_names.FIRST_SESSION, kind, _note)
        try:
            experiments.run(experiment, seat, folder, make, {}, durable=False, facts=facts)
        except records.SessionFinished:
            skipped += 1
            continue
        except records.SessionChanged:
            records.remove_session(folder, seat.participant, seat.session, experiment.task)
            experiments.run(experiment, seat, folder, make, {}, durable=False, facts=facts)
        done += 1
    print(f"{done} sessions simulated, {skipped} existed already: {printable(str(folder))}")


@app.command()
def power(
    path: StudyPath,
    trials: Annotated[
        str, Option(help="Numbers of trials per level to compare, separated by commas.")
    ] = "10,20,40",
    observers: Annotated[
        int, Option(min=2, max=1000, help="Number of observers to simulate for each of them.")
    ] = 10,
    threshold: Threshold = 0.5,
    width: Width = 1.0,
    lapse: Lapse = 0.02,
    function: FunctionName = "weibull",
    false_alarms: FalseAlarms = 0.2,
) -> None:
    """Estimate how precise a threshold will be.

    For each number of trials, observers with a known threshold are simulated and fitted. The table
    shows the median width of the 95 % credible interval, and how often it covers the threshold.
    """
    study = read_study(path)
    counts = _counts(trials)
    experiment = _experiment(study, lambda config: plain(config, counts[0]))
    curve = _psychometric(threshold, width, lapse, function, false_alarms, experiment)
    rows = [
        planned(experiment, curve, count, observers)
        for count in track(counts, description="trials", disable=not sys.stdout.isatty())
    ]
    columns = ("trials a level", "trials", "threshold", "interval", "covers", "measurable")
    cells = (
        (
            str(row.trials_per_level),
            str(row.trials),
            number(row.threshold),
            number(row.interval),
            f"{row.covered}/{row.measured}",
            f"{row.measured}/{row.observers}",
        )
        for row in rows
    )
    console().print(table(columns, cells, numbers=columns))


@app.command("export-web")
def export_web(
    path: StudyPath,
    folder: Annotated[
        Path, Option("--out", metavar="DIR", help="Folder of the page, which is created.")
    ],
    participants: Annotated[
        int,
        Option(
            min=1,
            max=10_000,
            help="Number of participants. Their codes are web01, web02, and so on.",
        ),
    ] = 20,
    session: Session = bids_names.FIRST_SESSION,
    post: Annotated[
        str | None,
        Option(
            metavar="URL",
            help="Address that the page sends the responses to. Without it, participants save them "
            "as files.",
        ),
    ] = None,
) -> None:
    """Write the experiment as a web page."""
    study, out = read_study(path), console()
    experiment = _experiment(study)
    experiments.check_set(experiment, study.folder / bids_names.PEOPLE)
    with counter(out) as progress:
        page = export_page(experiment, folder, participants, session, post, progress)
    out.print(f"{page}: open it, or put the folder on a web server; the first participant is")
    out.print(f"  {page.name}?participant={page_code(0)}")
    for note in notes_on(post) if post is not None else ():
        out.print(note)


@app.command("import-web")
def import_web(
    path: StudyPath,
    files: Annotated[
        list[Path], Argument(metavar="FILE…", help="Files that the page saved or sent.")
    ],
) -> None:
    """Convert sessions of the web page for mrd analyse."""
    study = read_study(path)
    experiment, folder = _experiment(study), study.folder / bids_names.PEOPLE
    sessions = importing.check_files(experiment, files, folder)
    outcomes = importing.store(experiment, sessions, folder, _note)
    for each, outcome in zip(sessions, outcomes, strict=True):
        print(f"{each.seat.participant}: {_summary(outcome, 'not finished')}")


# ---- Observers from options ---------------------------------------------------------------------

MakeObserver = Callable[[Seat, np.random.Generator], Observer]


def _experiment(
    study: Study, changed: Callable[[ExperimentConfig], ExperimentConfig] = lambda config: config
) -> Experiment:
    """Return the study's experiment with its set; `changed` may change its settings first."""
    if study.experiment is None:
        raise InputError(
            f"{study.folder / 'study.yaml'}: experiment: is missing; add the section, such as "
            "experiment: {task: oddity}"
        )
    config = changed(study.experiment)
    return experiments.prepare(study.name, study.seed, config, study.stimulus_set)


def _psychometric(
    threshold: float,
    width: float,
    lapse: float,
    function: str,
    false_alarms: float,
    experiment: Experiment,
) -> Psychometric:
    """Return the psychometric function of the options; raise if an option is out of range."""
    if function not in FUNCTIONS:
        raise unknown("function", function, FUNCTIONS)
    for name, value, high in (
        ("threshold", threshold, np.inf),
        ("width", width, np.inf),
        ("false-alarms", false_alarms, 1),
    ):
        if not 0 < value < high:
            raise InputError(f"--{name} {value:g}: use a number above 0 and below {high}")
    curve = Psychometric(threshold, width, lapse, FUNCTIONS[function], false_alarms)
    lapse_probability(lapse, curve.guess(experiment.task))  # refuses impossible lapse rates
    return curve


def _simulated(experiment: Experiment, curve: Psychometric) -> MakeObserver:
    """Return a function that makes an observer who answers by a psychometric function."""
    return lambda _seat, rng: SimulatedObserver(curve, experiment.task, rng)


def _model(
    experiment: Experiment, name: str, noise: float, lapse: float, criterion: float | None
) -> tuple[str, MakeObserver, dict[str, Any]]:
    """Return the start of participant codes, a maker of model observers, and facts to record."""
    model, separator, layer = name.partition(":")
    if not separator:
        layers = experiment.stimuli.models.items()
        known = "; ".join(f"{each}:{part}" for each, parts in layers for part in parts)
        raise InputError(f"--model {name}: write NAME:LAYER; the set has {known or 'none'}")
    distances = {
        family: experiment.stimuli.distances(model, layer, family)
        for family in {condition.family for condition in experiment.conditions}
    }
    if criterion is None:
        criterion = same_different_criterion(
            distances, experiment.conditions, experiment.config.vary
        )
    lapse_probability(lapse, experiment.task.chance)  # refuses impossible lapse rates
    settings: dict[str, Any] = {"noise": noise, "lapse": lapse, "criterion": criterion}

    def make(_seat: Seat, rng: np.random.Generator) -> Observer:
        return ModelObserver(distances, experiment.task, rng=rng, **settings)

    return f"{participant_code(name)}x", make, {"Model": {"model": name, **settings}}


def _counts(text: str) -> list[int]:
    """Return the numbers of trials in the option ``--trials``; raise if one is not valid."""
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1 or max(counts) > 10_000:
        raise InputError(f"--trials {text}: write whole numbers from 1 to 10000, such as 10,20,40")
    return counts


def _note(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


def _summary(outcome: Outcome, unfinished: str) -> str:
    """Return one line on a session: trials, dropped frames, and whether it is finished."""
    state = "finished" if outcome.finished else unfinished
    return f"{outcome.trials} trials, {outcome.off:.2%} of images with dropped frames: {state}"
