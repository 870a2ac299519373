"""Staircases by hand."""

from itertools import pairwise

from psychophysics.procedures.staircase import Staircase

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5)


def staircase(**changes):
    words = {"down": 2, "up": 1, "trials": 20, "reversals": 0, "start": 0, "steps": (1,)}
    return Staircase(LEVELS, **(words | changes))


def walked(stair, answers):
    levels = []
    for right in answers:
        levels.append(stair.level())
        stair.update(bool(right), True)
    return levels


def test_two_down_one_up_by_hand():
    stair = staircase()
    levels = walked(stair, [1, 1, 1, 1, 0, 1, 0, 1, 1, 1])
    assert levels == [0.5, 0.5, 0.4, 0.4, 0.3, 0.4, 0.4, 0.5, 0.5, 0.4]
    assert stair.reversals == [0.3, 0.5]
    assert stair.remaining == 10


def test_it_stays_at_the_ends():
    stair = staircase(down=1)
    assert walked(stair, [1] * 7)[-3:] == [0.1, 0.1, 0.1]
    stair = staircase(start=99)
    assert walked(stair, [0] * 7) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5]
    assert stair.reversals == []


def test_steps_grow_smaller_at_reversals():
    stair = staircase(down=1, steps=(2, 1))
    assert walked(stair, [1, 0, 1, 1]) == [0.5, 0.3, 0.4, 0.3]


def test_it_ends_after_its_reversals():
    stair = staircase(down=1, reversals=2)
    walked(stair, [1, 1, 0, 1])
    assert stair.reversals == [0.3, 0.4]
    assert stair.remaining == 0


def test_uninformative_answers_count_as_trials_alone():
    stair = staircase()
    for _ in range(5):
        stair.update(True, False)
    assert (stair.level(), stair.remaining) == (0.5, 15)


def test_it_settles_where_two_down_one_up_settles(rng, count):
    """On a linear ψ from 0 to 1 it settles around √.5 = .707 (Levitt 1971).

    The mean of 4000 trials: their sd is below .15 and runs of 20 are alike, so the mean's sd is
    below .011; 4 of them, and a bias of half a step (.0125) are allowed.
    """
    levels = [level / 40 for level in range(1, 41)]
    stair = Staircase(levels, down=2, up=1, trials=10**6, reversals=0, start=0, steps=(1,))
    seen = []
    for _ in range(count(4_000, 40_000)):
        level = stair.level()
        seen.append(level)
        stair.update(bool(rng.random() < level), True)
    turns = stair.reversals[10:]
    middle = [(a + b) / 2 for a, b in pairwise(turns)]
    assert abs(sum(middle) / len(middle) - 0.7071) < 0.06
