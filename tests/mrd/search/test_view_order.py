"""The order in which a search visits its cameras."""

import itertools

import numpy as np
import pytest

from mrd.search.view_order import ViewOrder


@pytest.mark.parametrize(
    ("count", "per_step"), [(4, 2), (3, 2), (5, 3), (5, 4), (2, 2), (4, 1), (3, 9)]
)
def test_every_view_comes_once_before_any_comes_again(rng, count, per_step):
    order = ViewOrder(count, per_step, rng)
    steps = [order.next() for _ in range(4 * count)]
    assert all(len(step) == len(set(step)) == min(per_step, count) for step in steps)
    views = list(itertools.chain.from_iterable(steps))
    rounds = [views[i : i + count] for i in range(0, len(views) - count + 1, count)]
    assert all(sorted(each) == list(range(count)) for each in rounds)
    if count > 2:
        assert len({tuple(each) for each in rounds}) > 1  # not always the same order


def test_the_seed_determines_the_order():
    orders = [ViewOrder(3, 1, np.random.default_rng(seed)) for seed in (1, 1, 2, 3)]
    views = [tuple(itertools.chain.from_iterable(o.next() for _ in range(9))) for o in orders]
    assert views[0] == views[1]
    assert len(set(views)) > 1
