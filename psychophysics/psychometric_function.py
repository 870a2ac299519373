"""The psychometric function of simulated observers and QUEST+.

ψ(x; m, w, λ, γ) = γ + (1 − λ − γ) S(x; m, w), in the parameterisation of Schütt, Harmeling, Macke &
Wichmann (2016): m is the level where S = 0.5, w the distance between S = 0.05 and S = 0.95;
γ is the guess rate, λ the lapse rate: one minus the upper asymptote.
"""

from typing import Literal, get_args

import numpy as np
from scipy.stats import norm

from scenes.base.errors import InputError

Function = Literal["weibull", "norm"]
FUNCTIONS: dict[str, Function] = {name: name for name in get_args(Function)}

# Distance between S = 0.05 and S = 0.95, in the natural unit of each function's argument.
WEIBULL_SPAN = float(np.log(-np.log(0.05)) - np.log(-np.log(0.95)))
STEEP = 100.0  # S is 1 above this argument, where the exponential overflows
NORMAL_SPAN = float(2 * norm.ppf(0.95))


def core(level: float, threshold: float, width: float, function: Function) -> float:
    """Return S(x; m, w), the curve without guesses and lapses, from 0 to 1.

    It is 0 at level 0, where target and comparison are the same scene. The width is in the unit of
    the levels (`norm`) or in natural logarithms of them (`weibull`).
    """
    if level <= 0:
        return 0.0
    if function == "norm":
        return float(norm.cdf(NORMAL_SPAN * (level - threshold) / width))
    argument = WEIBULL_SPAN * (np.log(level) - np.log(threshold)) / width
    if argument > STEEP:
        return 1.0
    return float(1 - np.exp(np.log(0.5) * np.exp(argument)))


def lapse_probability(lapse: float, guess: float) -> float:
    """Return the probability p of guessing that lowers the upper asymptote by λ.

    (1 − p) · 1 + p · γ = 1 − λ, so p = λ/(1 − γ). Raise unless 0 ≤ λ ≤ 1 − γ.
    """
    if not 0 <= lapse <= 1 - guess:
        raise InputError(
            f"lapse {lapse:g}: one minus the upper asymptote is from 0 to {1 - guess:.3g} where a "
            f"guess is right with probability {guess:.3g}"
        )
    return lapse / (1 - guess)
