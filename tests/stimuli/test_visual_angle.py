"""Visual angle, by hand."""

import math

import pytest

from scenes.base.errors import InputError
from stimuli.visual_angle import degrees


def test_a_thumb_at_arms_length():
    # 10 mm at 572.96 mm (10 mm ÷ 2·tan ½°) is one degree; 40 pixels of .25 mm are 10 mm.
    assert degrees(40, 572.96, 0.25) == pytest.approx(1, abs=1e-4)
    # As wide as twice the distance: 45° to either side.
    assert degrees(800, 100, 0.25) == pytest.approx(90)
    assert degrees(0, 100, 0.25) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: degrees(-1, 600, 0.25), r"size -1 is out of range; allowed: 0 and more"),
        (lambda: degrees(1, 0, 0.25), r"distance 0 mm is out of range; allowed: above 0"),
        (lambda: degrees(1, 600, float("nan")), r"pitch nan mm is out of range"),
        (lambda: degrees(1, math.inf, 0.25), r"distance inf mm is out of range"),
    ],
)
def test_values_out_of_range_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
