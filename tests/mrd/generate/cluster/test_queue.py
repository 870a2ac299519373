"""Waiting for tasks of a cluster."""

import pytest

from mrd.generate.cluster import queue
from mrd.generate.cluster.queue import QueueError, TaskStatus
from tests.mrd.generate.cluster.submitted import submitted


def test_waiting_shows_changes_and_returns_the_failed_tasks(tmp_path):
    task = submitted(tmp_path, "a", "7_0")
    pending = TaskStatus(task, True, "pending", "Resources")
    running = [TaskStatus(task, True, "running", f"n1, 0:0{second}") for second in (1, 2)]
    failed = TaskStatus(task, False, "failed", "a full disk")
    looks = [[pending], [running[0]], [running[1]], [failed]]
    shown = []
    assert queue.wait(lambda: looks.pop(0), shown.append, seconds=0) == [failed]
    assert shown == [pending, running[0], failed]


def test_a_queue_that_does_not_answer_is_asked_again(tmp_path):
    task = submitted(tmp_path, "a", "7_0")
    looks = [[TaskStatus(task, True, "running", "")], None, None, []]
    shown = []

    def look():
        now = looks.pop(0)
        if now is None:
            raise QueueError("squeue did not answer")
        return now

    assert queue.wait(look, lambda _: None, shown.append, seconds=0) == []
    assert shown == ["squeue did not answer"]
    looks[:] = [None]
    with pytest.raises(QueueError, match="squeue did not answer"):
        queue.wait(look, lambda _: None, seconds=0, patience=0)
