"""The checks themselves: bands and powers by hand, and every changed result is refused."""

import numpy as np
import pytest
from scipy.stats import binom, chi2, nct, norm

from tests.statistical.bands import (
    FALSE_ALARM,
    Bias,
    Intervals,
    Rate,
    TooWeak,
    Width,
    binomial_band,
    power,
)


def test_a_band_by_hand():
    # Three coins: no head has probability 1/8. It is outside at .15 on a side, and inside at .1.
    assert binomial_band(3, 0.5, alpha=0.3) == (1, 2)
    assert binomial_band(3, 0.5, alpha=0.2) == (0, 3)
    assert binomial_band(3, 0.5, alpha=(0.0, 0.15)) == (0, 2)
    # With heads in .9: all three in .729, none in .001.
    assert power(3, 0.5, 0.9, alpha=0.3) == pytest.approx(0.73, abs=1e-12)
    assert power(3, 0.5, 0.9, alpha=(0.0, 0.15)) == pytest.approx(0.729, abs=1e-12)


@pytest.mark.parametrize("n", [1, 7, 110, 1000])
@pytest.mark.parametrize("right", [0.05, 0.5, 0.95, (0.93, 0.97)])
def test_false_alarms_are_as_rare_as_stated_for_every_right_probability(n, right):
    low, high = binomial_band(n, right)
    for p in np.linspace(*right, 9) if isinstance(right, tuple) else [right]:
        assert binom.cdf(low - 1, n, p) <= FALSE_ALARM / 2 + 1e-15
        assert binom.sf(high, n, p) <= FALSE_ALARM / 2 + 1e-15


def test_counts_of_two_and_of_eight_cannot_refuse_what_is_wrong():
    """With 2 experiments no coverage can fail, with 8 one of .70 passes with probability .94."""
    assert binomial_band(2, 0.95, alpha=(1e-4, 0)) == (0, 2)
    assert 1 - power(8, 0.95, 0.7, alpha=(1e-4, 0)) == pytest.approx(0.94, abs=0.005)
    for n in (2, 8):
        with pytest.raises(TooWeak, match=r"rate of 0\.8 would be found with probability 0\."):
            Rate(n, 0.95, (0.8,))
        with pytest.raises(TooWeak, match=r"a rate of 0\.1 would be found"):
            Rate(n, 0.05, (0.1,))
        with pytest.raises(TooWeak, match="would be found"):
            Intervals(n)
    with pytest.raises(TooWeak, match=r"bias of 0\.5 standard deviations"):
        Bias(20)
    with pytest.raises(TooWeak, match="intervals 2 times as wide"):
        Width(20)


def test_a_rate_is_checked_on_the_sides_where_its_faults_lie():
    Rate(110, 0.95, (0.8,)).check(110)
    with pytest.raises(AssertionError, match="93 of 110: outside 96 to 110"):
        Rate(110, 0.95, (0.8,)).check(93)
    Rate(520, 0.05, (0.1,), alpha=2e-3).check(0)
    both = Rate(1000, 0.5, (0.4, 0.6))
    both.check(500)
    for count in (400, 600):
        with pytest.raises(AssertionError, match="outside 448 to 552"):
            both.check(count)


N = 110
# What a normal of mean 0 and standard deviation 1 gives without chance: its own quantiles.
IDEAL = norm.ppf((np.arange(N) + 0.5) / N)
HALF = norm.ppf(0.975)


@pytest.mark.parametrize(
    ("factor", "bias", "message"),
    [
        # A factor of .654 gives normal intervals a coverage of .80, one of .59 one of .75.
        (0.59, 0.0, "outside 94 to 110"),
        (2.0, 0.0, "width: 2.0"),
        (np.inf, 0.0, "width: inf"),
        (1.0, 0.5, "bias: mean error 0.5"),
        (1.0, -0.5, "bias: mean error -0.5"),
    ],
)
def test_intervals_that_are_wrong_are_refused(factor, bias, message):
    """Shrunk, widened, endless and shifted intervals fail; the same ones unchanged do not."""
    check = Intervals(N)
    check.check(IDEAL, IDEAL - HALF, IDEAL + HALF, 0.0)
    moved = IDEAL + bias
    with pytest.raises(AssertionError, match=message):
        check.check(moved, moved - factor * HALF, moved + factor * HALF, 0.0)


def test_powers_of_bias_and_width_are_those_of_simulated_experiments(rng):
    """Stated powers against 20,000 experiments.

    It finds a stated power that is wrong by .02, with probability above .99; false alarm 1e-3.
    """
    sets = rng.standard_normal((20_000, 60))
    spread, mean = sets.std(axis=1, ddof=1), sets.mean(axis=1)
    bias, width = Bias(60, 0.7, allowed=0.1, alpha=0.01), Width(60, alpha=0.01)
    low, high = width.limits
    for found, stated in (
        (np.abs(mean + 0.7) > bias.limit * spread, bias.power(0.7)),
        (np.abs(mean + 0.5) > bias.limit * spread, bias.power(0.5)),
        ((2 / spread < low) | (2 / spread > high), width.power(2.0)),
        ((1.6 / spread < low) | (1.6 / spread > high), width.power(1.6)),
    ):
        wrong = tuple(p for p in (stated - 0.02, stated + 0.02) if p < 1)
        Rate(20_000, stated, wrong, FALSE_ALARM / 4).check(found.sum())


def test_false_alarms_of_bias_and_width_are_as_stated():
    """At the limits of what is right: exactly alpha / 2 on the nearer side."""
    bias, width = Bias(60, 0.8, allowed=0.1, alpha=0.01), Width(60, (2.0,), alpha=0.01)
    assert nct.sf(bias.limit * np.sqrt(60), 59, 0.1 * np.sqrt(60)) == pytest.approx(0.005)
    low, high = width.limits
    assert chi2.sf(59 * (0.8 / low) ** 2, 59) == pytest.approx(0.005)
    assert chi2.cdf(59 * (1.25 / high) ** 2, 59) == pytest.approx(0.005)
