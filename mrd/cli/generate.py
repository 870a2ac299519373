"""``mrd generate``: run a study's searches and make its images, locally or on a cluster."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from typer import Option

from mrd.cli.arguments import StudyPath, Workers
from mrd.cli.files import changed_files
from mrd.cli.flips import flips
from mrd.cli.outcomes import successes
from mrd.cli.progress import log_progress, search_progress
from mrd.cli.tables import console, duration, images, number, reasons, states, tasks, verdicts
from mrd.generate import study_runs
from mrd.generate.cluster import queue, submit
from mrd.generate.cluster.options import SlurmOptions, read_options
from mrd.generate.cluster.queue import TaskStatus
from mrd.generate.cluster.submissions import Task
from mrd.generate.cluster.submit import RemainingTasks
from mrd.study.resolved_study import ResolvedStudy, resolve_study
from mrd.study.study import as_word, read_study
from mrd.workflow.forecast import forecast
from mrd.workflow.standings import families, overview
from scenes.base.errors import InputError


def generate(
    path: StudyPath,
    dry_run: Annotated[
        bool,
        Option(
            "--dry-run",
            help="Only check the study, its files, its models and this machine, and print the "
            "runs, the number of images and the expected time.",
        ),
    ] = False,
    workers: Workers = 1,
    verify: Annotated[
        bool,
        Option(
            "--verify",
            help="Read every finished image and scene, and make those again that were altered.",
        ),
    ] = False,
    slurm: Annotated[
        list[str] | None,
        Option(
            metavar="KEY=VALUE …",
            help="Submit the study to Slurm, one task for each run. The pairs are the resources of "
            "each task: time (required), partition, gpus, cpus, mem, account, qos, constraint, "
            "exclude, at_once. For example: --slurm partition=gpu time=4:00:00 gpus=1",
        ),
    ] = None,
    wait: Annotated[
        bool, Option("--wait", help="With --slurm: wait until all tasks have ended.")
    ] = False,
) -> None:
    """Run the searches for metamers, and make their images.

    Also makes the controls. Finished work is skipped, interrupted work resumes from its last saved
    state, and missing or damaged files are made again.
    """
    options = _slurm_options(slurm, wait, workers, verify)
    study, out = read_study(path), console()
    for change in changed_files(study):
        out.print(change)
    if options:
        submit.check_machine(study.runs)
    resolved = resolve_study(study)
    if dry_run:
        _print_forecast(resolved, options, out)
    elif options:
        remaining = submit.remaining_tasks(resolved, out.print)
        submitted = submit.submit(remaining.waiting, study, path, options, log_progress)
        out.print(_submitted(submitted, remaining, path))
        if wait:
            _wait(resolved, out)
    else:
        with search_progress(out, several=workers > 1) as progress:
            outcomes = study_runs.generate(resolved, progress, workers, by_hash=verify)
        _print_results(resolved, out)
        _exit([outcome.refused for outcome in outcomes if outcome.failure])


def _print_forecast(study: ResolvedStudy, options: SlurmOptions | None, out: Console) -> None:
    """Print the state of the study, and how long the remaining work will take."""
    on_cluster = submit.remaining_tasks(study, out.print) if options else None
    if on_cluster is None:
        study_runs.check(study.runs)
        study_runs.check_series(study.runs)
    statuses = overview(study)
    shared = families(study)
    out.print(states(statuses))
    if shared:
        out.print(images(statuses, shared))
    for line in reasons(statuses, shared):
        out.print(line)
    expected = forecast(study, statuses, shared)
    out.print(
        f"{expected.searches} of {expected.all_searches} searches and {expected.images} of "
        f"{expected.all_images} images to do: about {duration(expected.seconds)} with one worker, "
        f"{number(expected.bytes / 1e6)} MB of images ({expected.basis})"
    )
    if on_cluster:
        out.print(f"{_count(on_cluster.waiting)} would be submitted{_in_queue(on_cluster)}")


def _print_results(study: ResolvedStudy, out: Console) -> None:
    """Print the verdicts of all runs, and the state of their images."""
    statuses = overview(study)
    out.print(verdicts(statuses))
    if counts := successes(statuses):
        out.print(counts)
    if rates := flips(statuses):
        out.print(rates)
    if shared := families(study):
        out.print(images(statuses, shared))
    for line in reasons(statuses, shared):
        out.print(line)


def _exit(refused: Sequence[bool]) -> None:
    """Exit with 2 if the user can correct all failures, with 1 for any other, or not at all."""
    if refused:
        raise typer.Exit(2 if all(refused) else 1)


# ---- On a cluster -------------------------------------------------------------------------------


def _slurm_options(
    words: list[str] | None, wait: bool, workers: int, verify: bool
) -> SlurmOptions | None:
    """Return the options of each task, or None without ``--slurm``."""
    if not words:
        if wait:
            raise InputError("--wait: there is nothing to wait for without --slurm; leave it out")
        return None
    if workers != 1:
        raise InputError(
            f"--workers {workers}: with --slurm, the cluster decides how many tasks run at the "
            "same time; for fewer, write --slurm at_once=N"
        )
    if verify:
        raise InputError(
            "--verify: with --slurm, finished images are not read; to verify them, run the command "
            "without --slurm"
        )
    return read_options(words)


def _submitted(submitted: Sequence[Task], remaining: RemainingTasks, path: Path) -> str:
    """Return one line on the tasks that were submitted and those in the queue."""
    if not submitted and not remaining.queued:
        return "nothing to submit: all runs are done"
    jobs = dict.fromkeys(task.job.partition("_")[0] for task in submitted)
    job = f" as job {', '.join(jobs)}" if jobs else ""
    return (
        f"{_count(submitted)} submitted{job}{_in_queue(remaining)}; mrd status "
        f"{shlex.quote(as_word(path))} shows their progress"
    )


def _count(submitted: Sequence[object]) -> str:
    """Return "1 task", "2 tasks" and so on."""
    return f"{len(submitted)} task{'' if len(submitted) == 1 else 's'}"


def _in_queue(remaining: RemainingTasks) -> str:
    """Return how many tasks were in the queue before, as the end of a sentence."""
    return f", {len(remaining.queued)} in the queue already" if remaining.queued else ""


def _wait(study: ResolvedStudy, out: Console) -> None:
    """Wait until all tasks have ended, then print the results and the failures."""

    def print_change(each: TaskStatus) -> None:
        out.print(f"{each.task.job} {each.task.name}: {each.state} {each.message}".rstrip())

    failed = queue.wait(
        lambda: submit.task_statuses(study),
        print_change,
        lambda why: out.print(f"asking again: {why}"),
    )
    _print_results(study, out)
    if failed:
        out.print(tasks(failed))
    _exit([each.refused for each in failed])
