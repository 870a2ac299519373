"""The origin of a stimulus, as `mrd trace` prints it."""

import pytest

from mrd.cli import pixel_metamers
from mrd.cli.trace import _rows

FACTS = {
    "stimulus": {"stimulus_id": "a", "noise_seed": 0, "renderer_seed": 1, "sha256": "0" * 64},
    "set": {"file": "stimuli.h5", "content_hash": "1" * 64},
    "scene": {"sha256": "2" * 64, "file": None},
    "files": {"radiance": None, "whole": None},
    "models": {},
    "dots": [],
}


@pytest.mark.parametrize(
    ("run", "shown"),
    [
        ({"verdict": "metamer"}, ["metamer"]),
        ({"verdict": "result"}, ["not a metamer"]),
        ({"verdict": None}, []),
        ({}, []),  # its folder is not on this machine
    ],
)
def test_the_verdict_of_a_run_is_in_words(run, shown):
    rows = _rows(FACTS | {"run": {"name": "ball-eye", "folder": None} | run})
    assert [value for name, value in rows if name.strip() == "verdict"] == shown


@pytest.mark.parametrize(
    ("verdict", "failed", "text"),
    [
        ("metamer", "", "metamer"),
        ("result", "", "not a metamer"),
        ("result", "match 0.1 is below 0.9", "not a metamer: match 0.1 is below 0.9"),
    ],
)
def test_the_verdict_of_a_pixel_metamer_is_in_words(verdict, failed, text):
    row = {"reached": True, "pixel_failed": failed}
    assert pixel_metamers._outcome({"pixel_verdict": verdict}, row) == text
