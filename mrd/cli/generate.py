"""``mrd generate``: carry out a study's searches and make its images, here or on a cluster."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mrd.cli.files import changed_files
from mrd.cli.flips import flips
from mrd.cli.progress import in_a_log, shown
from mrd.cli.tables import console, duration, images, number, reasons, states, tasks, verdicts
from mrd.generate import study_runs
from mrd.generate.cluster import queue, submit
from mrd.generate.cluster.options import SlurmOptions, read_options
from mrd.generate.cluster.queue import TaskStatus
from mrd.generate.cluster.submissions import Task
from mrd.generate.cluster.submit import RemainingTasks
from mrd.study.resolved_study import ResolvedStudy, resolve_study
from mrd.study.study import as_word, read_study
from mrd.workflow.forecast import Forecast, forecast
from mrd.workflow.standings import families, overview
from scenes.base.errors import InputError


def generate(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check the study, its files, models and this machine; print the runs, the number "
            "of images and the expected time.",
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            max=1024,
            metavar="N",
            help="Searches at once, each in a process with its share of the processors.",
        ),
    ] = 1,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Read every finished image and scene, and make again those with an altered byte.",
        ),
    ] = False,
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE …",
            help="Submit it to Slurm, a task for each run, and say what each asks for: time "
            "(needed), partition, gpus, cpus, mem, account, qos, constraint, exclude, at_once. "
            "For example: --slurm partition=gpu time=4:00:00 gpus=1",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="With --slurm: wait until all tasks have ended.")
    ] = False,
) -> None:
    """Search metamers, make controls and images of series.

    What is done is skipped, what was stopped goes on from its newest state or image; files that
    are gone or cut are made again.
    """
    options = _slurm_options(slurm, wait, workers, verify)
    described = read_study(study)
    out = console()
    for change in changed_files(described):
        out.print(change)
    if options:
        submit.check_machine(described.runs)
    resolved = resolve_study(described)
    if dry_run:
        _show_forecast(resolved, options, out)
    elif options:
        left = submit.remaining_tasks(resolved, out.print)
        tasks = submit.submit(left.waiting, described, study, options, in_a_log)
        out.print(_submitted(tasks, left, study))
        if wait:
            _wait(resolved, out)
    else:
        with shown(out, several=workers > 1) as report:
            outcomes = study_runs.generate(resolved, report, workers, by_hash=verify)
        _show_results(resolved, out)
        _exit([outcome.refused for outcome in outcomes if outcome.failure])


def _show_forecast(study: ResolvedStudy, options: SlurmOptions | None, out: Console) -> None:
    """Check the study and the machine; print the status of runs, and what remains."""
    left = submit.remaining_tasks(study, out.print) if options else None
    if left is None:
        study_runs.check(study.runs)
        study_runs.check_series(study.runs)
    statuses = overview(study)
    out.print(states(statuses))
    shared = families(study)
    if shared:
        out.print(images(statuses, shared))
    for line in reasons(statuses, shared):
        out.print(line)
    out.print(_in_words(forecast(study, statuses, shared)))
    if left:
        out.print(f"{_counted(left.waiting)} would be submitted{_queued(left)}")


def _show_results(study: ResolvedStudy, out: Console) -> None:
    """Print verdicts and numbers of images, and below, once, what is wrong."""
    statuses = overview(study)
    out.print(verdicts(statuses))
    if rates := flips(statuses):
        out.print(rates)
    if shared := families(study):
        out.print(images(statuses, shared))
    for line in reasons(statuses, shared):
        out.print(line)


def _exit(failed: Sequence[bool]) -> None:
    """Exit with 1 if something failed, with 2 if the user can correct all of it."""
    if failed:
        raise typer.Exit(2 if all(failed) else 1)


# ---- On a cluster -------------------------------------------------------------------------------


def _slurm_options(
    words: list[str] | None, wait: bool, workers: int, verify: bool
) -> SlurmOptions | None:
    """Return the options of tasks; None if the work is done on this machine."""
    if not words:
        if wait:
            raise InputError("--wait: there is nothing to wait for without --slurm; leave it out")
        return None
    if workers != 1:
        raise InputError(
            f"--workers {workers}: with --slurm, tasks run at once as the cluster has room for "
            "them; for fewer, write --slurm at_once=N"
        )
    if verify:
        raise InputError(
            "--verify: with --slurm, finished images are not read; leave --slurm out, and what was "
            "altered is made again where the command runs"
        )
    return read_options(words)


def _submitted(given: Sequence[Task], left: RemainingTasks, study: Path) -> str:
    """Return which tasks were submitted, in words."""
    if not given and not left.queued:
        return "nothing to submit: all is done"
    jobs = dict.fromkeys(task.job.partition("_")[0] for task in given)
    number_of = f" as job {', '.join(jobs)}" if jobs else ""
    return (
        f"{_counted(given)} submitted{number_of}{_queued(left)}; mrd status "
        f"{shlex.quote(as_word(study))} tells where they stand"
    )


def _counted(pieces: Sequence[object]) -> str:
    return f"{len(pieces)} task{'' if len(pieces) == 1 else 's'}"


def _queued(left: RemainingTasks) -> str:
    return f", {len(left.queued)} in the queue already" if left.queued else ""


def _wait(study: ResolvedStudy, out: Console) -> None:
    """Wait until all tasks have ended, then print the results and the failures."""

    def show(each: TaskStatus) -> None:
        out.print(f"{each.task.job} {each.task.name}: {each.state} {each.message}".rstrip())

    failed = queue.wait(
        lambda: submit.task_statuses(study), show, lambda why: out.print(f"still asking: {why}")
    )
    _show_results(study, out)
    if failed:
        out.print(tasks(failed))
    _exit([each.refused for each in failed])


def _in_words(expected: Forecast) -> str:
    """Return a forecast in words."""
    return (
        f"{expected.searches} of {expected.all_searches} searches and {expected.images} of "
        f"{expected.all_images} images to do: about {duration(expected.seconds)} with one worker, "
        f"{number(expected.bytes / 1e6)} MB of images ({expected.basis})"
    )
