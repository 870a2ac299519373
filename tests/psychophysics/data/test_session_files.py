"""Which files of a data folder are tables of sessions."""

import shutil

import pytest

from analysis.trials import sessions
from psychophysics.data import session_files
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet
from tests.paths import DATA

RECORDED = DATA / "sessions"


@pytest.mark.parametrize("suffix", [".TSV", ".Tsv"])
def test_a_table_with_capitals_in_its_suffix_is_named(tmp_path, small_set, suffix):
    data = shutil.copytree(RECORDED, tmp_path / "data")
    table = session_files.tables(data)[1]
    capital = table.rename(table.with_suffix(suffix))
    assert session_files.find(data).strays == (capital,)
    message = rf"_beh\{suffix}: ends in \{suffix}, and tables of sessions end in \.tsv; if it is a"
    with pytest.raises(InputError, match=message):
        session_files.hash_sessions(data)
    with StimulusSet(small_set) as stimuli, pytest.raises(InputError, match=message):
        sessions.load(data, stimuli)
    capital.rename(table)
    assert session_files.find(data).strays == ()
    assert len(session_files.tables(data)) == 2
