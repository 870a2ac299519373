"""Files of operating systems, editors and synchronising programs: ignored, or refused by name.

The tests put them beside every file of a study, and run the commands that read the folder.
"""

import json
import re
import shutil

import pandas as pd
import pytest

from mrd.cli.main import run
from mrd.measures import embed
from mrd.study.study import read_study
from mrd.workflow import build_set
from psychophysics.data import data_set, session_files
from tests.small_runs import finish_searches, write_study_runs
from tests.small_study import write_study

SECTIONS = {
    "targets": {"vase": {"shape": {"kind": "sphere"}}},
    "models": {"net": {"network": "pixels", "layers": ["pixels"]}},
    "searches": {"shape": {"attributes": ["shape"]}},
    "series": {"kind": "trajectory", "levels": 2},
    "stimuli": {"accept": "all"},
    "experiment": {
        "attributes": ["shape"],
        "cameras": "all",
        "comparisons": ["result"],
        "procedure": {"kind": "constant_stimuli", "trials": 2},
        "catch": 0,
        "practice": {"trials": 0},
    },
    "analysis": {"overdispersion": False, "draws": 100, "exclude": {"fastest": 0}},
}
BINARY = b"\x00\x05\x16\x07\x00\xff"

# Names that programs give to the files that they leave beside a file.
OF_SYSTEMS = {
    "macOS": "._{name}",
    "Excel": "~${name}",
    "LibreOffice": ".~lock.{name}#",
    "backup of Emacs": "{name}~",
    "autosave of Emacs": "#{name}#",
    "Vim": ".{name}.swp",
    "Syncthing": ".syncthing.{name}.tmp",
    "a browser": "{name}.crdownload",
}
COPIES = {
    "download": "{stem} (1){suffix}",
    "Windows": "{stem} - Copy{suffix}",
    "macOS": "{stem} 2{suffix}",
    "old macOS": "Copy of {stem}{suffix}",
    "Dropbox": "{stem} (Ann's conflicted copy 2026-05-01){suffix}",
    "OneDrive": "{stem}-DESKTOP-1A2B3C{suffix}",
    "Syncthing": "{stem}.sync-conflict-20260501-101010-ABCDEFG{suffix}",
    "Google Drive": "[Conflict] {stem}{suffix}",
}
IN_FOLDERS = (".DS_Store", "Thumbs.db", "desktop.ini", "Icon\r", "._.DS_Store", "empty.tsv")


def beside(path, pattern):
    """Return the path of the file that a program leaves beside a file."""
    return path.with_name(pattern.format(name=path.name, stem=path.stem, suffix=path.suffix))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give an analysed study with runs, a set and two simulated sessions; not to be changed."""
    folder = write_study(tmp_path_factory.mktemp("foreign") / "small", **SECTIONS)
    study = read_study(folder)
    write_study_runs(study)
    finish_searches(study)
    build_set.pack(study)
    asked = embed.ModelToEmbed("net", study.models["net"])
    embed.embed(study.stimulus_set, [asked], {"shape": 0.9}, folder, "cpu")
    for command in (["experiment", "simulate", "--observers", "2"], ["analyse", "--simulated"]):
        with pytest.raises(SystemExit, match=r"^0$"):
            run([*command, str(folder)])
    return folder


@pytest.fixture
def copy(made, tmp_path):
    """Give a copy that a test may change."""
    return shutil.copytree(made, tmp_path / "small")


def test_foreign_files_are_ignored_by_every_command(copy, mrd):
    status = mrd("status", copy, "--observers", 2)
    build = mrd("stimuli", "build", copy)
    assert status[0] == build[0] == 0
    data = data_set.read_sessions(copy / "data-simulated")

    sessions = session_files.tables(copy / "data-simulated")
    own = [path for path in copy.rglob("*") if path.relative_to(copy).parts[0] != "report"]
    # Of hundreds of images, one per folder.
    files = {
        (path.parent, path.suffix): path
        for path in own
        if path.is_file() and not path.name.startswith(".")
    }.values()
    folders = {copy, *(path for path in own if path.is_dir())}
    left = {folder / name: BINARY for folder in folders for name in IN_FOLDERS[:-1]}
    left |= {folder / IN_FOLDERS[-1]: b"" for folder in folders}
    for path in files:
        left |= {beside(path, pattern): BINARY for pattern in OF_SYSTEMS.values()}
        if path not in sessions:  # copies of tables are refused
            content = path.read_bytes()
            left |= {beside(path, pattern): content for pattern in COPIES.values()}
    for path, content in left.items():
        path.write_bytes(content)
    for name in ("sub-01 2", "sub-09", "__MACOSX", "@eaDir"):
        (copy / "data-simulated" / name / "ses-01" / "beh").mkdir(parents=True)
    for folder in ("__MACOSX", "@eaDir", ".stversions"):
        path = copy / "data-simulated" / folder / "sub-01" / "ses-01" / "beh" / sessions[0].name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sessions[0], path)

    assert mrd("experiment", "simulate", copy, "--observers", 2)[:2] == (
        0, f"0 sessions simulated, 2 existed already: {copy / 'data-simulated'}\n",
    )  # fmt: skip
    assert mrd("stimuli", "build", copy) == build
    pd.testing.assert_frame_equal(data_set.read_sessions(copy / "data-simulated"), data)
    # The report counts as up to date only if an analysis would read the same sessions.
    assert mrd("status", copy, "--observers", 2) == status
    assert data_set.enrol(copy / "data-simulated", "small", "new", "simulated") == 2
    for path, content in left.items():
        assert path.read_bytes() == content, path


PLACES = (
    "sub-01 2/ses-01/beh",
    "sub-01/ses-01 - Copy/beh",
    "sub-01/ses-01/beh (1)",
    "Copy of sub-01/ses-01/beh",
    "sub-02/sub-01/ses-01/beh",
    "SUB-01/ses-01/beh",
    "sub-01",
    ".",
)


def test_copies_of_tables_are_refused(copy, mrd):
    shutil.rmtree(copy / "report")
    data = copy / "data-simulated"
    table = session_files.tables(data)[0]
    folders = [data / "sub-03" / "beh" / name for name in (table.name, "x_beh.TSV")]
    strays = {beside(table, each): "is not named sub-…_ses-…_task-…_beh.tsv, as tables of sessio"
              for each in COPIES.values()}  # fmt: skip
    strays |= {data / place / table.name: "a session's table that is not in its place, "
               for place in PLACES}  # fmt: skip
    strays |= dict.fromkeys(folders, "is a folder with the name of a session's table; move it out")
    for stray, message in strays.items():
        stray.parent.mkdir(parents=True, exist_ok=True)
        if stray in folders:
            stray.mkdir()
        else:
            shutil.copy(table, stray)
        code, out, err = mrd("analyse", copy, "--simulated")
        assert (code, out) == (2, "")
        assert err.splitlines()[-1].startswith(f"error: {stray}: {message}")
        assert not list(copy.glob("report/tables/*"))
        stray.rename(stray.with_name(f".{stray.name}"))
    for stray in strays:
        stray.with_name(f".{stray.name}").rename(stray)
    assert mrd("experiment", "simulate", copy, "--observers", 2)[0] == 0
    assert mrd("status", copy, "--observers", 2)[0] == 0
    assert all(stray.exists() for stray in strays)


DAMAGED = {
    "an empty table": (".tsv", b"", "is empty; restore it from a copy, or move the session out"),
    "an empty description": (".json", b"", "cannot be read as JSON: "),
    "no description": (".json", None, "its sidecar .* is missing; restore it from a copy, or"),
    "a description that is a folder": (".json", "folder", "cannot be read: Is a directory"),
}


def test_damaged_sessions_are_refused_in_one_line(copy, mrd):
    table = session_files.tables(copy / "data-simulated")[0]
    for suffix, content, message in DAMAGED.values():
        path = table.with_suffix(suffix)
        before = path.read_bytes()
        path.unlink()
        if content == "folder":
            path.mkdir()
        elif content is not None:
            path.write_bytes(content)
        code, _, err = mrd("analyse", copy, "--simulated")
        assert code == 2
        assert re.search(message, err.splitlines()[-1])
        if content == "folder":
            path.rmdir()
        path.write_bytes(before)
    assert mrd("status", copy, "--observers", 2)[0] == 0


def test_a_description_without_a_table_is_not_a_session(copy, mrd):
    first, second = session_files.tables(copy / "data-simulated")
    second.unlink()
    code, _, err = mrd("analyse", copy, "--simulated")
    assert code == 0
    assert f"{second.with_suffix('.json')}: has no table beside it, so there is no session" in err
    results = json.loads((copy / "report" / "results.json").read_text())
    assert {row["observer"] for row in results["tables"]["psychometric"]} == {"sim01"}
    assert "1 of 2 sessions to do" in mrd("status", copy, "--observers", 2)[1]
    # The session is simulated again.
    assert mrd("experiment", "simulate", copy, "--observers", 2)[1].startswith("1 sessions simul")
    assert second.is_file()
    assert first.is_file()
