"""Rates of flipped classes: finished and failed runs are both counted."""

import pytest
from rich.console import Console

from mrd.cli.flips import flips
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study
from mrd.workflow.standings import RunStatus
from tests.small_study import write_study

FOOL = {"attributes": ["material"], "mode": "flip", "seeds": [1, 2, 3, 4, 5, 6, 7]}


@pytest.fixture
def runs(tmp_path):
    models = {"sees": {"network": "efficientnet_lite0"}}
    searches = {"fool": FOOL, "paint": {"attributes": ["material"]}}
    return resolve_study(read_study(write_study(tmp_path, models=models, searches=searches))).runs


def finished(run, distance):
    cameras = [{"held_out": held_out, "flipped": not held_out} for held_out in (False, True)]
    flip = {
        "measure": "rms_log_reflectance",
        "distance": distance,
        "cameras": cameras,
        "random_changes": {"flipped": 1, "of": 5},
    }
    return RunStatus(run, "done", 4, {}, {"flip": flip}, "")


def printed(statuses):
    console = Console(width=300)
    with console.capture() as capture:
        console.print(flips(statuses))
    return [line.split("  ") for line in capture.get().splitlines()]


def failed(run):
    return RunStatus(run, "failed", 2, {}, None, "the loss is not finite")


def test_failed_runs_are_counted_beside_finished_ones(runs):
    distances = [0.1, 0.2, 0.4, None, None]
    statuses = [finished(run, each) for run, each in zip(runs, distances, strict=False)]
    statuses += [failed(runs[5]), RunStatus(runs[6], "pending", 0, {}, None, "")]
    statuses.append(failed(runs[7]))  # of a search that flips nothing
    header, row = printed(statuses)
    cells = [cell.strip() for cell in row if cell.strip()]
    assert "flipped" in header
    assert cells == [
        "fool",
        "sees",
        "3 of 5 finished; 1 failed",
        "0.2 rms log reflectance",
        "0 of 3",
        "3 of 15",
    ]


def test_without_failed_runs_the_finished_ones_are_counted(runs):
    _, row = printed([finished(runs[0], 0.1), finished(runs[1], None)])
    assert "1 of 2" in [cell.strip() for cell in row]


def test_a_search_of_which_all_runs_failed_has_a_row(runs):
    _, row = printed([failed(runs[0]), failed(runs[1])])
    assert "0 of 0 finished; 2 failed" in [cell.strip() for cell in row]


def test_without_ended_flips_there_is_no_table(runs):
    assert flips([RunStatus(runs[0], "pending", 0, {}, None, ""), failed(runs[7])]) is None
