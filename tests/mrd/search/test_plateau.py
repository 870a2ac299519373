"""When a search has stopped gaining."""

import json

import pytest

from mrd.search.plateau import Plateau


def fed(losses, window=2):
    plateau = Plateau(window)
    return plateau, [plateau.observe(loss) for loss in losses]


def test_the_mean_is_exponential_over_the_window():
    plateau, _ = fed([4.0, 2.0, 1.0])
    assert plateau.mean == pytest.approx(2.0)  # (4 + 2) / 2 = 3, then (3 + 1) / 2


def test_a_new_lowest_mean_is_the_best():
    plateau, best = fed([4.0, 2.0, 1.0, 9.0, 9.0])
    assert best == [False, True, True, False, False]
    assert (plateau.best, plateau.best_step, plateau.without_gain) == (pytest.approx(2.0), 3, 2)


def test_nothing_is_compared_before_the_window_is_full():
    _, best = fed([1.0, 1.0, 1.0, 0.5], window=4)
    assert best == [False, False, False, True]


@pytest.mark.parametrize("losses", [[], [3.0], [3.0, 2.0, 5.0]])
def test_it_comes_back_from_json(losses):
    plateau, _ = fed(losses)
    again = Plateau.from_json(json.loads(json.dumps(plateau.as_json())))
    assert again.observe(0.1) == plateau.observe(0.1)
    assert again.as_json() == plateau.as_json()


def test_patience_counts_from_the_first_mean():
    plateau, _ = fed([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], window=4)
    assert plateau.without_gain == 2
