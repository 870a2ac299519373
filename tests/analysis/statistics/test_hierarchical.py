"""The hierarchical model: recovers thresholds, and refuses a fit that has not converged."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import hierarchical
from analysis.trials.load import from_table
from scenes.base.errors import InputError

LEVELS = np.array([0.05, 0.1, 0.2, 0.4, 1.0])


@pytest.fixture
def trials(rng):
    """Five people and three targets, whose thresholds differ by a factor of 1.3 either way."""
    rows = []
    for observer in range(5):
        shift = 0.25 * rng.standard_normal()
        for target, by in (("easy", -0.26), ("middle", 0.0), ("hard", 0.26)):
            m = 0.25 * np.exp(shift + by)
            p = 1 / 3 + (2 / 3 - 0.02) * (1 - 0.5 ** ((LEVELS / m) ** 2.5))
            for level, k in zip(LEVELS, rng.binomial(20, p), strict=True):
                rows.append((f"o{observer}", target, level, k, 20))
    frame = pd.DataFrame(rows, columns=["observer", "target", "level", "correct", "n"])
    return from_table(frame.assign(condition="c", stimulus="s"), task="oddity")


@pytest.mark.full
def test_the_populations_threshold(trials):
    rows = hierarchical.fit(trials)
    group = rows[rows["observer"] == ""].iloc[0]
    # 95 % interval about .25, widened on either side by half its length: z = 3.9, a false alarm in
    # 10,000. Five people and three targets say little: it finds only a threshold that is off by a
    # factor of 6 (2.7 half lengths), with probability .9. A single fit says nothing of coverage.
    half = np.log(group["threshold_high"] / group["threshold_low"]) / 2
    assert abs(np.log(group["threshold"] / 0.25)) < 2 * half
    assert 0.1 < half < 0.7
    # β = C/w = 2.5 with C = 4.067.
    assert group["width_low"] / 1.3 < 4.067 / 2.5 < group["width_high"] * 1.3
    assert (rows["r_hat"] <= 1.01).all()
    assert len(rows) == 6


@pytest.mark.full
def test_upper_asymptote_is_one_minus_lapse_rate(rng):
    """ψ = γ + (1 − γ − λ) S: far above the threshold, 1 − λ of the answers are correct."""
    n = 2000
    p = 1 / 3 + (2 / 3 - 0.1) * (1 - 0.5 ** ((LEVELS / 0.1) ** 2.5))
    rows = pd.DataFrame({"level": LEVELS, "correct": rng.binomial(n, p), "n": n})
    frame = from_table(rows.assign(observer="o", condition="c", stimulus="s"), task="oddity")
    row = hierarchical.fit(frame).iloc[1]
    # About 6000 trials are at the upper end: standard error .004, and a prior worth 20 of them.
    assert row["lapse"] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        ({"r_hat": 1.011}, r"not reported: R-hat 1\.011 > 1\.01; use more warmup and draws"),
        ({"r_hat": np.nan}, r"R-hat nan > 1\.01"),
        ({"effective": 399.0}, "399 effective samples < 400"),
        ({"effective": np.nan}, "nan effective samples < 400"),
        ({"divergences": 1, "r_hat": 2.0}, r"R-hat 2\.000 > 1\.01, 1 divergences"),
    ],
)
def test_a_fit_that_has_not_converged_is_refused(quality, message):
    converged = {"r_hat": 1.01, "effective": 400.0, "divergences": 0}
    hierarchical.check(converged)
    with pytest.raises(hierarchical.NotConverged, match=message):
        hierarchical.check(converged | quality)


@pytest.mark.full
def test_too_few_draws_are_not_reported(trials):
    with pytest.raises(hierarchical.NotConverged, match="the hierarchical fit is not reported"):
        hierarchical.fit(trials, warmup=5, draws=10)


def test_refusals(trials):
    with pytest.raises(InputError, match="did you mean 'weibull'"):
        hierarchical.fit(trials, curve="weibul")
    with pytest.raises(InputError, match="fewer than 2 levels above 0"):
        hierarchical.fit(trials.assign(level=1.0))
