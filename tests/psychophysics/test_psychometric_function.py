"""S(x; m, w) by its definition: .05, .5 and .95 where they have to be."""

import numpy as np
import pytest

from psychophysics.psychometric_function import core


def test_norm_rises_from_5_to_95_percent_within_its_width():
    assert core(0.6, 0.6, 0.4, "norm") == pytest.approx(0.5)
    assert core(0.4, 0.6, 0.4, "norm") == pytest.approx(0.05)
    assert core(0.8, 0.6, 0.4, "norm") == pytest.approx(0.95)


def test_weibull_rises_from_5_to_95_percent_within_its_width_of_log_level():
    assert core(0.6, 0.6, 0.8, "weibull") == pytest.approx(0.5)
    ends = {}
    for share in (0.05, 0.95):
        levels = np.geomspace(0.1, 3, 200_001)
        values = np.array([core(level, 0.6, 0.8, "weibull") for level in levels[::100]])
        ends[share] = np.log(np.interp(share, values, levels[::100]))
    assert ends[0.95] - ends[0.05] == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("function", ["weibull", "norm"])
def test_nobody_reports_a_scene_from_itself(function):
    assert core(0.0, 0.3, 1.0, function) == 0.0


@pytest.mark.parametrize("function", ["weibull", "norm"])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_steep_curves_far_from_the_threshold_are_0_and_1(function, unit):
    width = 1e-3 * (unit if function == "norm" else 1)
    assert core(1e3 * unit, unit, width, function) == 1.0
    assert core(1e-3 * unit, unit, width, function) == 0.0
    assert core(unit, unit, width, function) == pytest.approx(0.5)
