"""The program from any current folder: beside files named like modules, and by any path."""

import os
import subprocess
import sys

import pytest

from mrd.cli.main import run
from tests.end_to_end.tiny import environment, run_directories, study_in

# What `pip` installs as `mrd`; Python puts the folder of a script on its path, not the current one.
SCRIPT = "from mrd.cli.main import run\nif __name__ == '__main__':\n    run()\n"

# The suite's packages; the first modules that processes import, and the libraries of the work.
TRAPS = """
analysis mrd psychophysics scenes stimuli
code copy json multiprocessing os pickle platform queue random re resource secrets signal site
socket statistics struct subprocess tempfile threading token types typing
cloudpickle drjit filelock h5py mitsuba numpy pandas pydantic rich scipy submitit timm torch typer
"""


def set_traps(folder):
    """Write files with the names of modules; each records that it was executed, and fails."""
    for name in TRAPS.split():
        (folder / f"{name}.py").write_text(
            f"with open({str(folder / 'executed.txt')!r}, 'a') as file:\n"
            f"    file.write('{name} ')\nraise SystemExit('it was executed')\n"
        )


def executed(folder):
    """Names of the traps that were executed."""
    path = folder / "executed.txt"
    return path.read_text().split() if path.exists() else []


@pytest.fixture
def mrd(tmp_path):
    """Return a function that runs the installed program in a folder."""
    script = tmp_path / "installed" / "mrd"
    script.parent.mkdir()
    script.write_text(SCRIPT)

    def mrd(folder, *words):
        return subprocess.run(
            [sys.executable, str(script), *words],
            env=environment(), cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return mrd


@pytest.mark.parametrize("words", [["run", ".", "--workers", "2"], ["doctor"]])
def test_files_of_the_current_folder_are_never_executed(mrd, tmp_path, words):
    folder = study_in(tmp_path / "tiny", steps=1)
    set_traps(folder)
    done = mrd(folder, *words)
    assert executed(folder) == []
    assert done.returncode == 0, done.stderr
    if words[0] == "run":
        assert [each.status() for each in run_directories(folder)] == ["done"]


PLACES = {  # name of the study's folder, current folder, words
    "from the folder above": ("tiny", ".", ["tiny"]),
    "the folder itself": ("tiny", "tiny", ["."]),
    "its file": ("tiny", "tiny", ["study.yaml"]),
    "from a folder of it": ("tiny", "tiny/sub", [".."]),
    "whole path": ("tiny", "elsewhere", ["{root}/tiny"]),
    "a link": ("tiny", ".", ["link"]),
    "spaces and letters": ("größere Studie #1 'a'", ".", ["größere Studie #1 'a'"]),
    "a leading dash": ("-tiny", ".", ["--", "-tiny"]),
    "a leading dash, as a path": ("-tiny", ".", ["./-tiny"]),
}


@pytest.fixture
def placed(tmp_path, monkeypatch):
    """Return a function that writes a study, changes to a folder, and returns the arguments."""

    def placed(name, current, words):
        folder = study_in(tmp_path / name)
        (tmp_path / "link").symlink_to(folder)
        for other in (tmp_path / "elsewhere", folder / "sub"):
            other.mkdir()
        monkeypatch.chdir(tmp_path / current)
        return folder, [word.format(root=tmp_path) for word in words]

    return placed


@pytest.mark.parametrize("place", PLACES)
def test_a_study_is_found_from_any_folder_and_by_any_path(placed, place, capsys):
    folder, words = placed(*PLACES[place])
    with pytest.raises(SystemExit, match=r"^0$"):
        run(["status", *words])
    (directory,) = run_directories(folder)
    assert f"{directory.name}  pending" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("place", "named"),
    [("a leading dash", "./-tiny"), ("spaces and letters", "'größere Studie #1 '\"'\"'a'\"'\"''")],
)
def test_the_commands_of_mrd_run_find_the_study_too(placed, place, named, capfd):
    folder, words = placed(*PLACES[place])
    (folder / "runs").write_text("a file where a folder is wanted")  # so that it ends soon
    with pytest.raises(SystemExit, match=r"^2$"):
        run(["run", *words])
    error, last = capfd.readouterr().err.splitlines()
    assert error.endswith("run.json: cannot be written: Not a directory")
    assert last.startswith(f"stopped at generate: mend what mrd generate {named} says above")
    assert last.endswith(f"; then mrd run {named} goes on from there")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the folder of a process")
@pytest.mark.parametrize("words", [["doctor"], ["generate", "--dry-run"], ["run"]])
def test_a_current_folder_that_was_removed_is_named(tmp_path, monkeypatch, capsys, words):
    folder = study_in(tmp_path / "tiny")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SystemExit, match=r"^2$"):
        run([*words, str(folder)] if words != ["doctor"] else words)
    assert capsys.readouterr().err == (
        "error: the current folder was removed or renamed, or cannot be read; go to another "
        "folder (cd ~) and repeat the command there\n"
    )


def test_the_environment_is_as_before_when_the_program_has_ended(monkeypatch):
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with pytest.raises(SystemExit, match=r"^0$"):
        run(["scenes"])
    assert "PYTHONSAFEPATH" not in os.environ
