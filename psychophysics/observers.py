"""Computed observers: one that follows a psychometric function, and one that uses a model.

Both apply the task's decision rule to the pairwise distances between the images of a trial.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pandas as pd

from psychophysics.answer import Answer
from psychophysics.config import Varied
from psychophysics.design import Cell, Condition, Stimulus
from psychophysics.psychometric_function import Function, core, lapse_probability
from psychophysics.tasks.base import Task, d_prime
from psychophysics.tasks.same_different import criterion_of
from psychophysics.trials import Trial


@dataclass(frozen=True)
class Psychometric:
    """Psychometric function of a simulated observer: ψ(x; m, w, λ, γ) with γ the chance level.

    S is the curve without guesses and lapses (`psychophysics.psychometric_function`).

    Parameters
    ----------
    threshold
        m: the level where S = 0.5.
    width
        w: in natural logarithms of the level (``weibull``), or in the unit of the level (``norm``).
    lapse
        λ: one minus the upper asymptote.
    function
        ``weibull`` or ``norm``.
    false_alarms
        γ of same–different: how often a pair of the same scene is called different, without lapses.
    """

    threshold: float
    width: float
    lapse: float = 0.0
    function: Function = "weibull"
    false_alarms: float = 0.2

    def guess(self, task: Task) -> float:
        """Return the guess rate γ of a task."""
        return self.false_alarms if task.name == "same_different" else task.chance

    def proportion(self, level: float, task: Task) -> float:
        """Return ψ, the proportion correct (same–different: of "different"), lapses included."""
        guess = self.guess(task)
        rise = core(level, self.threshold, self.width, self.function)
        return guess + (1 - guess - self.lapse) * rise


class ComputedObserver:
    """Base of observers that need no instructions, breaks or feedback."""

    def begin(self, trial: Trial, before: Trial | None) -> None:
        """Do nothing."""

    def rest(self, trial: Trial, done: int) -> None:
        """Do nothing."""

    def give_feedback(self, trial: Trial, answer: Answer) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class SimulatedObserver(ComputedObserver):
    """Observer that draws a normal sample of unit variance for each image and sometimes lapses.

    The means of the two scenes differ by d′, chosen at each level so that the task's rule reaches
    γ + (1 − γ) S. A lapse is a guess at the rate γ, with probability λ/(1 − γ): the proportion
    correct is then exactly ψ.

    Parameters
    ----------
    psychometric
        Psychometric function, the same for all conditions.
    task
        The task.
    rng
        Generator of samples and lapses.

    Raises
    ------
    InputError
        The lapse rate is above 1 − γ.
    """

    def __init__(self, psychometric: Psychometric, task: Task, rng: np.random.Generator) -> None:
        self._psychometric, self._task, self._rng = psychometric, task, rng
        guess = psychometric.guess(task)
        self._criterion = criterion_of(guess) if task.name == "same_different" else 0.0
        self._lapses = lapse_probability(psychometric.lapse, guess)
        self._guess = guess
        self._d_primes: dict[float, float] = {}

    def d_prime(self, level: float) -> float:
        """Return the d′ between target and comparison at a level."""
        if level not in self._d_primes:
            without_lapses = replace(self._psychometric, lapse=0.0).proportion(level, self._task)
            self._d_primes[level] = d_prime(self._task, without_lapses, self._criterion)
        return self._d_primes[level]

    def answer(self, trial: Trial) -> Answer:
        """Answer a trial."""
        if self._rng.random() < self._lapses:
            return Answer(self._guess_choice())
        shift = self.d_prime(trial.level)
        means = [shift * (side == "comparison") for side in trial.arrangement.sides]
        samples = self._rng.normal(means)
        distances = np.abs(samples[:, None] - samples)
        return Answer(int(self._task.decide(distances, self._criterion)))

    def _guess_choice(self) -> int:
        if self._task.name == "same_different":
            return int(self._rng.random() < self._guess)
        return int(self._rng.integers(len(self._task.alternatives)))


class ModelObserver(ComputedObserver):
    """Observer that decides by a model's distances between the stored images, with noise.

    Parameters
    ----------
    distances
        For each family (a target and all images compared with it), a symmetric matrix of
        distances; rows and columns are named by stimulus.
    task
        The task.
    noise
        Standard deviation of the normal noise added to each distance.
    lapse
        λ: one minus the upper asymptote. A lapse is a guess among the alternatives, with
        probability λ/(1 − γ), where γ is the chance level (same–different: 1/2).
    criterion
        For same–different: distances above it are called different.
    rng
        Generator of noise and lapses.

    Raises
    ------
    InputError
        The lapse rate is above 1 − γ.
    """

    def __init__(
        self,
        distances: Mapping[str, pd.DataFrame],
        task: Task,
        *,
        noise: float,
        lapse: float,
        criterion: float,
        rng: np.random.Generator,
    ) -> None:
        self._values = {name: frame.to_numpy(np.float64) for name, frame in distances.items()}
        self._places = {
            name: {stimulus: place for place, stimulus in enumerate(frame.index)}
            for name, frame in distances.items()
        }
        self._task, self._rng = task, rng
        self._noise, self._criterion = noise, criterion
        self._lapses = lapse_probability(lapse, task.chance)

    def answer(self, trial: Trial) -> Answer:
        """Answer a trial."""
        alternatives = len(self._task.alternatives)
        if self._rng.random() < self._lapses:
            return Answer(int(self._rng.integers(alternatives)))
        family = trial.condition.family
        places = [self._places[family][image.stimulus_id] for image in trial.images]
        noise = self._rng.normal(scale=self._noise, size=(len(places), len(places)))
        upper = np.triu(self._values[family][np.ix_(places, places)] + noise, 1)
        return Answer(int(self._task.decide(upper + upper.T, self._criterion)))


def participant_code(model: str) -> str:
    """Return a participant code for a model's name: at most 17 of its letters, x, and a hash."""
    letters = "".join(letter for letter in model if letter.isascii() and letter.isalnum())
    return f"{letters[:17]}x{hashlib.sha256(model.encode()).hexdigest()[:6]}"


def same_different_criterion(
    distances: Mapping[str, pd.DataFrame], conditions: Sequence[Condition], vary: Sequence[Varied]
) -> float:
    """Return the criterion of same–different for a model's distances.

    It is half way between two mean distances, over the pairs that a trial can show: of pairs of the
    same scene, and of pairs of the target and the last level.
    """
    same: list[float] = []
    different: list[float] = []
    for condition in conditions:
        frame = distances[condition.family]
        target = _views(condition.target_images, condition.seeds)
        far = _views(condition.comparison_images[condition.levels[-1]], condition.seeds)
        same += [_mean_distance(frame, scene, scene, vary) for scene in (target, far)]
        different.append(_mean_distance(frame, target, far, vary))
    return float((np.mean(same) + np.mean(different)) / 2)


def _views(images: Mapping[Cell, Sequence[Stimulus]], seeds: int) -> pd.DataFrame:
    """Return a scene's images: `stimulus_id`, `camera`, `lighting` and rank of the `noise` seed."""
    rows = [
        (image.stimulus_id, image.camera, image.light, rank)
        for cell in images.values()
        for rank, image in enumerate(cell[:seeds])
    ]
    return pd.DataFrame(rows, columns=["stimulus_id", "camera", "lighting", "noise"])


def _mean_distance(
    frame: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame, vary: Sequence[Varied]
) -> float:
    """Return the mean distance of pairs that a trial can show: they differ in `vary` alone."""
    together = np.full((len(first), len(second)), True)
    for part in get_args(Varied):
        alike = first[part].to_numpy()[:, None] == second[part].to_numpy()
        together &= ~alike if part in vary else alike
    values = frame.loc[first["stimulus_id"], second["stimulus_id"]].to_numpy()
    return float(values[together].mean())
