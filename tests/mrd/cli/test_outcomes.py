"""How many searches succeeded, and how well they recovered their targets: one real search."""

import pytest

from mrd.cli.outcomes import recoveries, successes
from mrd.cli.tables import reasons
from mrd.generate import one_run
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all
from mrd.workflow.standings import overview
from mrd.workflow.steps import Audience, steps
from tests.mrd.cli.test_tables import lines
from tests.silent import Silent
from tests.small_study import FAST, VASE, write_study

# Starts at the target, and hardly moves: the result is the target again.
AGAIN = FAST | {
    "start": {"material": VASE["material"]},
    "learning_rate": {"material": 1e-6},
    "material_parameters": ["base_color", "roughness"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a study with a finished search whose result is the target."""
    return made(tmp_path_factory.mktemp("study"))


def written(folder, **changes):
    searches = {"paint": AGAIN | changes}
    return read_study(write_study(folder, targets={"vase": VASE}, searches=searches))


def made(folder):
    study = written(folder)
    (run,) = resolve_all(study)
    one_run.make(run, study.runs, "cpu", Silent())
    return folder


def test_a_search_that_finds_the_target_again_has_recovered_it(folder):
    study = written(folder)
    (run,) = resolve_all(study)
    score = RunDirectory(study.runs / run.name).judgement()
    assert (score["verdict"], score["target_again"]) == ("result", True)
    assert score["training"]["metamer"] is True
    assert score["recovery"]["recovered"] is True
    errors = score["recovery"]["errors"]["material"]
    assert list(errors) == ["rms_log_reflectance", "base_color", "roughness"]
    assert all(0 <= each < 1e-3 for each in errors.values())
    assert score["recovery"]["units"]["material"] == {"rms_log_reflectance": "log units"}


@pytest.mark.parametrize(
    ("goal", "count", "reason"),
    [("metamer", "0 of 1", "recovered, not a metamer: "), ("recover", "1 of 1", None)],
)
def test_the_goal_decides_what_is_a_success(folder, goal, count, reason):
    """It changes no search: the run is found again, whatever the goal."""
    study = written(folder, goal=goal)
    standings = overview(study)
    assert [each.status for each in standings] == ["done"]
    cells = lines(successes(standings))[1].split()
    assert cells == ["paint", "net", goal, *count.split(), "0", "1", "0"]
    found = reasons(standings, [])
    assert [reason in each for each in found] == ([True] if reason else [])
    generate = steps(study, folder, Audience(None, "01", 20))[0]
    assert generate.why.endswith(f"; {count} searches succeeded")


def test_errors_are_printed(folder):
    study = written(folder)
    (standing,) = overview(study)
    header, row = lines(recoveries([standing]))
    assert header.split("  ")[-1].strip() == "difference from the target"
    assert "recovered" in row
    assert "RMS log reflectance" in row
    assert "base color" in row
    assert "metallic" not in row  # not searched
    # Runs of an earlier version have no `recovery`, but the same differences.
    standing.judgement.pop("recovery")
    assert lines(recoveries([standing]))[1] == row


def test_before_any_search_has_ended_there_are_no_tables(tmp_path):
    standings = overview(written(tmp_path))
    assert successes(standings) is None
    assert recoveries(standings) is None
