"""Remaining steps are carried out in order, up to the first failure."""

from mrd.workflow.run_steps import carried_out
from mrd.workflow.step_reasons import StudyStep

VERSION = ("--version",)


class Recorder:
    """Records the progress of steps."""

    def __init__(self):
        self.lines = []

    def begins(self, step):
        self.lines.append(f"begins {step.name}")

    def finished(self, step, seconds):
        self.lines.append(f"finished {step.name}")
        assert seconds > 0


def test_steps_are_carried_out_up_to_the_first_failure(tmp_path, capfd):
    missing = str(tmp_path / "none.h5")
    first = StudyStep("generate", "due", "", (VERSION,))
    second = StudyStep("build", "due", "", (("stimuli", "check", missing), VERSION))
    looks = iter([[first, StudyStep("build", "waits", "")], [second]])
    progress = Recorder()
    stop = carried_out(lambda: next(looks), progress)
    assert (stop.step, stop.command, stop.code) == (second, ("stimuli", "check", missing), 2)
    assert progress.lines == ["begins generate", "finished generate", "begins build"]
    printed = capfd.readouterr()
    assert f"{missing}: there is no such file" in printed.err
    assert len(printed.out.splitlines()) == 1  # of `mrd --version`, once


def test_a_step_that_remains_after_its_commands_is_not_repeated():
    step = StudyStep("generate", "due", "nothing helps", (VERSION,))
    stop = carried_out(lambda: [step], Recorder())
    assert (stop.step, stop.code, stop.again) == (step, 1, True)
    assert carried_out(lambda: [StudyStep("generate", "done", "")], Recorder()) is None
