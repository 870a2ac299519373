"""A study file to change."""

import pytest

from tests.mrd.study.ball_study import BALL
from tests.small_study import write_text


@pytest.fixture
def write(tmp_path):
    """Write the study `BALL` with some of its text replaced; give the file."""

    def write(*replacements, folder=tmp_path):
        return write_text(folder, BALL, *replacements) / "study.yaml"

    return write
