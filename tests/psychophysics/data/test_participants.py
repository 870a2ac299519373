"""participants.tsv after changes by people and spreadsheet programs, and after its loss."""

import csv
import io
import multiprocessing
import shutil
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychophysics.data import data_set, participants, session_files
from psychophysics.data.participants import Participant
from scenes.base.errors import InputError
from tests.paths import DATA

RECORDED = DATA / "sessions"
HEADER = "participant_id\torder\tobserver"
ROWS = "sub-01\t0\tperson\nsub-02\t1\tperson\n"


def table(folder, content):
    folder.mkdir(exist_ok=True)
    path = folder / "participants.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def enrolled(folder, code, observer="person"):
    said = []
    number = data_set.enrol(folder, "s", code, observer, say=said.append)
    return number, said


def cells(path):
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))


# Content → cells of the file after participant 03 was entered.
EDITED = {
    "other columns": (
        "participant_id\torder\tobserver\tage\tsex\nsub-01\t0\tperson\t31\tf\n"
        "sub-02\t1\tperson\t27\tm\n",
        ["sub-03", "2", "person", "n/a", "n/a"],
    ),
    "a byte-order mark": (f"\ufeff{HEADER}\n{ROWS}", ["sub-03", "2", "person"]),
    "line ends of Windows": (
        f"{HEADER}\n{ROWS}".replace("\n", "\r\n"), ["sub-03", "2", "person"],
    ),
    "line ends of old Macs": (f"{HEADER}\n{ROWS}".replace("\n", "\r"), ["sub-03", "2", "person"]),
    "quotation marks": (
        '"participant_id"\t"order"\t"observer"\t"notes"\n"sub-01"\t"0"\t"person"\t"5\t""x"""\n'
        '"sub-02"\t"1"\t"person"\t"two\nlines"\n',
        ["sub-03", "2", "person", "n/a"],
    ),
    "columns in another order": (
        "age\tobserver\tparticipant_id\torder\n31\tperson\tsub-01\t0\n27\tperson\tsub-02\t1\n",
        ["n/a", "person", "sub-03", "2"],
    ),
    "rows in another order": (
        f"{HEADER}\nsub-02\t1\tperson\nsub-01\t0\tperson\n", ["sub-03", "2", "person"],
    ),
    "blank lines": (f"{HEADER}\n\n{ROWS}\n\t\t\n  \n", ["sub-03", "2", "person"]),
    "no last line end": (f"{HEADER}\n{ROWS}".rstrip("\n"), ["sub-03", "2", "person"]),
    "tabs at the end of lines": (
        f"{HEADER}\t\t\nsub-01\t0\tperson\t\t\nsub-02\t1\tperson\t\t\t\n",
        ["sub-03", "2", "person", "", ""],
    ),
    "spaces and capitals": (
        "Participant_ID \t Order\tOBSERVER\n sub-01\t0 \tperson\nSUB-02\t 1\tperson\n",
        ["sub-03", "2", "person"],
    ),
    "decimal commas": (
        f"{HEADER}\tvisus\nsub-01\t0\tperson\t1,2\nsub-02\t1\tperson\t0,8\n",
        ["sub-03", "2", "person", "n/a"],
    ),
    "cells missing at the end": (
        f"{HEADER}\tage\tsex\nsub-01\t0\tperson\nsub-02\t1\tperson\t27\n",
        ["sub-03", "2", "person", "n/a", "n/a"],
    ),
    "numbers as pandas writes them": (
        f"{HEADER}\nsub-01\t0.0\tperson\nsub-02\t1.00\tperson\nsub-09\tn/a\tperson\n",
        ["sub-03", "2", "person"],
    ),
    "no observer": ("participant_id\torder\nsub-01\t0\nsub-02\t1\n", ["sub-03", "2", "person"]),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITED)
def test_changes_by_people_are_kept(tmp_path, name):
    content, added = EDITED[name]
    path = table(tmp_path, content)
    before = cells(path)
    newline = b"\r\n" if b"\r\n" in path.read_bytes() else b"\n"
    assert [enrolled(tmp_path, code) for code in ("01", "02")] == [(0, []), (1, [])]
    assert cells(path) == before  # no new participant, so it is not written
    assert enrolled(tmp_path, "03") == (2, [])
    after = cells(path)
    assert after[-1] == added
    filled = [row for row in before if any(cell.strip() for cell in row)]
    for row, kept in zip(filled, after[:-1], strict=True):
        assert kept[: len(row)] == row
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") == content.startswith("\ufeff")
    if name != "line ends of old Macs":
        assert path.read_bytes().endswith(newline)
    assert [data_set.participant_number(tmp_path, code) for code in ("01", "02", "03")] == [0, 1, 2]


def test_a_participant_entered_by_hand_gets_a_number(tmp_path):
    path = table(tmp_path, "participant_id\tage\nsub-07\t31\nsub-01\t27\n")
    assert enrolled(tmp_path, "01") == (0, [])
    assert cells(path) == [
        ["participant_id", "age", "order", "observer"],
        ["sub-07", "31", "n/a", "n/a"],
        ["sub-01", "27", "0", "person"],
    ]
    assert enrolled(tmp_path, "07") == (1, [])
    assert cells(path)[1] == ["sub-07", "31", "1", "person"]


REFUSED = {
    "semicolons": (
        "participant_id;order;observer\nsub-01;0;person\n",
        "line 1: columns are separated by ';'; save the file as text separated by tabs",
    ),
    "commas": ("participant_id,order,observer\nsub-01,0,person\n", "line 1: .* separated by ','"),
    "Latin-1": (
        f"{HEADER}\tname\n{ROWS}sub-03\t2\tperson\tM\xfcller\n".encode("latin-1"),
        "line 4: not UTF-8; save the file as UTF-8, separated by tabs",
    ),
    "UTF-16": (f"{HEADER}\n{ROWS}".encode("utf-16"), "line 1: UTF-16; save the file as UTF-8"),
    "UTF-16 without its mark": (f"{HEADER}\n{ROWS}".encode("utf-16-le"), "line 1: not UTF-8"),
    "twice": (
        f"{HEADER}\n{ROWS}sub-01\t2\tperson\n", "line 4: sub-01 is in line 2 as well; keep the l",
    ),
    "a short row": (f"{HEADER}\nsub-01\n", "line 2: 1 cells for 3 columns; add the missing cell"),
    "a long row": (f"{HEADER}\nsub-01\t0\tperson\tx\n", "line 2: 4 cells for 3 columns"),
    "no code": (f"{HEADER}\n\t0\tperson\n", "line 2, column 'participant_id': ''; write a code"),
    "no number": (f"{HEADER}\nsub-01\tfirst\tperson\n", "line 2, column 'order': 'first'; write a"),
    "a fraction": (f"{HEADER}\nsub-01\t1,0\tperson\n", "line 2, column 'order': '1,0'; write a w"),
    "another fraction": (f"{HEADER}\nsub-01\t1.05\tperson\n", "'order': '1.05'; write a whole"),
    "no decimals": (f"{HEADER}\nsub-01\t1.\tperson\n", "'order': '1.'; write a whole"),
    "below 0": (f"{HEADER}\nsub-01\t-1\tperson\n", "line 2, column 'order': '-1'; write a whole"),
    "Arabic digits": (f"{HEADER}\nsub-01\t\u0663\tperson\n", "line 2, column 'order': '\u0663'"),
    "an open quotation mark": (
        f'{HEADER}\tnotes\nsub-01\t0\tperson\t"5 x\n{ROWS}', "close the quotation marks of a cell",
    ),
    "no column of codes": ("order\tobserver\n0\tperson\n", "line 1: column 'participant_id' is m"),
    "a column twice": (f"{HEADER}\torder\nsub-01\t0\tperson\t0\n", "line 1: column 'order' occurs"),
    "capitals differ": (f"{HEADER}\nsub-AB\t0\tperson\nsub-ab\t1\tperson\n", "'AB' exists already"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_unreadable_table_is_an_error_of_one_line(tmp_path, name):
    content, message = REFUSED[name]
    path = table(tmp_path, content)
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        enrolled(tmp_path, "ab")
    with pytest.raises(InputError, match=message):
        data_set.participant_number(tmp_path, "ab")
    assert path.read_bytes() == before


# ---- Beside the sessions -----------------------------------------------------------------------


@pytest.fixture
def data(tmp_path):
    """Return recorded sessions of 01 and 02, with the numbers 0 and 1."""
    return shutil.copytree(RECORDED, tmp_path / "data")


@pytest.mark.parametrize("left", [None, "", "\ufeff\n\n"])
def test_a_lost_file_is_written_again_from_the_sessions(data, left):
    path = data / "participants.tsv"
    path.unlink()
    if left is not None:
        path.write_text(left)
    assert data_set.participant_number(data, "02") == 1
    said = [f"{path}: was missing or empty; written again from the sessions of sub-01, sub-02"]
    assert enrolled(data, "03") == (2, said)
    assert cells(path)[1:] == [
        ["sub-01", "0", "person"], ["sub-02", "1", "person"], ["sub-03", "2", "person"],
    ]  # fmt: skip
    assert enrolled(data, "02") == (1, [])


def test_a_removed_row_is_restored(data):
    path = table(data, "participant_id\torder\tobserver\tage\nsub-01\t0\tperson\t31\n")
    said = [f"{path}: had no order of sub-02; it was taken from the sessions"]
    assert enrolled(data, "02") == (1, said)
    assert cells(path)[2] == ["sub-02", "1", "person", "n/a"]
    table(data, HEADER + "\n")
    assert enrolled(data, "03", "simulated")[0] == 2


def test_a_participant_without_a_folder_keeps_their_number(data):
    shutil.rmtree(data / "sub-02")
    assert enrolled(data, "03") == (2, [])
    assert enrolled(data, "02") == (1, [])


def test_a_number_that_was_changed_is_refused(data):
    path = table(data, f"{HEADER}\nsub-01\t1\tperson\nsub-02\t0\tperson\n")
    with pytest.raises(
        InputError, match=r"order of sub-01 is 1, and their sessions have 0; write 0"
    ):
        enrolled(data, "01")
    assert enrolled(data, "03") == (2, [])
    table(data, f"{HEADER}\nsub-01\t0\tperson\nsub-02\t0\tperson\n")
    assert path.is_file()
    assert enrolled(data, "03") == (2, [])  # 1 is the number of 02 by their session


def test_an_order_of_two_participants_is_refused_before_the_first_session(data):
    path = table(data, f"{HEADER}\n{ROWS}sub-03\t1\tperson\nsub-04\t3.0\tperson\n")
    before = path.read_bytes()
    message = r"tsv: order of sub-03 is 1, and so is that of sub-02; write n/a for a part"
    with pytest.raises(InputError, match=message):
        enrolled(data, "03")
    assert path.read_bytes() == before
    assert enrolled(data, "04") == (3, [])
    path.write_bytes(before.replace(b"sub-03\t1", b"sub-03\tn/a"))
    assert enrolled(data, "03") == (4, [])


def test_an_order_of_two_participants_with_sessions_is_reported(data):
    for path in session_files.sidecars(data, ["02"]):
        path.write_text(path.read_text().replace('"ParticipantOrder": 1', '"ParticipantOrder": 0'))
    path = table(data, f"{HEADER}\n{ROWS}".replace("sub-02\t1", "sub-02\t0"))
    for code, other in (("01", "02"), ("02", "01")):
        text = (
            f"{path}: order 0 is of sub-{code} and of sub-{other}: they have the same order of "
            "blocks and the same keys"
        )
        assert enrolled(data, code) == (0, [text])
    assert enrolled(data, "03") == (1, [])


def test_participants_in_a_browser_may_share_numbers_with_the_lab(data):
    assert data_set.enrol(data, "s", "web02", "person", 1) == 1
    for code, number in (("web02", 1), ("02", 1), ("01", 0)):
        assert enrolled(data, code) == (number, [])


def test_a_damaged_sidecar_does_not_stop_other_participants(data):
    for content in (
        "", "[]", '{"Session": null}', '{"Session": {"ParticipantOrder": "x"}}',
        '{"Session": {"ParticipantOrder": 1}}',
    ):  # fmt: skip
        sidecar = next(data.glob("sub-02/ses-01/beh/*_beh.json"))
        sidecar.write_text(content)
        assert data_set.participant_number(data, "02") == 1  # by the table
    assert enrolled(data, "03") == (2, [])


def test_readme_of_the_lab_is_enough(tmp_path):
    (tmp_path / "README.md").write_text("ours")
    enrolled(tmp_path, "01")
    assert not (tmp_path / "README").exists()


def _enrol(folder, letter):
    return [data_set.enrol(folder, "s", f"{letter}{each}", "person") for each in range(15)]


def _enrol_in_a_process(folder, ready, numbers):
    ready.set()
    numbers.put(_enrol(folder, "a"))


def test_two_enrolments_at_once_get_different_numbers(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    ready, numbers = spawn.Event(), spawn.Queue()
    other = spawn.Process(target=_enrol_in_a_process, args=(tmp_path, ready, numbers))
    other.start()
    assert ready.wait(60)
    found = [*_enrol(tmp_path, "b"), *numbers.get(timeout=60)]
    other.join(60)
    assert sorted(found) == list(range(30))
    assert len(cells(tmp_path / "participants.tsv")) == 31


# ---- Any table ---------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('\n"\t'))


@given(st.data())
def test_any_table_is_read_back_and_grows(tmp_path_factory, data):
    """Other columns are kept, whatever their content and order, and numbers continue."""
    extra = data.draw(st.lists(st.sampled_from(["age", "sex", "Notes", "x;y"]), unique=True))
    header = data.draw(st.permutations([*participants.COLUMNS, *extra]))
    rows = [
        {"participant_id": f"sub-{n:02d}", "order": str(n), "observer": "person"}
        | {name: data.draw(TEXT) for name in extra}
        for n in data.draw(st.lists(st.integers(0, 20), unique=True, max_size=4))
    ]
    text = io.StringIO(newline="")
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    csv.writer(text, delimiter="\t", lineterminator=newline).writerows(
        [header, *([row[name] for name in header] for row in rows)]
    )
    path = tmp_path_factory.mktemp("any") / "participants.tsv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    table_before = participants.read(path)
    new = Participant("new", 99, "person")
    path.write_bytes(participants.table_bytes(table_before, [new]))
    after = participants.read(path)
    assert after.people == (*table_before.people, new)
    assert after.rows[:-1] == table_before.rows
    assert {p.code: p.number for p in table_before.people} == {
        row["participant_id"][4:]: int(row["order"]) for row in rows
    }


@given(st.binary(max_size=60) | TEXT.map(lambda text: f"{HEADER}\n{text}".encode()))
def test_any_content_is_read_or_is_an_input_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "participants.tsv"
    path.write_bytes(content)
    with suppress(InputError):
        participants.read(path)
