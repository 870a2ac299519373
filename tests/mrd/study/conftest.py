"""A study file to change."""

import pytest

from tests.mrd.study.ball_study import BALL


@pytest.fixture
def write(tmp_path):
    """Write the study `BALL` with some of its text replaced; give the file."""

    def write(*replacements, folder=tmp_path):
        text = BALL
        for old, new in replacements:
            assert text.count(old) == 1, f"{old!r} must occur once"
            text = text.replace(old, new)
        folder.mkdir(exist_ok=True)
        (folder / "study.yaml").write_text(text)
        return folder / "study.yaml"

    return write
