"""Two ``mrd generate`` at once on one study."""

import subprocess

from stimuli.intake import read_records
from tests.end_to_end.tiny import COMMAND, environment, rows, run_directories, study_in

SERIES = "series: {levels: 1, samples: 16, cameras: [c0]}\n"
STEPS = 10


def test_each_run_is_made_once_and_the_second_command_names_the_first(tmp_path):
    folder = study_in(tmp_path / "tiny", STEPS)
    with (folder / "study.yaml").open("a", encoding="utf-8") as file:
        file.write(SERIES)
    both = [
        subprocess.Popen(
            [*COMMAND, str(folder)],
            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    ended = [process.communicate() for process in both]
    for process, (out, err) in zip(both, ended, strict=True):
        assert process.returncode in (0, 2), err
        assert process.returncode == 0 or " is being written by process " in out
    assert 0 in [process.returncode for process in both]
    for directory in run_directories(folder):
        assert directory.status() == "done"
        assert len(directory.record()["sessions"]) == 1
        assert [row["step"] for row in rows(directory)] == [str(n) for n in range(1, STEPS + 1)]
    tables = list((folder / "runs").rglob("records.csv"))
    assert len(tables) == 2  # of the run and its family
    for table in tables:
        assert read_records(table)
        assert not list(table.parent.rglob(".*"))
