"""Published d′, and the equations of same–different in numbers.

The examples are those of "R codes for sensory discrimination methods" (preprint 202409.2372, 2024,
section 3.1), which agree with ASTM E2262 and with the R package sensR.
"""

import math

import numpy as np
import pytest

from analysis.statistics import sensitivity
from psychophysics.tasks.base import d_prime
from psychophysics.tasks.same_different import SAME_DIFFERENT, criterion_of


@pytest.mark.parametrize(
    ("task", "correct", "expected"),
    [("2afc", 76, 0.9989), ("3afc", 64, 1.0218), ("oddity", 42, 1.0125)],
)
def test_examples_of_forced_choice(task, correct, expected):
    assert sensitivity.dprime(correct / 100, task=task) == pytest.approx(expected, abs=5e-5)


def test_example_of_same_different():
    """27 of 100 same pairs and 21 of 100 different pairs called the same: d′ 1.023."""
    found = sensitivity.dprime_from_rates(0.79, 0.73)
    assert found == pytest.approx(1.023, abs=5e-4)


# Hits, false alarms, criterion k, d′ by differences, d′ by independent observations: roots of the
# equations of Macmillan & Creelman (2005), found with 30 digits.
NUMBERS = [
    (0.7, 0.2, 1.81238760487364644, 2.54985950784990576, 2.12026169076357719),
    (0.79, 0.73, 0.488081207326764401, 1.02276689647218015, 0.710776837588961822),
    (0.95, 0.1, 2.32617430735334817, 4.65234310703269305, 3.5673120098610691),
]


@pytest.mark.parametrize(("hits", "alarms", "k", "differencing", "independent"), NUMBERS)
def test_same_different_in_numbers(hits, alarms, k, differencing, independent):
    """Analysis and simulated observers use one equation: F = 2Φ(−k/√2), H = Φ(…) + Φ(…)."""
    for model, expected in (("differencing", differencing), ("independent", independent)):
        found = sensitivity.dprime_from_rates(hits, alarms, decision_model=model)
        assert found == pytest.approx(expected, abs=1e-9)
    assert criterion_of(alarms) == pytest.approx(k, abs=1e-12)
    assert SAME_DIFFERENT.proportion_correct(0.0, k) == pytest.approx(alarms, abs=1e-12)
    assert SAME_DIFFERENT.proportion_correct(differencing, k) == pytest.approx(hits, abs=1e-12)
    assert d_prime(SAME_DIFFERENT, hits, k) == pytest.approx(differencing, abs=1e-9)


def test_best_proportion_of_same_different_in_numbers():
    """Φ(d/2)² + Φ(−d/2)², written with erfc of the standard library."""

    def phi(x):
        return math.erfc(-x / math.sqrt(2)) / 2

    d = np.array([0.3, 1.0, 2.0, 4.0])
    expected = [phi(x / 2) ** 2 + phi(-x / 2) ** 2 for x in d]
    found = sensitivity.proportion_correct(d, task="same_different", decision_model="independent")
    assert found == pytest.approx(expected, abs=1e-14)
    assert found[1:3] == pytest.approx([0.573315748154205935, 0.733032471337196134], abs=1e-14)
