"""Threads of a search that follow the load of the processors, in a child process.

The child may use all processors; a test process is bound to one.
"""

import os
import subprocess
import sys

import pytest

from tests.paths import ROOT

CHILD = """
import os, subprocess, sys, time
os.sched_setaffinity(0, {processors})
from mrd.rendering import backend
backend.activate()
import drjit as dr, torch
from mrd.rendering import threads
from mrd.rendering.threads import Threads

threads.SECONDS_BETWEEN_LOOKS = 0.5
number = lambda: (dr.thread_count(), torch.get_num_threads())
before, ours = number(), Threads()
loops = [
    subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())
]
try:
    for _ in range(3):
        time.sleep(1)
        ours.adapt()
finally:
    for loop in loops:
        loop.kill()
        loop.wait()
beside = number()
ours.restore()
print(before, beside, number(), os.environ["OMP_WAIT_POLICY"], sep=";")
"""

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2,
    reason="processors cannot be chosen here, or there is one",
)


def child(processors: str) -> list[str]:
    """Return the numbers of threads before, beside busy programs, and restored; and the policy."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(processors=processors)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split(";")


def test_one_thread_where_every_processor_is_busy():
    before, beside, restored, policy = child("range(os.cpu_count())")
    assert before == restored != "(1, 1)"
    assert beside == "(1, 1)"
    assert policy == "PASSIVE"


def test_one_processor_has_one_thread():
    assert child("{0}")[:3] == ["(1, 1)"] * 3
