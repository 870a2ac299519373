"""``mrd generate`` killed or interrupted: finished work is kept, and the command resumes."""

import os
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from tests.end_to_end.tiny import (
    COMMAND,
    check_searched_alike,
    environment,
    generate,
    rows,
    run_directories,
    study_in,
)

STEPS, SAVE_EVERY = 60, 7


def started(folder, until):
    """Start a command in a new process group; wait until its run has `until` rows."""
    process = subprocess.Popen(
        [*COMMAND, str(folder)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    (directory,) = run_directories(folder)
    for _ in range(9000):
        if len(rows(directory)) >= until or process.poll() is not None:
            break
        time.sleep(0.01)
    return process, directory


def killed(process, directory):
    """Kill a search with its processes; return the rows, the saved steps, and the output."""
    os.killpg(process.pid, signal.SIGKILL)
    said, _ = process.communicate()
    made, states = len(rows(directory)), directory.state_steps()
    assert directory.status() == "interrupted"
    assert made < STEPS
    # Only the steps since the newest state are lost.
    assert 0 <= made - states[-1] <= SAVE_EVERY
    return made, states, said.replace("\n", "")


def damaged(path):
    """Change a byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def test_a_killed_search_resumes_from_its_newest_undamaged_state(tmp_path):
    folder = study_in(tmp_path / "tiny", STEPS, SAVE_EVERY)
    process, directory = started(folder, until=2 * SAVE_EVERY + 2)
    made, states, _ = killed(process, directory)
    assert made > 2 * SAVE_EVERY
    newest = directory.state_path(states[-1])
    damaged(newest)
    done = generate(folder)
    assert done.returncode == 0, done.stderr
    assert f"{newest} is damaged" in done.stdout.replace("\n", "")
    assert f"going on from step {states[-2]}" in done.stdout
    assert [int(row["step"]) for row in rows(directory)] == list(range(1, STEPS + 1))
    assert directory.status() == "done"
    assert len(directory.record()["sessions"]) == 2


@pytest.mark.full
def test_a_search_that_was_killed_twice_ends_like_an_uninterrupted_one(tmp_path):
    folder = study_in(tmp_path / "tiny", STEPS, SAVE_EVERY)
    _, states, _ = killed(*started(folder, until=SAVE_EVERY + 2))
    _, _, said = killed(*started(folder, until=3 * SAVE_EVERY + 2))
    assert f"going on from step {states[-1]}" in said
    assert generate(folder).returncode == 0
    (directory,) = run_directories(folder)
    assert len(directory.record()["sessions"]) == 3
    _ends_like_an_uninterrupted_one(directory, tmp_path / "twin")


def _ends_like_an_uninterrupted_one(directory, folder):
    assert generate(study_in(folder, STEPS, SAVE_EVERY)).returncode == 0
    (twin,) = run_directories(folder)
    assert len(twin.record()["sessions"]) == 1
    check_searched_alike(directory, twin)


def test_a_search_ends_if_its_command_is_killed(tmp_path):
    folder = study_in(tmp_path / "tiny", 100_000, 50)
    process, directory = started(folder, until=3)
    process.kill()  # the command alone, not the process that searches
    process.communicate()
    for _ in range(1000):
        if directory.status() == "interrupted":
            break
        time.sleep(0.01)
    assert directory.status() == "interrupted"


def test_an_interrupt_ends_every_worker_and_leaves_resumable_runs(tmp_path):
    folder = study_in(tmp_path / "tiny", 100_000, 50, attributes=("material", "lighting"))
    # Processes started in the background of a shell ignore interrupts, and pass this on.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    python, option, code, *arguments = COMMAND
    process = subprocess.Popen(
        [python, option, heeding + code, *arguments, str(folder), "--workers", "2"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        runs = run_directories(folder)
        for _ in range(9000):
            if all(rows(run) for run in runs) or process.poll() is not None:
                break
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert said.strip() == (
        "interrupted; what was finished is kept, and the same command goes on from there"
    )
    assert [run.status() for run in runs] == ["interrupted", "interrupted"]


def test_one_run_that_dies_does_not_stop_the_others(tmp_path):
    folder = study_in(tmp_path / "tiny", 12, 4, attributes=("material", "lighting"))
    process = subprocess.Popen(
        [*COMMAND, str(folder)], env=environment(), stdout=subprocess.PIPE, text=True
    )
    first, second = run_directories(folder)
    for _ in range(9000):
        if len(rows(first)) >= 3 or process.poll() is not None:
            break
        time.sleep(0.01)
    os.kill(first.record()["sessions"][-1]["pid"], signal.SIGKILL)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "its process ended with signal 9" in output.replace("\n", " ")
    assert first.status() == "interrupted"
    assert second.status() == "done"
