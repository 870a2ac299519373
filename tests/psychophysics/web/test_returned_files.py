"""Import of files made without a browser: whole, damaged, cut, interrupted."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychophysics.data import data_set, session_files
from psychophysics.web import importing, saved
from scenes.base.errors import InputError
from tests.paths import ROOT
from tests.psychophysics.studies import study_in
from tests.psychophysics.web.answers import answered, as_json, as_table, experiment_of

KILLED = Path(__file__).with_name("import_to_kill.py")


@pytest.fixture
def folder(small_set, tmp_path):
    """Return the folder of a study."""
    return study_in(tmp_path, small_set)


@pytest.fixture
def asked(folder):
    """Return its experiment."""
    return experiment_of(folder)


@pytest.mark.parametrize(
    ("make", "start", "newline"),
    [
        (as_json, b"", b"\n"), (as_json, b"\xef\xbb\xbf", b"\n"), (as_table, b"", b"\r\n"),
        (as_table, b"\xef\xbb\xbf", b"\n"), (as_table, b"", b"\r"),
    ],
)  # fmt: skip
def test_what_the_page_saved_is_imported(folder, asked, mrd, make, start, newline):
    """With a byte-order mark and any line ends as well: mail programs and editors change them."""
    content = start + make(answered(asked)).replace(b"\r\n", b"\n").replace(b"\n", newline)
    path = folder / "answers"
    path.write_bytes(content)
    code, out, err = mrd("experiment", "import-web", folder, path)
    assert (code, err) == (0, "")
    assert out == "web01: 6 trials, 0.00% of images with dropped frames: finished\n"
    assert len(data_set.read_sessions(folder / "data")) == 6


def test_an_interrupted_import_is_repeated(folder, asked, mrd):
    """After a kill between the two renames there is no session, and the command imports it."""
    path = folder / "web01.json"
    path.write_bytes(as_json(answered(asked)))
    killed = subprocess.run(
        [sys.executable, str(KILLED), str(folder), str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False, timeout=170,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    data = folder / "data"
    (sidecar,) = session_files.sidecars(data)
    assert session_files.tables(data) == []
    assert (data / ".import").is_dir()
    with pytest.raises(InputError, match="holds no session"):
        data_set.read_sessions(data)
    code, _, err = mrd("analyse", folder)
    assert code == 2
    assert "holds no session" in err
    code, out, err = mrd("experiment", "import-web", folder, path)
    assert (code, err) == (0, "")
    assert out.startswith("web01: 6 trials, ")
    assert session_files.tables(data) == [sidecar.with_suffix(".tsv")]
    assert data_set.read_sessions(data)["finished"].all()
    assert not (data / ".import").exists()
    assert (data / "participants.tsv").read_text().splitlines()[1:] == ["sub-web01\t0\tperson"]
    code, _, err = mrd("experiment", "import-web", folder, path)
    assert code == 2
    assert "exists already" in err


def test_sessions_of_another_set_are_not_mixed(folder, asked, mrd):
    path = folder / "web01.json"
    path.write_bytes(as_json(answered(asked)))
    assert mrd("experiment", "import-web", folder, path)[0] == 0
    (sidecar,) = session_files.sidecars(folder / "data")
    text = sidecar.read_text()
    assert asked.stimuli.content_hash in text
    sidecar.write_text(text.replace(asked.stimuli.content_hash, "0" * 64))
    other = folder / "web02.json"
    other.write_bytes(as_json(answered(asked, 1)))
    message = (
        "holds sessions of stimulus set 000000000000 (1, such as web01/01), and "
        f"{folder / 'stimuli.h5'} is {asked.stimuli.content_hash[:12]}; restore that set"
    )
    for words in (("import-web", folder, other), ("export-web", folder, "--out", folder / "page")):
        code, _, err = mrd("experiment", *words)
        assert code == 2
        assert message in err
    assert not (folder / "page").exists()
    assert len(list(session_files.sidecars(folder / "data"))) == 1


# ---- Damaged files -----------------------------------------------------------------------------


def resaved(content, delimiter):
    """Open the table in a spreadsheet program, and save it: the first line becomes cells."""
    rows = csv.reader(io.StringIO(as_table(content).decode(), newline=""))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


DAMAGED = {
    "nothing": lambda _: b"",
    "null in the first line": lambda _: b"# null\na,b\n1,2\n",
    "a list in the first line": lambda _: b"# [1]\na,b\n1,2\n",
    "a number in the first line": lambda _: b"# 7\na,b\n1,2\n",
    "null": lambda _: b"null",
    "half a character": lambda content: as_json(content | {"study": "\ud800"}),
    "half a character in a cell": lambda content: as_json(
        content | {"rows": [["\udfff"], *content["rows"]]}
    ),
    "UTF-16": lambda content: as_json(content).decode().encode("utf-16"),
    "Latin-1": lambda content: as_json(content).replace(b"made by hand", b"M\xfcller"),
    "files of macOS": lambda _: b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X",
    "cut": lambda content: as_json(content)[:-40],
    "a table that is cut": lambda content: as_table(content)[:-40],
    "saved by Excel": lambda content: resaved(content, ","),
    "saved by a German Excel": lambda content: resaved(content, ";"),
    "a row twice": lambda content: as_json(
        content | {"rows": [*content["rows"], content["rows"][-1]]}
    ),
    "no rows": lambda content: as_json(content | {"rows": []}),
    "a short row": lambda content: as_json(
        content | {"rows": [row[:-1] for row in content["rows"]]}
    ),
    "no columns": lambda content: as_json(content | {"columns": []}),
    "numbers for text": lambda content: as_json(content | {"rows": [[1, 2]]}),
    "rows that are none": lambda content: as_json(content | {"rows": {"a": 1}}),
    "facts that are none": lambda content: as_json(content | {"facts": {"Experiment": 7}}),
    "no sittings": lambda content: as_json(content | {"sittings": []}),
    "a code that is none": lambda content: as_json(content | {"participant": "web\u0661"}),
    "a session that is none": lambda content: as_json(content | {"session": "../.."}),
}  # fmt: skip


def test_damaged_files_are_refused_in_one_line(folder, asked, mrd):
    good = folder / "good.json"
    good.write_bytes(as_json(answered(asked, 1)))
    for name, damage in DAMAGED.items():
        path = folder / "damaged.json"
        path.write_bytes(damage(answered(asked)))
        code, out, err = mrd("experiment", "import-web", folder, good, path)
        assert (code, out) == (2, ""), name
        assert err.startswith(f"error: {path}: "), name
        assert len(err.splitlines()) == 1, name
    for path in (folder, folder / "gone.json"):
        code, _, err = mrd("experiment", "import-web", folder, good, path)
        assert (code, len(err.splitlines())) == (2, 1)
    assert not (folder / "data").exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def known(small_set, tmp_path_factory):
    """Return a study's experiment, a session of it, and its folder."""
    folder = study_in(tmp_path_factory.mktemp("known"), small_set)
    asked = experiment_of(folder)
    return asked, answered(asked), folder


CELLS = st.text(max_size=5) | st.sampled_from(["1", "-1", "nan", "n/a", "1e999", "0.5"])


def changed(lines, kind, place, data):
    """Cut a line, write it twice, leave it out, or put bytes into it."""
    line = lines[place]
    at = data.draw(st.integers(0, len(line)))
    kinds = {
        "cut": [line[:at]],
        "double": [line, line],
        "drop": [],
        "bytes": [line[:at] + data.draw(st.binary(max_size=2)) + line[at:]],
    }
    return [*lines[:place], *kinds[kind], *lines[place + 1 :]]


def result(asked, path, folder):
    """Check a file: what it holds, or what the refusal says."""
    try:
        return importing.check_files(asked, [path], folder)
    except InputError as error:
        return str(error)


@given(st.data())
def test_any_file_is_read_or_is_an_input_error(known, data):
    """Any JSON under any key, any cell, any line cut, doubled or lost."""
    asked, content, folder = known
    content = json.loads(json.dumps(content))
    if data.draw(st.booleans()):
        row, cell = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 20))
        content["rows"][row][cell] = data.draw(CELLS)
        content["checksum"] = saved.checksum([content["columns"], *content["rows"]])
    as_file = data.draw(st.sampled_from([as_json, as_table]))
    if data.draw(st.booleans()):
        names = sorted(content.keys() - ({"rows", "columns"} if as_file is as_table else set()))
        content[data.draw(st.sampled_from(names))] = data.draw(JSON)
    lines = as_file(content).splitlines(keepends=True)
    for kind in data.draw(
        st.lists(st.sampled_from(["cut", "double", "drop", "bytes"]), max_size=2)
    ):
        if lines:
            lines = changed(lines, kind, data.draw(st.integers(0, len(lines) - 1)), data)
    path = folder / "fuzzed"
    path.write_bytes(b"".join(lines))
    found = result(asked, path, folder / "data")
    if isinstance(found, str):
        assert found.startswith(f"{path}: ")
    else:
        assert [each.saved.rows for each in found] == [tuple(map(tuple, content["rows"]))]
