"""Observers without eyes: one that follows a psychometric function, and a model's distances.

Both decide by the task's own rule on pairwise distances between the images of a trial.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """What a simulated observer follows: ψ(x; m, w, λ, γ), γ being chance.

    Parameters
    ----------
    threshold
        m: the level where S = 0.5.
    width
        w: of the Weibull in natural logarithms of the level, of the normal in its unit.
    lapse
        λ: one minus the upper asymptote.
    function
        ``weibull`` or ``norm``.
    false_alarms
        γ of same–different: how often a pair of the same is called different, lapses aside.
    """

    threshold: float
    width: float
    lapse: float = 0.0
    function: Function = "weibull"
    false_alarms: float = 0.2

    def guess(self, task: Task) -> float:
        """γ of a task."""
        return self.false_alarms if task.name == "same_different" else task.chance

    def proportion(self, level: float, task: Task) -> float:
        """ψ at a level: proportion correct (same–different: of "different"), lapses included."""
        guess = self.guess(task)
        rise = core(level, self.threshold, self.width, self.function)
        return guess + (1 - guess - self.lapse) * rise


class WithoutEyes:
    """What a session tells people, and what is nothing to these."""

    def begin(self, trial: Trial, before: Trial | None) -> None:
        """Need no instruction."""

    def rest(self, trial: Trial, done: int) -> None:
        """Need no rest."""

    def told(self, trial: Trial, answer: Answer) -> None:
        """Learn nothing."""

    def end(self) -> None:
        """Need no thanks."""


class SimulatedObserver(WithoutEyes):
    """Draws a sample of unit variance for each image, d′ apart between scenes, and lapses.

    d′ at each level is what makes the task's rule reach γ + (1 − γ) S. A lapse is a guess at the
    rate γ, with probability λ/(1 − γ): the two together follow ψ exactly.

    Parameters
    ----------
    psychometric
        What it follows, on every condition.
    task
        The task.
    rng
        Draws samples and lapses.

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
        """d′ at a level."""
        if level not in self._d_primes:
            without_lapses = Psychometric(**{**vars(self._psychometric), "lapse": 0.0}).proportion(
                level, self._task
            )
            self._d_primes[level] = d_prime(self._task, without_lapses, self._criterion)
        return self._d_primes[level]

    def answer(self, trial: Trial) -> Answer:
        """Answer a trial."""
        if self._rng.random() < self._lapses:
            return Answer(self._guessed())
        shift = self.d_prime(trial.level)
        means = [shift * (side == "comparison") for side in trial.arrangement.sides]
        samples = self._rng.normal(means)
        distances = np.abs(samples[:, None] - samples)
        return Answer(int(self._task.decide(distances, self._criterion)))

    def _guessed(self) -> int:
        if self._task.name == "same_different":
            return int(self._rng.random() < self._guess)
        return int(self._rng.integers(len(self._task.alternatives)))


class ModelObserver(WithoutEyes):
    """Decides on the distances that a model's layer finds between the stored images, with noise.

    Parameters
    ----------
    distances
        By family: symmetric, rows and columns named by stimulus.
    task
        The task.
    noise
        Standard deviation of what is added to each distance.
    lapse
        λ: one minus the upper asymptote. A lapse is a guess among the alternatives, with
        probability λ/(1 − γ), γ being their chance (same–different: 1/2).
    criterion
        Of same–different: distances above it are called different.
    rng
        Draws noise and lapses.

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


def code_of(model: str) -> str:
    """Name a model and layer as a participant: the beginning of the name, and six hex digits."""
    letters = "".join(letter for letter in model if letter.isascii() and letter.isalnum())
    return f"{letters[:17]}x{hashlib.sha256(model.encode()).hexdigest()[:6]}"


def middle_distance(
    distances: Mapping[str, pd.DataFrame], conditions: Sequence[Condition], vary: Sequence[Varied]
) -> float:
    """Set the criterion of same–different half way between pairs of the same and the farthest."""
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
    """Images of a scene: `stimulus_id`, and `camera`, `lighting` and rank of the `noise` seed."""
    rows = [
        (image.stimulus_id, image.camera, image.light, rank)
        for cell in images.values()
        for rank, image in enumerate(cell[:seeds])
    ]
    return pd.DataFrame(rows, columns=["stimulus_id", "camera", "lighting", "noise"])


def _mean_distance(
    frame: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame, vary: Sequence[Varied]
) -> float:
    """Mean over the pairs that can share a trial: what varies differs, all else is alike."""
    together = np.full((len(first), len(second)), True)
    for part in get_args(Varied):
        alike = first[part].to_numpy()[:, None] == second[part].to_numpy()
        together &= ~alike if part in vary else alike
    values = frame.loc[first["stimulus_id"], second["stimulus_id"]].to_numpy()
    return float(values[together].mean())
