"""Orders over participants, keys, seeds."""

from collections import Counter
from itertools import pairwise

import pytest

from psychophysics.counterbalance import block_order, key_order, session_seed


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_latin_squares_are_balanced(count):
    """Every block at every place, and after every other block, equally often."""
    blocks = [f"b{number}" for number in range(count)]
    people = count if count % 2 == 0 else 2 * count
    orders = [block_order(blocks, participant) for participant in range(people)]
    for place in range(count):
        assert set(Counter(order[place] for order in orders).values()) == {people // count}
    follows = Counter(pair for order in orders for pair in pairwise(order))
    assert len(follows) == count * (count - 1)
    assert len(set(follows.values())) <= 1


def test_odd_participants_have_swapped_keys_if_asked():
    assert key_order(("left", "right"), 1, swap=True) == ("right", "left")
    assert key_order(("left", "right"), 2, swap=True) == ("left", "right")
    assert key_order(("left", "right"), 1, swap=False) == ("left", "right")


def test_seeds_differ_by_study_participant_and_session():
    seeds = {
        session_seed(study, seed, participant, session)
        for study in ("a", "b")
        for seed in (1, 2)
        for participant in ("01", "02")
        for session in ("01", "02")
    }
    assert len(seeds) == 16
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert session_seed("a", 1, "01", "01") == session_seed("a", 1, "01", "01")
