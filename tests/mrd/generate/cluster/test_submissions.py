"""Records of submitted tasks."""

import pytest

from mrd.generate.cluster import submissions
from scenes.base.errors import InputError
from tests.mrd.generate.cluster.submitted import submitted


def test_the_newest_submission_of_a_piece_of_work_counts(tmp_path):
    submitted(tmp_path, "a", "7_0", failure="", refused=False)
    submitted(tmp_path, "b", "7_1", failure="no room", refused=True)
    again = submitted(tmp_path, "a", "9")
    found = submissions.newest(tmp_path)
    assert found["a"] == again
    assert found["a"].end() is None
    assert found["b"].end() == submissions.TaskEnd("no room", refused=True)


def test_a_damaged_file_of_jobs_is_refused(tmp_path):
    folder = submitted(tmp_path, "a", "7_0").folder
    (folder / "jobs.json").write_text("{")
    with pytest.raises(InputError, match=r"jobs\.json: cannot be read .* once its jobs have ended"):
        submissions.newest(tmp_path)
    (folder / "jobs.json").write_text('{"schema_version": 2}')
    with pytest.raises(InputError, match=r"jobs\.json: schema_version is not 1"):
        submissions.newest(tmp_path)
