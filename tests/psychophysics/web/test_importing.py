"""Import of saved sessions."""

import json
import shutil
from types import SimpleNamespace

import pytest

from analysis.trials import sessions
from psychophysics import experiment
from psychophysics.data import columns, data_set
from psychophysics.web import importing, plan, saved
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet
from tests.psychophysics.web.answers import (
    as_json,
    as_table,
    choice_of,
    experiment_of,
    saved_session,
    study_with_practice,
)


@pytest.fixture(scope="module")
def played(small_set, tmp_path_factory):
    """Return a session of participant web02 in two sittings, as files of the page."""
    folder = study_with_practice(tmp_path_factory.mktemp("played"), small_set)
    asked = experiment_of(folder)
    seat = plan.make_seat(asked, 1, "01")
    content = saved_session(asked, seat, choice_of, lambda trial: 1 + (trial.number > 6))
    files = [folder / "session.json", folder / "session.csv"]
    for file, make in zip(files, (as_json, as_table), strict=True):
        file.write_bytes(make(content))
    return SimpleNamespace(folder=folder, asked=asked, seat=seat, json=files[0], csv=files[1])


@pytest.fixture
def folder(played, tmp_path):
    """Return a folder with the study and no data."""
    for name in ("study.yaml", "stimuli.h5"):
        shutil.copyfile(played.folder / name, tmp_path / name)
    return tmp_path


# Keys are pressed faster than people would, and catch trials answered wrongly.
EVERYTHING_COUNTS = """
analysis:
  overdispersion: false
  draws: 100
  exclude: {catch: 0, fastest: 0, slowest: 3600, dropped_frames: 1000}
"""


def test_analyse_reads_it(played, folder, mrd):
    mrd("experiment", "import-web", folder, played.json)
    with StimulusSet(folder / "stimuli.h5") as stimuli:
        trials = sessions.load(folder / "data", stimuli)
    path = folder / "study.yaml"
    path.write_text(path.read_text() + EVERYTHING_COUNTS)
    code, _, err = mrd("analyse", folder)
    assert (code, "error" in err) == (0, False)
    assert (folder / "report" / "index.html").is_file()
    assert len(trials) == 11
    assert set(trials["kind"]) == {"person"}
    assert trials["correct"].sum() == sum(number > 2 and number % 3 != 2 for number in range(12))


def test_a_later_participant_at_the_window_has_another_number(played, folder, mrd):
    mrd("experiment", "import-web", folder, played.json)
    seat = experiment.seat(played.asked, folder / "data", "01", "01", "person")
    assert seat.number == 2


# ---- Errors -----------------------------------------------------------------------------


def altered(played, change):
    """Return the saved session after a change, with the right checksum."""
    content = json.loads(played.json.read_text(encoding="utf-8"))
    change(content)
    content["checksum"] = saved.checksum([content["columns"], *content["rows"]])
    return content


def cell(row, name, value):
    def change(content):
        content["rows"][row - 1][content["columns"].index(name)] = value

    return change


def fact(key, value):
    return lambda content: content["facts"].update({key: value})


def swapped(content):
    rows = content["rows"]
    rows[6], rows[7] = rows[7], rows[6]


def wrong_marked_right(content):
    place = content["columns"].index("correct")
    row = next(cells for cells in content["rows"] if cells[place] == "0")
    row[place] = "1"


def other_key(content):
    place = content["columns"].index("key")
    row = content["rows"][2]
    row[place] = "1" if row[place] != "1" else "2"


REFUSED = {
    "another set": (fact("StimulusSet", "0" * 64), r"made with another StimulusSet \(0000000"),
    "another seed": (fact("Seed", "1"), r"made with another Seed \(1 then, \d+ now\)"),
    "another design": (
        lambda content: content["facts"]["Experiment"].update(catch=7),
        r"made with another Experiment \(catch: 7 then, 1 now\); restore it",
    ),
    "another study": (lambda content: content.update(study="big"), "another Study .big then"),
    "another participant": (
        lambda content: content.update(participant="web01"), "made with another Seed",
    ),
    "no participant": (
        lambda content: content.update(participant="x/../y"), "participant 'x/../y': codes ",
    ),
    "no session code": (lambda content: content.update(session="../1"), r"session '\.\./1': use 1"),
    "unknown stimulus": (
        cell(5, "stimulus_2", "nobody"), r"row 5, column 'stimulus_2': no stimulus of .*'nobody'",
    ),
    "wrong order": (swapped, "row 7, column 'stimulus_1': .*rows are missing, or in another order"),
    "a row left out": (lambda content: content["rows"].pop(6), "row 7, column 'stimulus_"),
    "a row twice": (
        lambda content: content["rows"].append(content["rows"][-1]), "row 12: the design has 11",
    ),
    "the last row gone": (lambda content: content["rows"].pop(), "finished: True with 10 rows"),
    "no rows": (lambda content: content.update(rows=[]), "holds no trial; leave the file out"),
    "a wrong answer made right": (wrong_marked_right, "column 'correct': '1', and '0' is right"),
    "another response": (cell(3, "response", "fourth"), "columns 'response' and 'key': 'fourth'"),
    "another key": (other_key, "columns 'response' and 'key': .*second by 2"),
    "another level": (cell(8, "level", "0.7"), "row 8: column 'level': '0.7', and "),
    "another plan": (cell(1, "planned_onset_1", "0.2"), "row 1: column 'planned_onset_1': '0.2'"),
    "no number": (cell(1, "response_time", "soon"), "'response_time': 'soon' is not a time"),
    "a negative time": (cell(1, "onset_1", "-1"), "column 'onset_1': '-1' is not a time"),
    "not finite": (cell(1, "duration_1", "nan"), "column 'duration_1': 'nan' is not a time"),
    "no count": (cell(4, "dropped_1", "1.5"), "'dropped_1': '1.5' is not a whole number"),
    "shown never": (cell(4, "showings", "0"), "'showings': '0' is not a whole number"),
    "a sitting too many": (cell(11, "sitting", "3"), "column 'sitting': 2 sittings are described"),
    "sittings out of order": (cell(1, "sitting", "2"), "column 'sitting': 2 sittings are"),
    "a short row": (lambda content: content["rows"][3].pop(), "row 4: 53 cells for 54"),
    "other columns": (
        lambda content: content["columns"].reverse(), "columns are not those that this version",
    ),
    "another version": (lambda content: content.update(version=2), "has version 2, and this su"),
    "another format": (lambda content: content.update(format="csv"), "its format is not mrd-web"),
    "a key too many": (lambda content: content.update(note="hi"), "unknown key 'note'"),
    "no time": (
        lambda content: content["sittings"][0].update(started="now"), "sittings.0.started: Inval",
    ),
    "no screen": (
        lambda content: content["sittings"][0].update(pixels_per_cm=0), "pixels_per_cm: 0 is out",
    ),
    "no rate": (
        lambda content: content["sittings"][1].update(refresh_rate=float("nan")), "refresh_rate: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_altered_sessions_are_refused(played, folder, name):
    change, message = REFUSED[name]
    path = folder / "altered.json"
    path.write_text(json.dumps(altered(played, change)))
    with pytest.raises(InputError, match=rf"altered\.json.*{message}"):
        importing.check_files(played.asked, [path], folder / "data")


def test_the_checksum_detects_an_edited_time(played, folder, mrd):
    lines = played.csv.read_text(encoding="utf-8").splitlines()
    cells = lines[6].split(",")  # below the line that says what it is and the header: row 5
    place = columns.names(played.asked.task).index("response_time")
    assert cells[place] == saved.read(played.json).rows[4][place]
    cells[place] = "0.123456"
    lines[6] = ",".join(cells)
    path = folder / "edited.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    code, _, err = mrd("experiment", "import-web", folder, path)
    assert code == 2
    assert "the rows were altered: their checksum is" in err
    assert not (folder / "data").exists()


def test_a_session_is_imported_once(played, folder, mrd):
    again = shutil.copyfile(played.json, folder / "again.json")
    code, _, err = mrd("experiment", "import-web", folder, played.json, again)
    assert code == 2
    assert "again.json: session 01 of participant web02 is in" in err
    assert not (folder / "data").exists()
    assert mrd("experiment", "import-web", folder, played.json)[0] == 0
    before = {path: path.read_bytes() for path in (folder / "data").rglob("*") if path.is_file()}
    code, _, err = mrd("experiment", "import-web", folder, played.csv)
    assert code == 2
    assert "session 01 of participant web02 exists already" in err
    after = {path: path.read_bytes() for path in (folder / "data").rglob("*") if path.is_file()}
    assert after == before


def test_a_participant_with_another_number_is_refused(played, folder):
    data_set.enrol(folder / "data", "small", "web02", "person")
    with pytest.raises(InputError, match=r"web02 has number 0 in .*tsv, and 1 in the page's des"):
        importing.check_files(played.asked, [played.json], folder / "data")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no",
        "[1]",
        "{}",
        "#",
        "# {}",
        '# {"a": 1}\r\n"',
        "[" * 100_000,
        '{"format": NaN}',
        "\ud800",
    ],
)
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "file.json"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InputError, match=r"file\.json: not a session saved by a page"):
        saved.read(path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"gone\.json: cannot be read: No such file"):
        saved.read(tmp_path / "gone.json")


def test_an_unfinished_session_is_imported_as_unfinished(played, folder, mrd):
    def stopped(content):
        content["rows"] = content["rows"][:8]
        content["finished"] = False

    path = folder / "stopped.json"
    path.write_text(json.dumps(altered(played, stopped)))
    code, out, _ = mrd("experiment", "import-web", folder, path)
    assert code == 0
    assert out.startswith("web02: 8 trials")
    assert out.endswith("not finished\n")
    frame = data_set.read_sessions(folder / "data")
    assert not frame["finished"].any()
    assert len(frame) == 8
