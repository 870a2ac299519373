"""Whether a task is queued again when its time ends."""

import time

import pytest

from mrd.generate.cluster.task import Work
from scenes.base.errors import InputError
from tests.end_to_end.tiny import run_directories, study_in


def test_a_task_that_keeps_something_is_queued_again(tmp_path):
    folder = study_in(tmp_path / "tiny")
    (directory,) = run_directories(folder)
    work = Work(folder, directory.name, 2, tmp_path, list)
    work._counts_before = (-1, 0, 0)
    with pytest.raises(InputError, match="no step and no image was kept within 2 minutes"):
        work.checkpoint()
    (directory.path / "states").mkdir(parents=True)
    (directory.path / "states" / "00005.npz").touch()
    assert work.checkpoint().function is work
    work._counts_before = (5, 0, 0)
    work._began = time.monotonic()  # preempted at once: the lead alone exceeds two minutes
    assert work.checkpoint().function is work
    work.minutes = 60
    work._began = time.monotonic()  # preempted in its first minute
    assert work.checkpoint().function is work
