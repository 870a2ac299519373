"""The order of trials: counts, balance, blocks, catch trials, practice, replay."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from psychophysics.procedures.staircase import Staircase
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import check_trials, generate_trials, shuffled_cycle
from scenes.base.errors import InputError


def made(conditions, config, seed=1, blocks=("",), answer=lambda _trial: True):
    """Answer all trials."""
    trials, found = generate_trials(conditions, config, seed, blocks), []
    trial = next(trials)
    while True:
        found.append(trial)
        try:
            trial = trials.send(answer(trial))
        except StopIteration:
            return found


@pytest.mark.parametrize("task", TASKS)
def test_every_level_and_arrangement_is_asked_equally_often(task, config, condition):
    asked = config(task=task, procedure={"kind": "constant_stimuli", "trials": 12})
    found = made([condition()], asked)
    counts = Counter((trial.level, trial.arrangement) for trial in found)
    assert set(counts.values()) == {12 // len(TASKS[task].arrangements)}
    assert len(counts) == 3 * len(TASKS[task].arrangements)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("vary", [["noise"], ["camera"], ["camera", "noise"]])
def test_no_image_occurs_twice_in_a_trial(task, vary, config, condition):
    asked = config(task=task, vary=vary, procedure={"kind": "constant_stimuli", "trials": 30})
    for trial in made([condition()], asked):
        ids = [image.stimulus_id for image in trial.images]
        assert len(set(ids)) == len(ids)
        sides = ["target" if image.role == "target" else "comparison" for image in trial.images]
        assert tuple(sides) == trial.arrangement.sides
        if "camera" in vary:
            assert len({image.camera for image in trial.images}) == len(ids)
        else:
            assert len({(image.camera, image.light) for image in trial.images}) == 1


def test_cameras_lights_and_noise_are_balanced_for_each_special_scene(config, condition):
    # 6 cameras × lights and 6 orders of 3 seeds: whole after 6 trials of a special scene.
    asked = config(procedure={"kind": "constant_stimuli", "trials": 36})
    found = [trial for trial in made([condition()], asked) if trial.level == 1.0]
    for special in ("target", "comparison"):
        of = [trial for trial in found if trial.arrangement.special == special]
        cells = Counter((trial.images[0].camera, trial.images[0].light) for trial in of)
        seeds = Counter(tuple(image.noise_seed for image in trial.images) for trial in of)
        assert len(of) == 18
        assert set(cells.values()) == {3}
        assert len(cells) == 6
        assert set(seeds.values()) == {3}
        assert len(seeds) == 6


def test_varied_cameras_stand_at_each_place_equally_often(config, condition):
    asked = config(vary=["camera"], procedure={"kind": "constant_stimuli", "trials": 36})
    found = [trial for trial in made([condition()], asked) if trial.level == 0.5]
    for place in range(3):
        assert set(Counter(trial.images[place].camera for trial in found).values()) == {12}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("vary", [["noise"], ["camera"], ["lighting", "noise"]])
def test_ids_and_cameras_do_not_predict_the_answer_at_level_0(task, vary, config, condition):
    """Cameras, lights and noise seeds do not predict the right answer.

    For every tuple of them the answers are spread as by chance: a χ² test of each, α = 1e-6, with
    a seed that does not change. It finds a camera, light or noise seed out of six that moves the
    probability of an answer by .4, with probability .9.
    """
    from scipy.stats import chi2_contingency

    one = condition(levels=(0.0, 0.5, 1.0), lights=("own", "dusk", "noon"))
    asked = config(task=task, vary=vary, procedure={"kind": "constant_stimuli", "trials": 720})
    found = [trial for trial in made([one], asked) if trial.level == 0.0]
    for part in ("camera", "light", "noise_seed"):
        for place in range(TASKS[task].images):
            seen = [getattr(trial.images[place], part) for trial in found]
            right = [trial.arrangement.correct for trial in found]
            values, answers = sorted(set(seen)), sorted(set(right))
            table = [
                [sum(s == v and r == a for s, r in zip(seen, right, strict=True)) for a in answers]
                for v in values
            ]
            if len(values) > 1:
                assert chi2_contingency(table).pvalue > 1e-6


def test_the_same_seed_and_answers_give_the_same_order(config, condition):
    asked = config(procedure={"kind": "staircase"})

    def answer(trial):
        return trial.number % 3 > 0

    first, second = (made([condition()], asked, 7, answer=answer) for _ in range(2))
    assert first == second
    assert first != made([condition()], asked, 8, answer=answer)


def test_an_answer_changes_what_comes_later_alone(config, condition):
    asked = config(procedure={"kind": "staircase", "step": [1]})
    levels = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    first = made([condition(levels)], asked, answer=lambda _trial: True)
    second = made([condition(levels)], asked, answer=lambda trial: trial.number < 20)
    assert first[:20] == second[:20]
    assert first[20:] != second[20:]


def test_conditions_are_interleaved(config, condition):
    asked = config(procedure={"kind": "constant_stimuli", "trials": 10})
    found = made([condition(name="vase"), condition(name="bowl")], asked)
    changes = sum(a.condition.name != b.condition.name for a, b in pairwise(found))
    assert len(found) == 60
    assert changes > 15  # blocks would have 1; of 30 and 30 shuffled, 30 ± 4 are expected


def test_blocks_come_in_order_and_are_whole(config, condition):
    asked = config(procedure={"kind": "constant_stimuli", "trials": 5}, blocks="target")
    found = made([condition(name="vase"), condition(name="bowl")], asked, blocks=("vase", "bowl"))
    assert [trial.block for trial in found] == ["vase"] * 15 + ["bowl"] * 15
    assert all(trial.condition.target == trial.block for trial in found)
    assert [trial.remaining for trial in found] == list(range(30, 0, -1))


def test_catch_trials_show_the_farthest_control(config, condition):
    near = condition(comparison="control", name="near", levels=(0.0, 0.2, 0.4))
    far = condition(comparison="control", name="far")
    asked = config(catch=8, procedure={"kind": "constant_stimuli", "trials": 10})
    found = made([condition(), near, far], asked)
    catch = [trial for trial in found if trial.phase == "catch"]
    assert len(catch) == 8
    assert len(found) == 98
    assert {trial.level for trial in catch} == {0.4, 1.0}  # one for each target
    places = [place for place, trial in enumerate(found) if trial.phase == "catch"]
    assert max(places) - min(places) > 20  # spread over the session


def test_catch_trials_need_controls(config, condition):
    with pytest.raises(InputError, match=r"experiment\.catch: 8 catch trials show controls"):
        check_trials([condition()], config(catch=8))
    check_trials([condition(comparison="control")], config(catch=8))


def test_practice_ends_with_a_good_round(config, condition):
    asked = config(practice={"trials": 4, "correct": 0.75, "rounds": 3})
    answers = iter([True, True, False, False, True, True, True, False])
    found = made([condition()], asked, answer=lambda _trial: next(answers, True))
    practice = [trial for trial in found if trial.phase == "practice"]
    assert len(practice) == 8
    assert {trial.level for trial in practice} == {1.0}
    assert [trial.number for trial in found] == list(range(1, len(found) + 1))


def test_practice_ends_after_its_rounds(config, condition):
    asked = config(practice={"trials": 4, "correct": 1, "rounds": 2})
    found = made([condition()], asked, answer=lambda _trial: False)
    assert sum(trial.phase == "practice" for trial in found) == 8


def test_adaptive_procedures_have_their_trials_at_level_0(config, condition):
    for kind in ("quest_plus", "staircase"):
        asked = config(procedure={"kind": kind, "trials": 15, "trials_at_zero": 6})
        found = made([condition()], asked)
        assert sum(trial.level == 0 for trial in found) == 6
        assert len(found) == 21


def test_interleaved_staircases_have_strands_of_their_own(config, condition):
    asked = config(
        procedure={"kind": "staircase", "trials": 10, "start": [0, 5], "trials_at_zero": 0}
    )
    found = made([condition((0.0, 0.2, 0.4, 0.6, 0.8, 1.0))], asked)
    first = {trial.strand: trial.level for trial in reversed(found)}
    assert first == {0: 1.0, 1: 0.2}


def test_pairs_of_the_same_do_not_move_a_staircase(config, condition):
    asked = config(
        task="same_different",
        procedure={"kind": "staircase", "down": 1, "step": [1], "trials": 40, "trials_at_zero": 0},
    )
    levels = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    found = made([condition(levels)], asked)
    reference = Staircase(levels[1:], down=1, up=1, trials=40, reversals=0, start=0, steps=(1,))
    for trial in found:
        assert trial.level == reference.level()
        reference.update(True, trial.arrangement.informative)


def test_cycles_are_whole(rng):
    stream = shuffled_cycle("abc", rng)
    for _ in range(5):
        assert sorted(next(stream) for _ in range(3)) == ["a", "b", "c"]


def test_strands_are_drawn_evenly_over_time(config, condition):
    # The first half of 200 trials of two conditions: hypergeometric, sd 3.5; 6 sd.
    asked = config(procedure={"kind": "constant_stimuli", "trials": 50})
    pair = [condition((0.0, 1.0), name="vase"), condition((0.0, 1.0), name="bowl")]
    found = made(pair, asked)
    assert abs(np.sum([trial.condition.name == "vase-result" for trial in found[:100]]) - 50) < 21
