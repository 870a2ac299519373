"""``mrd experiment``: put a study before people, simulated observers and models."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import track

from mrd.cli.counting import counted
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
from psychophysics.psychometric_function import FUNCTIONS, Function, lapse_probability
from psychophysics.session import Outcome
from psychophysics.web import importing
from psychophysics.web.address import notes_on
from psychophysics.web.export import export as export_page
from scenes.base.errors import InputError, printable, unknown

app = typer.Typer(help="Put a study before people, simulated observers and models.")

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
]
Threshold = Annotated[float, typer.Option(help="m: the level where the curve is half way up.")]
Width = Annotated[
    float,
    typer.Option(help="w: from 5 % to 95 %; Weibull: natural logarithms of the level."),
]
Lapse = Annotated[float, typer.Option(help="λ: one minus the upper asymptote.")]
FunctionName = Annotated[str, typer.Option("--function", help="weibull or norm.")]
FalseAlarms = Annotated[
    float, typer.Option(help="Same–different: how often the same is called different.")
]


@app.command()
def run(
    study: StudyPath,
    participant: Annotated[
        str | None,
        typer.Option(help="Code of the participant: letters and digits. Without it, a dialog."),
    ] = None,
    session: Annotated[str, typer.Option(help="Code of the session.")] = bids_names.FIRST_SESSION,
    uncalibrated: Annotated[
        bool, typer.Option("--uncalibrated", help="Take the display to be sRGB; recorded.")
    ] = False,
    pace: Annotated[
        bool,
        typer.Option("--pace", help="A software pacer for a display without sync; recorded."),
    ] = False,
    windowed: Annotated[
        bool, typer.Option("--window", help="A window instead of the full screen; recorded.")
    ] = False,
) -> None:
    """Run a session with a person, or go on with it."""
    # Loaded here: PsychoPy is on the experiment computer alone.
    from psychophysics.lab import run_at_window, window

    described = read_study(study)
    experiment = _experiment(described)
    setup = run_at_window.prepare(
        experiment, described.folder, uncalibrated=uncalibrated, paced=pace, windowed=windowed
    )
    if participant is None:
        participant, session = window.ask_participant(session)
    folder = described.folder / bids_names.PEOPLE
    outcome = run_at_window.run(setup, participant, session, folder, _note)
    _say(outcome)


@app.command()
def simulate(
    study: StudyPath,
    observers: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 20,
    threshold: Threshold = 0.5,
    width: Width = 1.0,
    lapse: Lapse = 0.02,
    function: FunctionName = "weibull",
    false_alarms: FalseAlarms = 0.2,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME:LAYER", help="Answer by a model's stored distances instead."),
    ] = None,
    noise: Annotated[
        float, typer.Option(min=0, help="Standard deviation added to each of its distances.")
    ] = 0.0,
    criterion: Annotated[
        float | None,
        typer.Option(help="Same–different: distance above which it says different."),
    ] = None,
) -> None:
    """Let simulated observers, or a model, answer the trials.

    The same trials as people's, without a window.
    """
    described = read_study(study)
    experiment = _experiment(described)
    if model is None:
        follows = _psychometric(threshold, width, lapse, function, false_alarms, experiment)
        kind: ObserverKind = "simulated"
        stem, make, how = "sim", _simulated(experiment, follows), {"Psychometric": vars(follows)}
    else:
        kind = "model"
        stem, make, how = _model(experiment, model, noise, lapse, criterion)
    folder = described.folder / bids_names.SIMULATED
    made = skipped = 0
    rows = range(1, observers + 1)
    for index in track(rows, description="observers", disable=not sys.stdout.isatty()):
        code = f"{stem}{index:02d}"
        seat = experiments.seat(experiment, folder, code, bids_names.FIRST_SESSION, kind, _note)
        try:
            experiments.run(experiment, seat, folder, make, {}, durable=False, facts=how)
            made += 1
        except records.SessionFinished:
            skipped += 1
        except records.SessionChanged:
            records.remove_session(folder, seat.participant, seat.session, experiment.task)
            experiments.run(experiment, seat, folder, make, {}, durable=False, facts=how)
            made += 1
    print(f"{made} sessions simulated, {skipped} were there already: {printable(str(folder))}")


@app.command()
def power(
    study: StudyPath,
    trials: Annotated[
        str, typer.Option(help="Numbers of trials a level to try, separated by commas.")
    ] = "10,20,40",
    observers: Annotated[int, typer.Option(min=2, max=1000, help="Of each number.")] = 10,
    threshold: Threshold = 0.5,
    width: Width = 1.0,
    lapse: Lapse = 0.02,
    function: FunctionName = "weibull",
    false_alarms: FalseAlarms = 0.2,
) -> None:
    """Tell how wide a threshold's interval will be."""
    described = read_study(study)
    counts = _counts(trials)
    experiment = _experiment(described, lambda asked: plain(asked, counts[0]))
    follows = _psychometric(threshold, width, lapse, function, false_alarms, experiment)
    progress = sys.stdout.isatty()
    rows = [
        planned(experiment, follows, count, observers)
        for count in track(counts, description="trials", disable=not progress)
    ]
    console().print(
        table(
            ("trials a level", "trials", "threshold", "interval", "covers", "measurable"),
            (
                (
                    str(row.trials_per_level),
                    str(row.trials),
                    number(row.threshold),
                    number(row.interval),
                    f"{row.covered}/{row.measured}",
                    f"{row.measured}/{row.observers}",
                )
                for row in rows
            ),
            numbers=("trials a level", "trials", "threshold", "interval", "covers", "measurable"),
        )
    )


@app.command("export-web")
def export_web(
    study: StudyPath,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to make.")],
    participants: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many: web01, web02, …")
    ] = 20,
    session: Annotated[str, typer.Option(help="Code of the session.")] = bids_names.FIRST_SESSION,
    post: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send answers there; else people save them as files."),
    ] = None,
) -> None:
    """Write the experiment as a page for a browser."""
    described, shown = read_study(study), console()
    experiment = _experiment(described)
    experiments.check_set(experiment, described.folder / bids_names.PEOPLE)
    with counted(shown) as progress:
        page = export_page(experiment, out, participants, session, post, progress)
    shown.print(f"{page}: open it, or put the folder on a web server; the first participant is")
    shown.print(f"  {page.name}?participant={page_code(0)}")
    for note in notes_on(post) if post is not None else ():
        shown.print(note)


@app.command("import-web")
def import_web(
    study: StudyPath,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="What the page saved or sent.")
    ],
) -> None:
    """Turn the page's sessions into files for mrd analyse."""
    described = read_study(study)
    experiment, folder = _experiment(described), described.folder / bids_names.PEOPLE
    sessions = importing.check_files(experiment, files, folder)
    outcomes = importing.store(experiment, sessions, folder, _note)
    for each, outcome in zip(sessions, outcomes, strict=True):
        print(f"{each.seat.participant}: {_told(outcome, 'not finished')}")


# ---- From words to observers --------------------------------------------------------------------

Make = Callable[[Seat, np.random.Generator], Observer]


def _experiment(
    study: Study, changed: Callable[[ExperimentConfig], ExperimentConfig] = lambda asked: asked
) -> Experiment:
    if study.experiment is None:
        raise InputError(
            f"{study.folder / 'study.yaml'}: experiment: is missing; add the section, such as "
            "experiment: {task: oddity}"
        )
    asked = changed(study.experiment)
    return experiments.prepare(study.name, study.seed, asked, study.stimulus_set)


def _psychometric(
    threshold: float,
    width: float,
    lapse: float,
    function: str,
    false_alarms: float,
    experiment: Experiment,
) -> Psychometric:
    if function not in FUNCTIONS:
        raise unknown("function", function, FUNCTIONS)
    for name, value, low, high in (
        ("threshold", threshold, 0, np.inf),
        ("width", width, 0, np.inf),
        ("false-alarms", false_alarms, 0, 1),
    ):
        if not low < value < high:
            raise InputError(f"--{name} {value:g}: use a number above {low} and below {high}")
    kind: Function = FUNCTIONS[function]
    follows = Psychometric(threshold, width, lapse, kind, false_alarms)
    lapse_probability(lapse, follows.guess(experiment.task))  # refuses what no observer can have
    return follows


def _simulated(experiment: Experiment, follows: Psychometric) -> Make:
    return lambda _seat, rng: SimulatedObserver(follows, experiment.task, rng)


def _model(
    experiment: Experiment, name: str, noise: float, lapse: float, criterion: float | None
) -> tuple[str, Make, dict[str, Any]]:
    """Make a model's observer from ``NAME:LAYER``."""
    model, separator, layer = name.partition(":")
    if not separator:
        known = "; ".join(
            f"{each}:{part}"
            for each, layers in experiment.stimuli.models.items()
            for part in layers
        )
        raise InputError(f"--model {name}: write NAME:LAYER; the set has {known or 'none'}")
    distances = {
        family: experiment.stimuli.distances(model, layer, family)
        for family in {condition.family for condition in experiment.conditions}
    }
    line = criterion
    if line is None:
        line = same_different_criterion(distances, experiment.conditions, experiment.config.vary)
    lapse_probability(lapse, experiment.task.chance)  # refuses what no observer can have
    how = {"model": name, "noise": noise, "lapse": lapse, "criterion": line}

    def make(_seat: Seat, rng: np.random.Generator) -> Observer:
        return ModelObserver(
            distances, experiment.task, noise=noise, lapse=lapse, criterion=line, rng=rng,
        )  # fmt: skip

    return f"{participant_code(name)}x", make, {"Model": how}


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1 or max(counts) > 10_000:
        raise InputError(f"--trials {text}: write whole numbers from 1 to 10000, such as 10,20,40")
    return counts


def _note(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


def _say(outcome: Outcome) -> None:
    print(_told(outcome, "stopped; the same command goes on from there"))


def _told(outcome: Outcome, unfinished: str) -> str:
    state = "finished" if outcome.finished else unfinished
    return f"{outcome.trials} trials, {outcome.off:.2%} of intervals with dropped frames: {state}"
