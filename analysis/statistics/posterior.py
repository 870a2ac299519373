"""Posterior of one psychometric function on a standardised axis, by psignifit.

The tested levels are mapped to 0 to 1, so neither their unit nor their offset changes a fit. Every
range and prior is set in this file instead of psignifit's own, whose grid may end before the
posterior does. The grid is moved and refined until it contains the posterior.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.stats import beta

SAMPLES = 2000  # of a posterior: the quantile at .025 is known to .0035
# Prior of thresholds: flat over the levels and half their range on either side, then falling to 0.
THRESHOLD, THRESHOLD_FLAT = (-1.0, 2.0), (-0.5, 1.5)
# Prior of widths: rising to 1 at twice the smallest step between levels (at most .3), flat up to
# the range of the levels (on log x at least up to 2 natural logarithms), then falling to 0 at five
# times that. A width far below the steps cannot be measured: every such curve gives equal answers.
RISE, FALL, LOG_WIDTH = (0.02, 0.3), 5.0, 2.0
LAPSE = 0.4  # at .5 a 2AFC curve is flat for every threshold
# Beta priors. psignifit's (1, 10) of the lapse rate has 2 % above .3, which made thresholds of
# people who lapse on a quarter of the trials half too large.
LAPSES, OVERDISPERSION = (1.0, 4.0), (1.0, 10.0)
# Position of same trials, so far below the levels that S is 0 and ψ the guess rate.
FAR_BELOW = -1e4
LEAST_MASS = 1e-7  # cells with less are not in the fine grid
CUT = 1e-2  # relative density at an end of the grid above which the end is moved
NOTHING = 2e-3  # relative density below which a refined grid ends
FEWEST_NODES = 5  # of each parameter that must have a density above `CUT`
FINEST = 1e-3  # grids as short as this are not refined
EFFECTIVE = 30  # largest number of same trials that the first grid of an overdispersed rate uses
ROUNDS = 8  # largest number of grids
TINY = 1e-12  # least distance of ψ from 0 and 1

STEPS = {"threshold": 40, "width": 40, "lambda": 20, "gamma": 1, "eta": 20}
COARSE = {"threshold": 30, "width": 40, "lambda": 10, "gamma": 1, "eta": 20}
# Same–different has one more parameter, the guess rate: a coarser grid keeps a fit to seconds.
YES_NO_STEPS = {"threshold": 30, "width": 30, "lambda": 12, "gamma": 12, "eta": 10}
YES_NO_COARSE = {"threshold": 25, "width": 25, "lambda": 8, "gamma": 8, "eta": 8}

Range = tuple[float, float]
Prior = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Posterior:
    """Posterior of threshold, width, lambda, gamma and eta on the standardised axis."""

    mode: dict[str, float]  # of the joint posterior
    samples: dict[str, np.ndarray]  # (SAMPLES,) of each
    known: dict[str, Range]  # where answers, not the prior's ends, set the value
    settled: bool  # whether the grid contains the posterior


def posterior(
    data: np.ndarray,
    *,
    sigmoid: str,
    guess: float | None,
    same: tuple[float, float],
    overdispersion: bool,
    log_range: float | None,
    rng: np.random.Generator,
) -> Posterior:
    """Return the posterior of a psychometric function.

    `data` (K, 3) are levels (ascending, 0 to 1), hits and trials; `same` are false alarms and the
    number of same trials. `guess` is None for same–different. `log_range` is the range of levels in
    natural logarithms, on log x.
    """
    ranges, priors, known = _ranges(data[:, 0], guess, overdispersion, log_range)
    if guess is None and same[1]:
        data = np.vstack([[FAR_BELOW, *same], data])
    bounds = _first(ranges, guess, same, overdispersion)
    for _ in range(ROUNDS):
        result = _psignifit(data, sigmoid, guess, bounds, priors)
        mode = {name: float(value) for name, value in result.parameter_estimate_MAP.items()}
        bounds, settled = _next(result, mode, ranges)
        if settled:
            break
    return Posterior(mode, _samples(result, ranges, rng), known, settled)


def _ranges(
    levels: np.ndarray, guess: float | None, overdispersion: bool, log_range: float | None
) -> tuple[dict[str, Range], dict[str, Prior], dict[str, Range]]:
    """Return range and prior of each parameter, and the range in which the answers determine it."""
    # Nearly equal levels do not count: a step is at least a quarter of the mean step.
    step = max(float(np.diff(levels).min()), 1 / (4 * (len(levels) - 1)))
    risen = float(np.clip(2 * step, *RISE))
    flat = max(1.0, LOG_WIDTH / log_range) if log_range else 1.0
    ranges: dict[str, Range] = {
        "threshold": THRESHOLD,
        "width": (risen / 16, FALL * flat),
        "lambda": (0.0, LAPSE),
        "gamma": (guess, guess) if guess is not None else (0.0, 1.0),
        "eta": (0.0, 1 - 1e-10) if overdispersion else (0.0, 0.0),
    }
    priors: dict[str, Prior] = {
        "threshold": _plateau(THRESHOLD, THRESHOLD_FLAT),
        "width": _plateau(ranges["width"], (risen, flat)),
        "lambda": _beta(ranges["lambda"], LAPSES),
        "gamma": _plateau((0.0, 1.0), (0.0, 1.0)),
        "eta": _beta((0.0, 1.0), OVERDISPERSION),
    }
    known = ranges | {
        "threshold": THRESHOLD_FLAT,
        "width": (risen / 4, (1 + FALL) / 2 * flat),
        "lambda": (0.0, 0.9 * LAPSE),
    }
    return ranges, priors, known


def _plateau(ends: Range, flat: Range) -> Prior:
    """Return a density that is 1 within `flat` and falls as a cosine to 0 at `ends`."""

    def prior(x: np.ndarray) -> np.ndarray:
        values = np.asarray(x, dtype=float)
        density = ((values >= ends[0]) & (values <= ends[1])).astype(float)
        for end, start in zip(ends, flat, strict=True):
            if end != start:
                share = np.clip((values - start) / (end - start), 0, 1)
                density = density * (1 + np.cos(np.pi * share)) / 2
        return density

    return prior


def _beta(ends: Range, shape: Range) -> Prior:
    inside = _plateau(ends, ends)
    return lambda x: inside(x) * beta.pdf(x, *shape)


@cache
def rising_sigmoid(name: str) -> Any:
    """Return psignifit's sigmoid, changed to ψ = γ where γ + λ > 1, as it would fall there."""
    from psignifit.sigmoids import sigmoid_by_name

    kind = type(sigmoid_by_name(name))

    class Rising(kind):  # type: ignore[misc, valid-type]
        def __call__(
            self, stimulus_level: Any, threshold: Any, width: Any, gamma: Any = 0, lambd: Any = 0
        ) -> Any:
            rise = self._value(stimulus_level, threshold, width)
            return np.clip(gamma + np.maximum(1 - lambd - gamma, 0) * rise, TINY, 1 - TINY)

    return Rising(PC=0.5, alpha=0.05)


def _psignifit(
    data: np.ndarray,
    sigmoid: str,
    guess: float | None,
    bounds: dict[str, Range],
    priors: dict[str, Prior],
) -> Any:
    from psignifit import psignifit  # slow import: only for commands that fit

    # Where S is 1 or 0 to the last digit its exponentials overflow or underflow; so may a step of
    # the optimiser that leaves the ranges, where the prior is 0.
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        return psignifit(
            data,
            sigmoid=rising_sigmoid(sigmoid),
            experiment_type="yes/no" if guess is None else f"{round(1 / guess)}AFC",
            stimulus_range=(0.0, 1.0),
            width_min=bounds["width"][0],
            bounds=bounds,
            priors=priors,
            grid_steps=YES_NO_STEPS if guess is None else STEPS,
            steps_moving_bounds=YES_NO_COARSE if guess is None else COARSE,
            max_bound_value=LEAST_MASS,
            verbose=False,
            debug=True,
        )


def _first(
    ranges: dict[str, Range], guess: float | None, same: tuple[float, float], overdispersion: bool
) -> dict[str, Range]:
    """Return the bounds of the first grid; same trials set those of a false-alarm rate."""
    if guess is not None or not same[1]:
        return dict(ranges)
    weight = min(1.0, EFFECTIVE / same[1]) if overdispersion else 1.0
    yes, no = weight * same[0], weight * (same[1] - same[0])
    limits = np.asarray(beta.ppf([1e-5, 1 - 1e-5], 1 + yes, 1 + no))
    return ranges | {"gamma": (float(limits[0]), float(limits[1]))}


def _next(
    result: Any, mode: dict[str, float], ranges: dict[str, Range]
) -> tuple[dict[str, Range], bool]:
    """Return the bounds of the next grid, and whether the current grid contains the posterior."""
    grids = {name: np.asarray(result.parameter_values[name], dtype=float) for name in ranges}
    outside = any(not _holds(nodes, mode[name]) for name, nodes in grids.items())
    bounds, settled = {}, not outside
    for name, nodes in grids.items():
        if len(nodes) == 1:
            bounds[name] = (float(nodes[0]), float(nodes[0]))
            continue
        span, step = float(nodes[-1] - nodes[0]), float(nodes[1] - nodes[0])
        if outside:
            low, high = mode[name] - 1.5 * span, mode[name] + 1.5 * span
        else:
            mass = np.asarray(result.marginal_posterior_values[name])
            mass = mass / mass.max()
            inside = np.flatnonzero(mass > NOTHING)
            low, high = nodes[inside[0]] - step, nodes[inside[-1]] + step
            if mass[0] > CUT and nodes[0] > ranges[name][0]:
                low, settled = low - span, False
            if mass[-1] > CUT and nodes[-1] < ranges[name][1]:
                high, settled = high + span, False
            if np.count_nonzero(mass > CUT) < FEWEST_NODES and span > FINEST:
                settled = False
        bounds[name] = (max(low, ranges[name][0]), min(high, ranges[name][1]))
    return bounds, settled


def _holds(nodes: np.ndarray, value: float) -> bool:
    """Return whether a grid contains a value, to within a step."""
    step = nodes[1] - nodes[0] if len(nodes) > 1 else 1.0
    return bool(nodes[0] - step <= value <= nodes[-1] + step)


def _samples(
    result: Any, ranges: dict[str, Range], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw from the posterior, uniformly within each cell of the grid."""
    drawn = result.posterior_samples(SAMPLES, random_state=rng)
    samples = {}
    for name, ends in ranges.items():
        nodes = result.parameter_values[name]
        step = nodes[1] - nodes[0] if len(nodes) > 1 else 0.0
        shift = rng.uniform(-step / 2, step / 2, SAMPLES)
        samples[name] = np.clip(np.asarray(drawn[name], dtype=float) + shift, *ends)
    return samples
