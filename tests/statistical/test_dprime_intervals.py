"""Intervals of d′, without chance: every possible outcome, weighted with its probability.

The coverage is computed, not estimated: one of .80 fails for certain. Intervals twice as wide, or
an estimate that is off by half a standard error, fail for certain too: with many trials both are
compared with what the delta method gives.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

from analysis.statistics import sensitivity

FORCED = ("2afc", "oddity", "match_to_sample")
MODELS = sensitivity.DECISION_MODELS
ROOT = np.sqrt(2)


def forced_choice(right, n, task):
    """d′ of observers with so many right answers of n."""
    rows = {"observer": np.arange(len(right)), "level": 1.0, "correct": right, "n": n, "task": task}
    return sensitivity.table(pd.DataFrame(rows).assign(condition="c", stimulus="s"))


def same_different(hits, wrong, n, same):
    """d′ of observers with so many hits of n, and false alarms of `same`."""
    who = {"observer": np.arange(len(hits))}
    rows = [
        pd.DataFrame(who | {"level": 1.0, "correct": hits, "n": n}),
        pd.DataFrame(who | {"level": 0.0, "correct": same - wrong, "n": same}),
    ]
    frame = pd.concat(rows).assign(condition="c", stimulus="s", task="same_different")
    return sensitivity.table(frame)


def hit_rate(d, false_alarms, model):
    """Of an observer with sensitivity d: the equations of Macmillan & Creelman (2005)."""
    if model == "differencing":
        k = -ROOT * norm.ppf(false_alarms / 2)
        return norm.cdf((d - k) / ROOT) + norm.cdf((-d - k) / ROOT)
    best = norm.cdf(d / 2) ** 2 + norm.cdf(-d / 2) ** 2
    return norm.cdf(2 * norm.ppf(best) + norm.ppf(false_alarms))


def coverage(table, model, d, weights):
    held = (table[f"dprime_{model}_low"] <= d) & (d <= table[f"dprime_{model}_high"])
    return weights[held].sum()


@pytest.mark.parametrize("task", FORCED)
def test_coverage_in_forced_choice(task):
    """Clopper–Pearson limits hold the truth with at least .95, and with few trials with more."""
    n = 40
    table = forced_choice(np.arange(n + 1), n, task)
    for model in MODELS:
        for d in (0.0, 0.5, 1.0, 2.0, 3.0):
            p = sensitivity.proportion_correct(d, task=task, decision_model=model)
            found = coverage(table, model, d, binom.pmf(np.arange(n + 1), n, p))
            assert 0.95 <= found < 0.996, (model, d)


def test_coverage_in_same_different():
    """From careful to liberal criteria: quantiles over draws hold the truth in .93 to .99."""
    n = same = 14
    hits, wrong = np.divmod(np.arange((n + 1) * (same + 1)), same + 1)
    table = same_different(hits, wrong, n, same)
    for model in MODELS:
        for d in (0.0, 1.0, 2.0, 3.0):
            for rate in (0.1, 0.25, 0.5, 0.7):
                weights = binom.pmf(hits, n, hit_rate(d, rate, model)) * binom.pmf(
                    wrong, same, rate
                )
                assert 0.93 < coverage(table, model, d, weights) < 0.99, (model, d, rate)


def slope(function, at, step=1e-5):
    return (function(at + step) - function(at - step)) / (2 * step)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("task", FORCED)
def test_width_in_forced_choice(task, model):
    """Of 4000 trials: 1.96 √(p(1 − p)/n) / p′(d) on either side of the truth, to 5 %."""
    n = 4000
    for d in (0.8, 1.6, 2.4):
        p = sensitivity.proportion_correct(d, task=task, decision_model=model)
        rise = slope(
            lambda x: sensitivity.proportion_correct(x, task=task, decision_model=model), d
        )
        error = np.sqrt(p * (1 - p) / n) / rise
        row = forced_choice([round(n * p)], n, task).iloc[0]
        _expect(row, model, d, error)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.7])
def test_width_in_same_different(model, rate):
    """Of 2 × 4000 trials: the errors of both rates through the derivatives of d′, to 5 %."""
    n = 4000
    for d in (1.2, 2.4):
        hits = hit_rate(d, rate, model)

        def dprime(h, f):
            return sensitivity.dprime_from_rates(h, f, decision_model=model)

        error = np.hypot(
            slope(lambda h: dprime(h, rate), hits) * np.sqrt(hits * (1 - hits) / n),
            slope(lambda f, h=hits: dprime(h, f), rate) * np.sqrt(rate * (1 - rate) / n),
        )
        row = same_different(np.array([round(n * hits)]), np.array([round(n * rate)]), n, n).iloc[0]
        _expect(row, model, d, error)


def _expect(row, model, d, error):
    low, high = row[f"dprime_{model}_low"], row[f"dprime_{model}_high"]
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.05)
    assert (high + low) / 2 == pytest.approx(d, abs=0.2 * error)
    assert row[f"dprime_{model}"] == pytest.approx(d, abs=0.1 * error)
