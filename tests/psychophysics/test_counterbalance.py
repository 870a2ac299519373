"""Orders over participants, keys, seeds."""

from collections import Counter
from itertools import pairwise, product

import pytest

from psychophysics.counterbalance import (
    RULE_KEY,
    block_order,
    key_order,
    orders,
    rule_of,
    session_seed,
)
from scenes.base.errors import InputError

KEYS = ("left", "right")


@pytest.mark.parametrize("count", range(1, 9))
def test_latin_squares_are_balanced(count):
    """Every block at every place, and after every other block, equally often."""
    blocks = [f"b{number}" for number in range(count)]
    people = orders(count)
    rows = [block_order(blocks, participant) for participant in range(people)]
    assert len(set(rows)) == people
    for place in range(count):
        assert set(Counter(order[place] for order in rows).values()) == {people // count}
    follows = Counter(pair for order in rows for pair in pairwise(order))
    assert len(follows) == count * (count - 1)
    assert len(set(follows.values())) <= 1


@pytest.mark.parametrize("count", range(1, 9))
def test_keys_are_crossed_with_the_order_of_blocks(count):
    """Over two passes each order has both assignments; within one, half of the keys are swapped."""
    blocks = [f"b{number}" for number in range(count)]
    cycle = 2 * orders(count)

    def seats(first, last):
        return [
            (block_order(blocks, n), key_order(KEYS, n, swap=True, blocks=count))
            for n in range(first, last)
        ]

    for start in (0, cycle, 5 * cycle):
        met = seats(start, start + cycle)
        assert set(Counter(met).values()) == {1}
        firsts = Counter((order[0], keys) for order, keys in met)
        places = Counter(
            (place, block, keys) for order, keys in met for place, block in enumerate(order)
        )
        assert set(firsts) == set(product(blocks, {KEYS, KEYS[::-1]}))
        assert len(set(firsts.values())) == 1
        assert len(places) == 2 * count * count
        assert len(set(places.values())) == 1
    for start in range(0, cycle, 2):  # a small study has both halves as well
        assert {keys for _, keys in seats(start, start + 2)} == {KEYS, KEYS[::-1]}


def test_keys_are_swapped_only_if_asked():
    assert [key_order(KEYS, n, swap=False, blocks=2) for n in range(8)] == [KEYS] * 8


def test_rule_1_is_that_of_recorded_sessions():
    """Odd numbers have swapped keys, however many blocks there are."""
    for count in range(1, 9):
        for number in range(40):
            expected = KEYS[::-1] if number % 2 else KEYS
            assert key_order(KEYS, number, swap=True, blocks=count, rule=1) == expected


def test_the_rule_of_a_session_is_the_recorded_one():
    assert rule_of({"Seed": 3}, "a.json") == 1
    assert rule_of({RULE_KEY: 2}, "a.json") == 2
    for rule in (3, 0, True, "2", None, [2], 2.0, {"a": 1}):
        with pytest.raises(InputError, match=r"^a.json: Counterbalance: .* knows rules 1 to 2; "):
            rule_of({RULE_KEY: rule}, "a.json")


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
