"""Tasks: arrangements, decision rules, and d′ against published numbers and simulation."""

from itertools import product

import numpy as np
import pytest

from psychophysics.tasks.base import d_prime
from psychophysics.tasks.match_to_sample import MATCH_TO_SAMPLE
from psychophysics.tasks.oddity import ODDITY
from psychophysics.tasks.registry import TASKS
from psychophysics.tasks.same_different import SAME_DIFFERENT, criterion_of
from tests.statistical.bands import FALSE_ALARM, Rate


@pytest.mark.parametrize(("d", "expected"), [(0, 0.3333), (1, 0.4180), (2, 0.6048), (3, 0.7814)])
def test_oddity_has_frijters_proportions(d, expected):
    assert ODDITY.proportion_correct(d, 0.0) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(("d", "expected"), [(0, 0.5), (1, 0.5825), (2, 0.7468)])
def test_match_to_sample_has_macmillan_and_creelmans_proportions(d, expected):
    assert MATCH_TO_SAMPLE.proportion_correct(d, 0.0) == pytest.approx(expected, abs=5e-5)


def test_same_different_has_macmillan_and_creelmans_example():
    criterion = criterion_of(0.2)
    assert criterion == pytest.approx(1.8124, abs=5e-5)
    assert d_prime(SAME_DIFFERENT, 0.7, criterion) == pytest.approx(2.5499, abs=5e-5)
    assert SAME_DIFFERENT.proportion_correct(0.0, criterion) == pytest.approx(0.2, abs=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_decisions_on_samples_are_right_as_often_as_the_formula_says(name, rng, count):
    """It finds a proportion that is wrong by .02 with probability .9; false alarm 1e-3."""
    task, trials = TASKS[name], count(40_000, 400_000)
    criterion = criterion_of(0.2)
    for d in (0.7, 2.0):
        special = [a for a in task.arrangements if a.informative]
        right = 0
        for arrangement in special:
            means = [d * (side == "comparison") for side in arrangement.sides]
            samples = rng.normal(means, size=(trials // len(special), task.images))
            distances = np.abs(samples[:, :, None] - samples[:, None, :])
            right += int((task.decide(distances, criterion) == arrangement.correct).sum())
        made = trials // len(special) * len(special)
        p = task.proportion_correct(d, criterion)
        Rate(made, p, (p - 0.02, p + 0.02), FALSE_ALARM / 2).check(right)


@pytest.mark.parametrize("name", TASKS)
def test_d_prime_inverts_the_formula(name):
    task = TASKS[name]
    for d in (0.0, 0.3, 1.0, 4.0):
        proportion = task.proportion_correct(d, 1.5)
        assert d_prime(task, proportion, 1.5) == pytest.approx(d, abs=1e-6)


def test_d_prime_ends_at_both_ends():
    assert d_prime(ODDITY, 0.2) == 0.0
    assert d_prime(ODDITY, 1.0) == 12.0


def test_oddity_decides_for_the_farthest_of_three():
    distances = np.array([[0, 1, 4], [1, 0, 5], [4, 5, 0]], dtype=float)
    assert ODDITY.decide(distances, 0.0) == 2


def test_match_to_sample_decides_for_the_nearer():
    distances = np.array([[0, 3, 2], [3, 0, 9], [2, 9, 0]], dtype=float)
    assert MATCH_TO_SAMPLE.decide(distances, 0.0) == 1


def test_same_different_decides_by_the_criterion():
    distances = np.array([[0, 2], [2, 0]], dtype=float)
    assert SAME_DIFFERENT.decide(distances, 1.9) == 1
    assert SAME_DIFFERENT.decide(distances, 2.1) == 0


def test_arrangements_are_all_there_are():
    odd = {(a.special, a.correct) for a in ODDITY.arrangements}
    assert odd == set(product(("target", "comparison"), range(3)))
    for arrangement in ODDITY.arrangements:
        assert arrangement.sides.count(arrangement.special) == 1
        assert arrangement.sides[arrangement.correct] == arrangement.special
    match = {(a.special, a.correct) for a in MATCH_TO_SAMPLE.arrangements}
    assert match == set(product(("target", "comparison"), range(2)))
    for arrangement in MATCH_TO_SAMPLE.arrangements:
        assert arrangement.sides[1 + arrangement.correct] == arrangement.sides[0]
    assert sorted(a.correct for a in SAME_DIFFERENT.arrangements) == [0, 0, 1, 1]


def test_layouts_show_every_image_once():
    for task, presentation in product(TASKS.values(), ("time", "space")):
        shown = [image for show in task.layout(presentation) for image, _ in show.images]
        assert shown == list(range(task.images))
    assert len(ODDITY.layout("space")) == 1
    assert [len(show.images) for show in MATCH_TO_SAMPLE.layout("space")] == [1, 2]


@pytest.mark.parametrize("false_alarms", [1e-12, 1e-6, 0.01, 0.5, 0.99])
def test_d_prime_of_any_criterion(false_alarms):
    """A strict criterion of 10 leaves d' = 12 with few hits; the search continues beyond it."""
    criterion = criterion_of(false_alarms)
    for hits in (0.995, 1 - 1e-9):
        d = d_prime(SAME_DIFFERENT, hits, criterion)
        assert SAME_DIFFERENT.proportion_correct(d, criterion) == pytest.approx(hits, abs=1e-9)
