"""Luminance of one gun (colour channel) of a display, fitted to readings of a photometer.

v is the pixel value, scaled to 0 to 1. The first of these curves that fits the readings is used:
dark + range · v^γ; the same with an offset before the power (gain–offset–gamma, as in BT.1886 and
sRGB); and, with many readings, a monotone cubic through them.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression, least_squares
from scipy.special import chdtri

Floats = npt.NDArray[np.float64]

# Standard deviation of a photometer's readings: a share of the reading; near black, a share of the
# brightest reading, and at least this many cd/m².
RELATIVE, NEAR_BLACK, SMALLEST = 0.02, 0.0005, 0.005
ROUNDING = 0.3  # standard deviation of rounding, in units of the last digit
LARGEST = 5.0  # standard deviations that a reading may be off the curve through the others
CHANCE = 1e-6  # probability that correct readings of a gun are refused
GAMMAS = (0.8, 4.0)  # smallest and largest gamma of a display
OFFSETS = (-0.25, 0.25)
# With this many values any offset is accepted; with fewer, only offsets in this range.
ENOUGH, USUAL = 7, (-0.085, 0.12)
PRIOR = ((2.2, 0.6), (0.0, 0.05))  # of displays: mean and standard deviation of gamma and offset
INTERPOLATED = 17  # fewest values for a curve through the readings
# Largest difference of a reading from the interpolated curve of the others: shares of the curve and
# of the range.
OFF_CURVE, OFF_RANGE = 0.25, 0.015


@dataclass(frozen=True)
class Gun:
    """Curve of one gun, in cd/m²."""

    dark: float  # at value 0
    range: float  # at value 1, minus `dark`
    gamma: float | None
    offset: float = 0.0
    knots: tuple[tuple[float, float], ...] | None = None  # value and luminance, if interpolated

    def light(self, values: Floats) -> Floats:
        """Return the luminance of values 0 to 1."""
        if self.knots is not None:
            x, y = np.array(self.knots).T
            return np.asarray(PchipInterpolator(x, y)(values))
        return _light(np.array([self.dark, self.range, self.gamma, self.offset]), values)


class Misfit(Exception):
    """No curve fits. `worst` is the index of the wrong reading, if only one is wrong."""

    def __init__(self, worst: int | None, expected: float, gun: Gun) -> None:
        super().__init__()
        self.worst, self.expected, self.gun = worst, expected, gun


def deviation(light: Floats) -> Floats:
    """Return the standard deviation of readings of these luminances, in cd/m²."""
    floor = max(SMALLEST, NEAR_BLACK * float(light.max()), ROUNDING * last_digit(light))
    return np.asarray(np.hypot(RELATIVE * light, floor))


def last_digit(light: Floats) -> float:
    """Return the unit that readings are rounded to: 1, 0.1, 0.01, or 0 for finer ones."""
    digits = (1.0, 0.1, 0.01)
    return next((each for each in digits if np.allclose(light, np.round(light / each) * each)), 0.0)


def curve(values: Floats, light: Floats) -> Gun:
    """Return the curve through luminances `light` at values 0 to 1; raise `Misfit` if none fits."""
    sigma = deviation(light)
    simple, bent = (_fit(values, light, sigma, offset) for offset in (False, True))
    good = _agree(simple, values, light, sigma, offset=False)
    better = _agree(bent, values, light, sigma, offset=True)
    costs = [_cost(gun, values, light, sigma, bool(gun.offset)) for gun in (simple, bent)]
    if good and (not better or costs[0] - costs[1] < LARGEST**2 / 2):
        return simple
    # With few readings, a wrong reading is as likely as an unusual offset.
    if better and (len(values) >= ENOUGH or USUAL[0] < bent.offset < USUAL[1]):
        return bent
    worst, expected = _worst(values, light, sigma)
    if worst is None and len(values) >= INTERPOLATED:
        return _interpolated(values, light, sigma, bent)
    raise Misfit(worst, expected, bent)


def _light(parameters: Floats, values: Floats) -> Floats:
    dark, span, gamma, offset = parameters
    low, high = max(offset, 0.0) ** gamma, (1 + offset) ** gamma
    shape = (np.power(np.clip(values + offset, 0, None), gamma) - low) / (high - low)
    return np.asarray(dark + span * shape)


def _fit(values: Floats, light: Floats, sigma: Floats, offset: bool) -> Gun:
    """Return the fitted curve; with `offset`, an offset is fitted too, under the prior `PRIOR`."""

    def misses(free: Floats) -> Floats:
        return _misses(Gun(*free), values, light, sigma, offset)

    start = [light[0], max(light[-1] - light[0], 1e-3), 2.2, 0.0]
    low, high = [0, 1e-6, 0.3, OFFSETS[0]], [np.inf, np.inf, 6.0, OFFSETS[1]]
    free = 4 if offset else 3
    found = least_squares(misses, start[:free], bounds=(low[:free], high[:free]), x_scale="jac").x
    dark, span, gamma, moved = map(float, [*found, 0.0][:4])
    return Gun(dark, span, gamma, moved)


def _misses(gun: Gun, values: Floats, light: Floats, sigma: Floats, offset: bool) -> Floats:
    """Return residuals in standard deviations: of readings and, with `offset`, from the prior."""
    misses = (gun.light(values) - light) / sigma
    if not offset:
        return np.asarray(misses)
    found = (gun.gamma or 0.0, gun.offset)
    prior = [(each - mean) / sd for each, (mean, sd) in zip(found, PRIOR, strict=True)]
    return np.append(misses, prior)


def _cost(gun: Gun, values: Floats, light: Floats, sigma: Floats, offset: bool) -> float:
    return float((_misses(gun, values, light, sigma, offset) ** 2).sum())


def _agree(gun: Gun, values: Floats, light: Floats, sigma: Floats, offset: bool) -> bool:
    """Return whether the readings fit `gun` together, and each the curve through the others."""
    if gun.gamma is None or not GAMMAS[0] < gun.gamma < GAMMAS[1]:
        return False
    if abs(gun.offset) > 0.99 * OFFSETS[1]:
        return False
    cost = _cost(gun, values, light, sigma, offset)
    if cost > chdtri(len(values), CHANCE):
        return False
    # Leaving out one reading cannot lower the cost by more than the whole cost.
    return cost < LARGEST**2 or all(
        cost - rest < LARGEST**2 for rest in _without(values, light, sigma, offset=offset)[0]
    )


def _without(
    values: Floats, light: Floats, sigma: Floats, offset: bool
) -> tuple[list[float], list[Gun]]:
    """Return cost and curve of each fit that leaves out one reading."""
    costs, guns = [], []
    for number in range(len(values)):
        rest = np.arange(len(values)) != number
        fit = partial(_fit, values[rest], light[rest], sigma[rest])
        guns.append(fit(offset))
        costs.append(_cost(guns[-1], values[rest], light[rest], sigma[rest], offset))
    return costs, guns


def _worst(values: Floats, light: Floats, sigma: Floats) -> tuple[int | None, float]:
    """Return the index of a reading without which the others agree, and what it should be."""
    costs, guns = _without(values, light, sigma, offset=True)
    best = int(np.argmin(costs))
    gamma = guns[best].gamma or 0.0
    if costs[best] > chdtri(len(values) - 1, CHANCE) or not GAMMAS[0] < gamma < GAMMAS[1]:
        return None, 0.0
    return best, float(guns[best].light(values[best : best + 1])[0])


def _interpolated(values: Floats, light: Floats, sigma: Floats, bent: Gun) -> Gun:
    """Return a curve through the readings; raise if one does not agree with its neighbours."""
    excess = np.empty(len(values))
    expected = np.empty(len(values))
    for number in range(1, len(values) - 1):
        rest = np.arange(len(values)) != number
        through = PchipInterpolator(values[rest], light[rest])
        expected[number] = through(values[number])
        allowed = OFF_CURVE * expected[number] + OFF_RANGE * np.ptp(light)
        excess[number] = abs(light[number] - expected[number]) / allowed
    worst = 1 + int(excess[1:-1].argmax())
    if excess[worst] > 1:
        raise Misfit(worst, float(expected[worst]), bent)
    smooth = isotonic_regression(light, weights=sigma**-2).x
    knots = tuple((float(v), float(each)) for v, each in zip(values, smooth, strict=True))
    return Gun(knots[0][1], knots[-1][1] - knots[0][1], None, 0.0, knots)
