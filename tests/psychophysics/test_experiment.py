"""Whole sessions without a window: loop, record, resumption, observers."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from psychophysics import experiment
from psychophysics.answer import Answer, Stopped
from psychophysics.data import bids_names, data_set
from psychophysics.observers import (
    ModelObserver,
    Psychometric,
    SimulatedObserver,
    participant_code,
    same_different_criterion,
)
from psychophysics.tasks.registry import TASKS
from psychophysics.timing import Interval
from psychophysics.trials import generate_trials
from scenes.base.errors import InputError
from tests.statistical.bands import FALSE_ALARM, Rate

FOLLOWS = Psychometric(threshold=0.5, width=1.0, lapse=0.04)


def simulated(asked):
    return lambda _seat, rng: SimulatedObserver(FOLLOWS, asked.task, rng)


def run(asked, folder, make=None, participant="01", **words):
    seat = experiment.seat(asked, folder, participant, "01", "simulated")
    return experiment.run(asked, seat, folder, make or simulated(asked), {}, **words)


class Leaving(SimulatedObserver):
    """Ends the sitting after some trials."""

    def __init__(self, asked, rng, after):
        super().__init__(FOLLOWS, asked.task, rng)
        self.after = after

    def answer(self, trial):
        self.after -= 1
        if self.after < 0:
            raise Stopped
        return super().answer(trial)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("procedure", ["constant_stimuli", "quest_plus", "staircase"])
def test_a_session_is_written_whole(task, procedure, small_experiment, tmp_path):
    asked = small_experiment(
        task=task, procedure={"kind": procedure, "trials": 6}, catch=3, practice={"trials": 2}
    )
    outcome = run(asked, tmp_path)
    frame = data_set.read_sessions(tmp_path)
    assert outcome.finished
    assert len(frame) == outcome.trials
    assert frame["trial"].tolist() == list(range(1, len(frame) + 1))
    assert (frame["content_hash"] == asked.stimuli.content_hash).all()
    assert frame["finished"].all()
    assert (frame["observer"] == "simulated").all()
    assert set(frame["phase"]) == {"practice", "main", "catch"}
    shown = frame[[f"stimulus_{n + 1}" for n in range(asked.task.images)]]
    assert shown.isin(set(asked.stimuli.table["stimulus_id"])).all(axis=None)
    assert (shown.nunique(axis=1) == asked.task.images).all()
    right = frame["response"] == frame["correct_response"]
    assert (right == (frame["correct"] == 1)).all()


@pytest.mark.parametrize("procedure", ["quest_plus", "staircase"])
def test_a_stopped_session_is_resumed_in_the_same_order(procedure, small_experiment, tmp_path):
    """With answers that depend on the trial alone, in pieces and in one sitting: the same table."""

    class Steady(Leaving):
        def answer(self, trial):
            super().answer(trial)
            return Answer(trial.arrangement.correct if trial.number % 3 else 0)

    asked = small_experiment(
        procedure={"kind": procedure, "trials": 15}, attributes=["shape"], comparisons=["result"]
    )
    ends = []
    for _ in range(30):
        outcome = run(asked, tmp_path / "pieces", lambda _seat, rng: Steady(asked, rng, 7))
        ends.append(outcome.trials)
        if outcome.finished:
            break
    whole = run(asked, tmp_path / "whole", lambda _seat, rng: Steady(asked, rng, 10**6))
    assert whole.trials == ends[-1]
    assert ends[:3] == [7, 14, 21]
    pieces, one = (data_set.read_sessions(tmp_path / name) for name in ("pieces", "whole"))
    assert pieces["sitting"].max() == len(ends)
    assert pieces.drop(columns="sitting").equals(one.drop(columns="sitting"))


class Shown(Leaving):
    """Reports two dropped frames of every fourth trial's first image, and notes its pages."""

    def __init__(self, asked, rng, after, pages):
        super().__init__(asked, rng, after)
        self.pages = pages

    def begin(self, trial, before):
        self.pages.append(("begin", trial.number, before and before.number))

    def rest(self, trial, done):
        self.pages.append((trial.number, done))

    def answer(self, trial):
        chosen = super().answer(trial).choice
        late = [2 * (trial.number % 4 == 0), 0, 0]
        return Answer(chosen, intervals=tuple(Interval(0, 0.5, 0, 0.5, count) for count in late))


def test_pages_and_dropped_frames_take_earlier_sittings_into_account(small_experiment, tmp_path):
    """2 practice and 24 main trials, breaks every 8; left after trials 2, 12 and 18."""
    asked = small_experiment(
        procedure={"kind": "constant_stimuli", "trials": 8}, attributes=["shape"],
        comparisons=["result"], practice={"trials": 2, "rounds": 1}, rest_every=8,
        display={"dropped": 0.08},
    )  # fmt: skip
    sidecar = bids_names.table_path(tmp_path, "01", "01", asked.task).with_suffix(".json")
    pages, outcomes = [], []
    for trials in (2, 10, 6, 100):
        outcomes.append(run(asked, tmp_path, lambda _, rng, n=trials: Shown(asked, rng, n, pages)))
        content = json.loads(sidecar.read_text())
        assert content["Intervals"] == outcomes[-1].intervals
        assert content["IntervalsWithDroppedFrames"] == outcomes[-1].late
        assert content["Flagged"] == (outcomes[-1].off > 0.08)
    assert [(each.trials, each.intervals, each.late) for each in outcomes] == [
        (2, 6, 0), (12, 36, 3), (18, 54, 4), (26, 78, 6),
    ]  # fmt: skip
    assert pages == [
        ("begin", 1, None), (3, 0),  # left at the end of practice: that page comes again
        ("begin", 3, 2), (3, 0), (11, 8),
        ("begin", 13, 12), (19, 16),  # left in that break, which is not repeated
        ("begin", 19, 18),
    ]  # fmt: skip


def test_an_altered_order_is_refused(small_experiment, tmp_path):
    asked = small_experiment()
    run(asked, tmp_path, lambda _seat, rng: Leaving(asked, rng, 5))
    path = bids_names.table_path(tmp_path, "01", "01", asked.task)
    path.write_text(path.read_text().replace("_own_0", "_own_1"))
    with pytest.raises(InputError, match="row 1 is not the trial that this version"):
        run(asked, tmp_path)


def test_participants_differ_and_repeat(small_experiment, tmp_path):
    asked = small_experiment(procedure={"kind": "constant_stimuli", "trials": 5})
    for folder, code in (("a", "01"), ("b", "01"), ("b", "02")):
        run(asked, tmp_path / folder, participant=code)
    first, both = (data_set.read_sessions(tmp_path / name) for name in ("a", "b"))
    again = both[both["participant"] == "01"].reset_index(drop=True)
    assert first.equals(again)
    other = both[both["participant"] == "02"].reset_index(drop=True)
    assert not first["stimulus_1"].equals(other["stimulus_1"])


def test_the_sidecar_holds_what_is_needed_to_repeat_a_session(small_experiment, tmp_path):
    asked = small_experiment(blocks="attribute", swap_keys=True)
    run(asked, tmp_path, participant="01")
    run(asked, tmp_path, participant="02")
    path = bids_names.table_path(tmp_path, "02", "01", asked.task).with_suffix(".json")
    facts = json.loads(path.read_text())["Session"]
    assert facts["StimulusSet"] == asked.stimuli.content_hash
    assert facts["ParticipantOrder"] == 1
    assert facts["Blocks"] == ["shape", "material"]
    assert facts["Keys"] == {"first": "3", "second": "2", "third": "1"}
    assert facts["Experiment"]["task"] == "oddity"
    assert 0 <= facts["Seed"] < 2**63


def test_an_altered_set_is_refused(small_set, config, tmp_path):
    copy = tmp_path / "stimuli.h5"
    content = bytearray(small_set.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(InputError, match=r"stimuli\.h5"):
        experiment.prepare("small", 1, config(), copy)
    with pytest.raises(InputError, match="there is no such file; mrd stimuli build"):
        experiment.prepare("small", 1, config(), tmp_path / "other.h5")


def test_catch_trials_without_controls_are_refused_before_anything_is_written(config, small_set):
    asked = config(catch=4, comparisons=["result"])
    with pytest.raises(InputError, match=r"experiment\.catch: 4 catch trials show controls"):
        experiment.prepare("small", 1, asked, small_set)


def test_a_display_smaller_than_a_trial_is_refused(small_experiment):
    asked = small_experiment(presentation="space")
    experiment.check_images_fit(asked, (56, 16))
    with pytest.raises(InputError, match="55 × 16, and a trial needs 56 × 16"):
        experiment.check_images_fit(asked, (55, 16))


# ---- Observers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("function", ["weibull", "norm"])
def test_a_simulated_observer_follows_its_function(task, function, small_experiment, count):
    """At three levels the share of right answers (of "different") is ψ.

    It finds one that is wrong by .05 with probability .9; false alarm 1e-3.
    """
    trials = count(3_000, 30_000)
    asked = small_experiment(task=task)
    follows = Psychometric(0.5, 1.0, 0.06, function, false_alarms=0.2)
    observer = SimulatedObserver(follows, asked.task, np.random.default_rng(5))
    made = generate_trials(asked.conditions, asked.config, 5, [""])
    trial = next(made)
    seen = {}
    while trial.level not in seen or len(seen) < 3:
        informative = trial.arrangement.informative
        if informative and trial.level not in seen:
            right = sum(
                observer.answer(trial).choice == trial.arrangement.correct for _ in range(trials)
            )
            seen[trial.level] = right
        trial = made.send(True)
    for level, right in seen.items():
        p = follows.proportion(level, asked.task)
        Rate(trials, p, (p - 0.05, p + 0.05), FALSE_ALARM / 3).check(right)


def test_a_simulated_observer_gives_false_alarms_at_its_rate(small_experiment, count):
    """It finds a rate that is wrong by .05 with probability .9; false alarm 1e-3."""
    trials = count(3_000, 30_000)
    asked = small_experiment(task="same_different")
    follows = Psychometric(0.5, 1.0, 0.06, false_alarms=0.3)
    observer = SimulatedObserver(follows, asked.task, np.random.default_rng(6))
    made = generate_trials(asked.conditions, asked.config, 5, [""])
    trial = next(made)
    while trial.arrangement.informative:
        trial = made.send(True)
    alarms = sum(observer.answer(trial).choice == 1 for _ in range(trials))
    Rate(trials, 0.3, (0.25, 0.35)).check(alarms)


class Pixels:
    """Answers by a measure of the difference of pixels."""

    def __init__(self, asked, measure):
        self.asked, self.measure = asked, measure
        self.image = cache(lambda name: asked.stimuli.image(name).astype(float))
        self.distance = cache(lambda a, b: measure(self.image(a), self.image(b)))

    def begin(self, trial, before): ...
    def rest(self, trial, done): ...
    def give_feedback(self, trial, answer): ...
    def end(self): ...

    def answer(self, trial):
        names = [image.stimulus_id for image in trial.images]
        distances = np.array([[self.distance(a, b) for b in names] for a in names])
        line = {"identity": 0.5, "difference": 2.6}[self.measure.__name__]
        return Answer(int(self.asked.task.decide(distances, line)))


def identity(first, second):
    return float((first != second).any())


def difference(first, second):
    return float(np.abs(first - second).mean())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("vary", [["noise"], ["camera", "noise"]])
@pytest.mark.parametrize("measure", [identity, difference])
def test_pixels_do_not_solve_level_0(task, vary, measure, small_experiment, tmp_path):
    """An observer of pixels is at chance at level 0.

    It finds .2 more right answers with probability .9; false alarm 1e-3.
    """
    asked = small_experiment(
        task=task, vary=vary, cameras="all", procedure={"kind": "constant_stimuli", "trials": 60}
    )
    run(asked, tmp_path, lambda _seat, _rng: Pixels(asked, measure), durable=False)
    frame = data_set.read_sessions(tmp_path)
    zero = frame[frame["level"] == 0]
    right = int(zero["correct"].sum())
    chance = asked.task.chance
    Rate(len(zero), chance, (chance + 0.2,), FALSE_ALARM / 2).check(right)
    if measure is identity:  # no image occurs twice, so it is at chance at every level
        Rate(len(frame), chance, (chance + 0.2,), FALSE_ALARM / 2).check(frame["correct"].sum())


def test_a_model_answers_by_its_distances(small_experiment, tmp_path):
    """Without noise and with one camera a trial, the nearest pair is the same scene: all right."""
    for task in TASKS:
        asked = small_experiment(task=task)
        families = {condition.family for condition in asked.conditions}
        distances = {each: asked.stimuli.distances("net", "late", each) for each in families}
        line = same_different_criterion(distances, asked.conditions, asked.config.vary)

        def make(seat, rng, asked=asked, distances=distances, line=line):
            return ModelObserver(
                distances, asked.task, noise=0.0, lapse=0.0, criterion=line, rng=rng
            )

        run(asked, tmp_path / task, make)
        frame = data_set.read_sessions(tmp_path / task)
        assert frame[frame["level"] == 1.0]["correct"].mean() == 1.0
        assert frame[frame["level"] == 0.0]["correct"].mean() < 0.75


def test_the_criterion_is_between_the_pairs_that_a_trial_can_show(condition):
    """Two cameras 10 apart, two noise seeds 2 apart, scenes 4 apart: distances add up."""
    one = condition(levels=(0.0, 1.0), cameras=("c0", "c1"), lights=("own",), seeds=2)
    images = [
        (each.stimulus_id, 10 * (each.camera == "c1") + 2 * each.noise_seed, 4 * far)
        for far, cells in enumerate((one.target_images, one.comparison_images[1.0]))
        for cell in cells.values()
        for each in cell
    ]
    names = [name for name, _, _ in images]
    place, far = (np.array([image[n] for image in images]) for n in (1, 2))
    between = np.abs(place[:, None] - place) + np.abs(far[:, None] - far)
    distances = {"vase": pd.DataFrame(between, index=names, columns=names)}
    # noise alone: same 2, different 6. camera alone: 10 and 14. Both: |10 ± 2| and 4 more.
    for vary, middle in ((["noise"], 4), (["camera"], 12), (["camera", "noise"], 12)):
        assert same_different_criterion(distances, [one], vary) == middle


def test_codes_of_models_and_layers_differ():
    names = [f"efficientnet_lite0:blocks.{number}" for number in (1, 10, 11)]
    names += ["timm/vit_small_patch14_dinov2.lvd142m:blocks.1", "ä:ö"]
    codes = [
        bids_names.check_code(f"{participant_code(name)}x10000", "participant") for name in names
    ]
    assert len(set(codes)) == 5
    assert codes[0] == "efficientnetlite0xd45373x10000"


@pytest.mark.parametrize("task", TASKS)
def test_a_models_lapse_rate_is_one_minus_its_upper_asymptote(task, small_experiment, count):
    """As of simulated observers: it finds a rate that is wrong by .03; false alarm 1e-3."""
    trials = count(4_000, 40_000)
    asked = small_experiment(task=task)
    made = generate_trials(asked.conditions, asked.config, 5, [""])
    trial = next(made)
    while trial.level < 1 or not trial.arrangement.informative:
        trial = made.send(True)
    family = trial.condition.family
    families = {family: asked.stimuli.distances("net", "late", family)}
    line = same_different_criterion(families, [trial.condition], asked.config.vary)
    rng = np.random.default_rng(5)
    model = ModelObserver(families, asked.task, noise=0.0, lapse=0.2, criterion=line, rng=rng)
    right = sum(model.answer(trial).choice == trial.arrangement.correct for _ in range(trials))
    Rate(trials, 0.8, (0.77, 0.83)).check(right)


def test_a_lapse_rate_that_guesses_cannot_reach_is_refused(small_experiment):
    task = small_experiment(task="match_to_sample").task
    rng = np.random.default_rng(1)
    with pytest.raises(InputError, match=r"lapse 0\.6: .* from 0 to 0\.5 where a guess is right"):
        ModelObserver({}, task, noise=0.0, lapse=0.6, criterion=0.0, rng=rng)
    with pytest.raises(InputError, match=r"lapse 0\.3: .* from 0 to 0\.2 where a guess is right"):
        SimulatedObserver(
            Psychometric(0.5, 1.0, 0.3, false_alarms=0.8), TASKS["same_different"], rng
        )


def test_noise_and_lapses_make_a_model_guess(small_experiment, tmp_path):
    """It finds shares of .2 and .5 in place of 1/3 with probability .9; false alarm 1e-3."""
    asked = small_experiment(procedure={"kind": "constant_stimuli", "trials": 60})
    families = {condition.family for condition in asked.conditions}
    distances = {each: asked.stimuli.distances("net", "late", each) for each in families}
    for name, words in {"noise": (1e3, 0.0), "lapse": (0.0, 2 / 3)}.items():
        noise, lapse = words

        def make(seat, rng, noise=noise, lapse=lapse):
            return ModelObserver(
                distances, asked.task, noise=noise, lapse=lapse, criterion=0.0, rng=rng
            )

        run(asked, tmp_path / name, make, durable=False)
        frame = data_set.read_sessions(tmp_path / name)
        Rate(len(frame), 1 / 3, (0.2, 0.5), FALSE_ALARM / 2).check(frame["correct"].sum())
