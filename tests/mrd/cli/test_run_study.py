"""``mrd run``: what it says to type after a failure."""

import pytest
from typer import Exit

from mrd.cli import run_study
from mrd.workflow.run_steps import Stop
from mrd.workflow.step_reasons import StudyStep
from tests.end_to_end.tiny import study_in


def test_a_step_that_stays_due_is_said_with_its_reason_and_not_to_be_repeated(capsys):
    step = StudyStep(
        "build", "due", "it holds other records of reach", (("stimuli", "build", "a b"),)
    )
    with pytest.raises(Exit, match=r"^1$"):
        run_study._tell(Stop(step, step.commands[0], 1, again=True), "mrd run 'a b'")
    told = capsys.readouterr().err
    assert told.startswith(
        "stopped at build: mrd stimuli build 'a b' went well, and there is still something to do: "
        "it holds other records of reach; "
    )
    assert "goes on" not in told


@pytest.mark.parametrize(
    "options",
    [
        ("--observers", "3", "--workers", "2"),
        pytest.param(("--participant", "07", "--session", "02"), marks=pytest.mark.full),
    ],
)
def test_a_failure_ends_with_the_command_that_goes_on_as_it_was_typed(tmp_path, mrd, options):
    folder = study_in(tmp_path / "a study")
    (folder / "runs").write_text("a file where a folder is to be")
    code, _, told = mrd("run", folder, *options)
    assert code == 2
    last = told.splitlines()[-1]
    again = " ".join(("mrd run", f"'{folder}'", *options))
    assert last.startswith("stopped at generate: mend what mrd generate ")
    assert last.endswith(f"; then {again} goes on from there")
