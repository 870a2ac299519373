"""QUEST+ (Watson 2017): show the level with the lowest expected entropy of the posterior.

The `questplus` library does the inference, with a Weibull of log₁₀ level (threshold t, slope β) or
a normal (mean, standard deviation σ). They are converted to the threshold m and width w of
`psychometric_function`. Weibull: w = C/β with C = `WEIBULL_SPAN`, log₁₀ m = t + log₁₀(log 2)/β;
normal: w = 2 Φ⁻¹(.95) σ.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from psychophysics.psychometric_function import NORMAL_SPAN, WEIBULL_SPAN, Function
from scenes.base.errors import needs

THRESHOLDS = 40
BEYOND = 0.25  # thresholds of the grid extend beyond the levels by this share of their range
ONE_LEVEL = 0.3  # for a single level: by a factor of 2 (log₁₀), or by this share of it
LEAST = 1e-12  # likelihood of an answer that no curve of the grid allows

Array = npt.NDArray[np.float64]


class QuestPlus:
    """QUEST+ over levels above 0; parameters as in `psychophysics.config.QuestPlusConfig`."""

    def __init__(
        self,
        levels: Sequence[float],
        *,
        trials: int,
        function: Function,
        widths: Sequence[float],
        guesses: Sequence[float],
        lapses: Sequence[float],
    ) -> None:
        self.function = function
        self._trials, self._done = trials, 0
        self._levels = dict(zip(_scaled(levels, function), map(float, levels), strict=True))
        self._quest = _quest(
            list(self._levels), levels, function, widths, guesses=guesses, lapses=lapses
        )
        self._chosen: float | None = None

    @property
    def remaining(self) -> int:
        """Number of remaining trials."""
        return self._trials - self._done

    def level(self) -> float:
        """Return the level of the next trial."""
        return self._levels[self._scaled_level()]

    def update(self, correct: bool, informative: bool) -> None:
        """Update the posterior."""
        self._done += 1
        if informative:
            self._update_posterior(self._scaled_level(), "right" if correct else "wrong")
            self._chosen = None

    def _update_posterior(self, scaled: float, response: str) -> None:
        before = self._quest.posterior
        with np.errstate(invalid="ignore", divide="ignore"):
            self._quest.update(stim={"intensity": scaled}, outcome={"response": response})
        if not np.isfinite(self._quest.posterior).all():
            # No curve of the grid allows such an answer: use a small likelihood instead of 0.
            likelihood = self._quest.likelihoods.sel(intensity=scaled, response=response)
            posterior = before * likelihood.clip(min=LEAST)
            self._quest.posterior = posterior / posterior.sum()

    def _scaled_level(self) -> float:
        # The library's property has side effects, so it is read once per trial.
        if self._chosen is None:
            self._chosen = float(self._quest.next_stim["intensity"])
        return self._chosen

    def posterior(self) -> tuple[Array, Array, Array]:
        """Return the posterior of threshold and width: thresholds, widths, probabilities of a grid.

        Units are those of `psychometric_function.core`; the probabilities sum to 1.
        """
        names = ("threshold", "slope") if self.function == "weibull" else ("mean", "sd")
        joint = self._quest.posterior
        joint = joint.sum(dim=[dim for dim in joint.dims if dim not in names]).transpose(*names)
        place, spread = np.meshgrid(
            np.asarray(joint[names[0]]), np.asarray(joint[names[1]]), indexing="ij"
        )
        weights = np.asarray(joint, dtype=float).ravel()
        if self.function == "weibull":
            thresholds = 10 ** (place + np.log10(np.log(2)) / spread)
            return thresholds.ravel(), (WEIBULL_SPAN / spread).ravel(), weights / weights.sum()
        return place.ravel(), (NORMAL_SPAN * spread).ravel(), weights / weights.sum()

    def threshold(self, share: float = 0.95) -> tuple[float, float, float]:
        """Return the threshold's posterior mean (Weibull: of its logarithm) and central interval.

        A limit is 0 or −∞, or ∞, if the grid of thresholds ends before the limit is reached.
        """
        thresholds, _, weights = self.posterior()
        values = np.log(thresholds) if self.function == "weibull" else thresholds
        order = np.argsort(values)
        cumulative = np.cumsum(weights[order])
        ends = [(1 - share) / 2, (1 + share) / 2]
        limits = np.array([np.sum(weights * values), *np.interp(ends, cumulative, values[order])])
        scaled = np.exp(limits) if self.function == "weibull" else limits
        mean, low, high = (float(value) for value in scaled)
        least, most = self._at_ends()
        if least > ends[0]:
            low = 0.0 if self.function == "weibull" else -np.inf
        return mean, low, np.inf if most > ends[0] else high

    def _at_ends(self) -> tuple[float, float]:
        """Return the probabilities of the smallest and the largest threshold of the grid."""
        name = "threshold" if self.function == "weibull" else "mean"
        joint = self._quest.posterior
        marginal = np.asarray(joint.sum(dim=[dim for dim in joint.dims if dim != name]))
        return float(marginal[0]), float(marginal[-1])


def library() -> Any:
    """Return the class of the `questplus` library, whose import takes a second."""
    with needs("lab"):
        from questplus import QuestPlus as Quest
    return Quest


def _scaled(levels: Sequence[float], function: Function) -> list[float]:
    values = np.asarray(levels, dtype=float)
    return [float(v) for v in (np.log10(values) if function == "weibull" else values)]


def _quest(
    scaled: Sequence[float],
    levels: Sequence[float],
    function: Function,
    widths: Sequence[float],
    *,
    guesses: Sequence[float],
    lapses: Sequence[float],
) -> Any:
    low, high = min(scaled), max(scaled)
    margin = BEYOND * (high - low)
    if high == low:
        margin = ONE_LEVEL * (1.0 if function == "weibull" else abs(high))
    places = np.linspace(low - margin, high + margin, THRESHOLDS)
    common = {"lower_asymptote": list(guesses), "lapse_rate": list(lapses)}
    parameters: dict[str, Any]
    if function == "weibull":
        slopes = [WEIBULL_SPAN / width for width in widths]
        parameters = {"threshold": places, "slope": slopes, **common}
    else:
        spreads = [width * max(levels) / NORMAL_SPAN for width in widths]
        parameters = {"mean": places, "sd": spreads, **common}
    return library()(
        stim_domain={"intensity": list(scaled)},
        param_domain=parameters,
        outcome_domain={"response": ["right", "wrong"]},
        func="weibull" if function == "weibull" else "norm_cdf",
        stim_scale="log10" if function == "weibull" else "linear",
        stim_selection_method="min_entropy",
        param_estimation_method="mean",
    )
