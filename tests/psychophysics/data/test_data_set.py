"""The data set: participants, and all rows together."""

import pytest

from psychophysics.data import data_set
from scenes.base.errors import InputError


def test_participants_are_numbered_in_order(tmp_path):
    numbers = [data_set.enrol(tmp_path, "s", code, "person") for code in ("b", "a", "b", "c")]
    assert numbers == [0, 1, 0, 2]
    rows = (tmp_path / "participants.tsv").read_text().splitlines()
    assert [row.split("\t")[0] for row in rows] == ["participant_id", "sub-b", "sub-a", "sub-c"]
    with pytest.raises(InputError, match="participant 'A': 'a' exists already"):
        data_set.enrol(tmp_path, "s", "A", "person")


def test_an_unwritable_folder_is_reported(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        data_set.enrol(tmp_path / "data", "s", "01", "person")


def test_no_session_is_reported(tmp_path):
    with pytest.raises(InputError, match="holds no session; mrd experiment run makes one"):
        data_set.read_sessions(tmp_path)
