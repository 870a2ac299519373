"""``mrd run``: what it prints after a failure."""

import re
from pathlib import Path

import pytest
from typer import Exit

from mrd.cli import run_study
from mrd.workflow.run_steps import Stop
from mrd.workflow.step_reasons import StudyStep
from mrd.workflow.steps import OBSERVERS, Audience

STEP = StudyStep("build", "due", "it holds other records of reach", (("stimuli", "build", "a b"),))


@pytest.mark.parametrize(
    ("code", "again", "exits_with", "message"),
    [
        (1, True, 1,
         "stopped at build: mrd stimuli build 'a b' succeeded, but the step is not complete: "
         "it holds other records of reach; change what this names"),
        (2, False, 2,
         "stopped at build: correct the error that mrd stimuli build 'a b' printed above (--debug "
         "shows where it occurred); then mrd run 'a b' resumes there\n"),
        (-9, False, 1,
         "stopped at build: mrd stimuli build 'a b' was ended by signal 9; then mrd run 'a b' "
         "resumes there\n"),
    ],
)  # fmt: skip
def test_a_failure_is_printed_with_what_to_do(capsys, code, again, exits_with, message):
    with pytest.raises(Exit, match=rf"^{exits_with}$"):
        run_study._exit(Stop(STEP, STEP.commands[0], code, again), "mrd run 'a b'")
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert bool(re.search("resumes", error)) == (not again)


@pytest.mark.parametrize(
    ("audience", "workers", "options"),
    [
        (Audience(None, "01", 3), 2, " --observers 3 --workers 2"),
        (Audience("07", "02", OBSERVERS), 1, " --participant 07 --session 02"),
        (Audience(None, "01", OBSERVERS), 1, ""),
    ],
)
def test_the_command_that_resumes_has_the_options_that_were_typed(audience, workers, options):
    command = run_study._same_command(Path("a study"), audience, workers)
    assert command == f"mrd run 'a study'{options}"
