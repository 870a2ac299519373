"""Proportion correct as a function of d′ in every task, under both decision models.

Φ is the standard normal distribution, φ its density, d the sensitivity.
"""

import re
from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.special import ndtr

from analysis.trials.frame import GUESS
from scenes.base.errors import unknown

DecisionModel = Literal["differencing", "independent"]
DECISION_MODELS: tuple[DecisionModel, ...] = ("differencing", "independent")

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(400)

Curve = Callable[[np.ndarray], np.ndarray]  # maps d′ of any shape to proportion correct


def _density(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def _integral(function: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> np.ndarray:
    """Return the integral of a function that maps (nodes,) to (…, nodes), by Gauss–Legendre."""
    middle, half = (high + low) / 2, (high - low) / 2
    return half * (function(middle + half * _NODES) @ _WEIGHTS)


def _m_afc(m: int) -> Curve:
    def curve(d: np.ndarray) -> np.ndarray:
        return _integral(lambda t: _density(t) * ndtr(t + d[..., None]) ** (m - 1), -9, 9)

    return curve


def _two_afc(d: np.ndarray) -> np.ndarray:
    return ndtr(d / np.sqrt(2))


def _oddity_differencing(d: np.ndarray) -> np.ndarray:
    shift = d[..., None] * np.sqrt(2 / 3)

    def inside(z: np.ndarray) -> np.ndarray:
        either = ndtr(shift - z * np.sqrt(3)) + ndtr(-shift - z * np.sqrt(3))
        return either * _density(z)

    return 2 * _integral(inside, 0, 9)


def _oddity_independent(d: np.ndarray) -> np.ndarray:
    # With y measured from the middle of both means, the likelihood that image i is the odd one is
    # exp(d yᵢ) + exp(d (yⱼ + yₖ)) ∝ cosh(d (yᵢ − S/2)), S = y₁ + y₂ + y₃. So the choice is correct
    # if both others are below the middle and below the odd one, or above the middle and above it.
    half = d[..., None] / 2

    def inside(y: np.ndarray) -> np.ndarray:
        below = _density(y - half) * ndtr(y + half) ** 2
        return below + _density(y + half) * ndtr(y - half) ** 2

    return ndtr(d / 2) ** 3 + ndtr(-d / 2) ** 3 + _integral(inside, -9, 0)


def _pairs(a: float, b: float) -> Curve:
    """Return Φ(d/a)Φ(d/b) + Φ(−d/a)Φ(−d/b): two comparisons, both correct or both wrong."""

    def curve(d: np.ndarray) -> np.ndarray:
        return ndtr(d / a) * ndtr(d / b) + ndtr(-d / a) * ndtr(-d / b)

    return curve


def best_criterion(d: np.ndarray) -> np.ndarray:
    """Return the criterion k with which a differencing observer is best in same–different.

    The derivative of hit rate minus false-alarm rate is 0 where cosh(dk/2) = exp(d²/4), so
    k = (2/d) arcosh exp(d²/4), which tends to √2 for d → 0.
    """
    a = np.maximum(d, 1e-6) ** 2 / 4
    # arcosh(eᵃ) = a + log(1 + √(1 − e⁻²ᵃ)) does not overflow.
    return 2 / np.maximum(d, 1e-6) * (a + np.log1p(np.sqrt(-np.expm1(-2 * a))))


def _same_different_differencing(d: np.ndarray) -> np.ndarray:
    k = best_criterion(d)
    hits = ndtr((d - k) / np.sqrt(2)) + ndtr((-d - k) / np.sqrt(2))
    return (1 + hits - 2 * ndtr(-k / np.sqrt(2))) / 2


_CURVES: dict[tuple[str, str], Curve] = {
    ("oddity", "differencing"): _oddity_differencing,
    ("oddity", "independent"): _oddity_independent,
    ("match_to_sample", "differencing"): _pairs(np.sqrt(2), np.sqrt(6)),
    ("match_to_sample", "independent"): _pairs(np.sqrt(2), 2),
    ("same_different", "differencing"): _same_different_differencing,
    ("same_different", "independent"): _pairs(2, 2),
}


def check_decision_model(name: str) -> None:
    """Raise if there is no such decision model."""
    if name not in DECISION_MODELS:
        raise unknown("decision model", name, DECISION_MODELS)


def correct_curve(task: str, decision_model: str) -> Curve:
    """Return proportion correct as a function of d′; raise if task or model is unknown."""
    check_decision_model(decision_model)
    if task == "2afc":
        return _two_afc
    if match := re.fullmatch(r"([3-9]|[1-9]\d)afc", task):
        return _m_afc(int(match[1]))
    if task not in GUESS:
        raise unknown("task", task, [*GUESS, "3afc"])
    return _CURVES[task, decision_model]
