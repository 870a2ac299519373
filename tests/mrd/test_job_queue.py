"""Waiting for tasks of a cluster."""

from mrd import job_queue
from mrd.job_queue import TaskStanding
from tests.mrd.submitted import submitted


def test_waiting_tells_what_changes_and_ends_with_what_failed(tmp_path):
    task = submitted(tmp_path, "a", "7_0")
    pending = TaskStanding(task, True, "pending", "Resources")
    running = [TaskStanding(task, True, "running", f"n1, 0:0{second}") for second in (1, 2)]
    failed = TaskStanding(task, False, "failed", "a full disk")
    looks = [[pending], [running[0]], [running[1]], [failed]]
    told = []
    assert job_queue.wait(lambda: looks.pop(0), told.append, seconds=0) == [failed]
    assert told == [pending, running[0], failed]
