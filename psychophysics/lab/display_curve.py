"""The light of one gun of a display as a function of its value, fitted to readings.

Three curves are tried, the simplest first: dark + range · v^γ; the same with an offset before the
power (gain–offset–gamma, as in BT.1886 and sRGB); and, with many readings, a monotone cubic through
the readings themselves. A curve is taken only where the readings agree with it.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression, least_squares
from scipy.special import chdtri

Floats = npt.NDArray[np.float64]

# What a photometer repeats to, one standard deviation: a share of the reading, and, near black, a
# share of the brightest reading, but not less than so many cd/m².
RELATIVE, NEAR_BLACK, SMALLEST = 0.02, 0.0005, 0.005
ROUNDING = 0.3  # of the last digit that is written: one standard deviation
# A reading farther from the curve through the others than this, in standard deviations, is wrong.
LARGEST = 5.0
# Chance that all readings of a gun together are refused although they are as good as that.
CHANCE = 1e-6
GAMMAS = (0.8, 4.0)  # beyond these no display is known
OFFSETS = (-0.25, 0.25)
ENOUGH, USUAL = 7, (-0.085, 0.12)  # values that show an offset of any size; offsets with fewer
# What is known of displays before measuring: mean and standard deviation of gamma and offset.
KNOWN = ((2.2, 0.6), (0.0, 0.05))
INTERPOLATED = 17  # different values from which on the readings themselves may be the curve
# Of an interpolated curve: a reading is wrong where it differs from the curve through the others by
# more than these shares of the curve, and of the range.
OFF_CURVE, OFF_RANGE = 0.25, 0.015


@dataclass(frozen=True)
class Gun:
    """Light of one gun, in cd/m²."""

    dark: float
    range: float
    gamma: float | None
    offset: float = 0.0
    knots: tuple[tuple[float, float], ...] | None = None

    def light(self, values: Floats) -> Floats:
        """Luminance of values 0 to 1."""
        if self.knots is not None:
            x, y = np.array(self.knots).T
            return np.asarray(PchipInterpolator(x, y)(values))
        return _light(np.array([self.dark, self.range, self.gamma, self.offset]), values)


class Misfit(Exception):
    """No curve fits: `worst` is the number of the one reading that is wrong, if it is one."""

    def __init__(self, worst: int | None, expected: float, gun: Gun) -> None:
        super().__init__()
        self.worst, self.expected, self.gun = worst, expected, gun


def deviation(light: Floats) -> Floats:
    """Return what readings of these luminances repeat to, one standard deviation."""
    floor = max(SMALLEST, NEAR_BLACK * float(light.max()), ROUNDING * last_digit(light))
    return np.asarray(np.hypot(RELATIVE * light, floor))


def last_digit(light: Floats) -> float:
    """Return what the last digit counts to which readings are rounded: 1, 0.1, 0.01 or nothing."""
    digits = (1.0, 0.1, 0.01)
    return next((each for each in digits if np.allclose(light, np.round(light / each) * each)), 0.0)


def curve(values: Floats, light: Floats) -> Gun:
    """Find the curve of readings."""
    sigma = deviation(light)
    simple, bent = (_fit(values, light, sigma, offset) for offset in (False, True))
    good = _agree(simple, values, light, sigma, offset=False)
    better = _agree(bent, values, light, sigma, offset=True)
    costs = [_cost(gun, values, light, sigma, bool(gun.offset)) for gun in (simple, bent)]
    if good and (not better or costs[0] - costs[1] < LARGEST**2 / 2):
        return simple
    # With few readings, an offset beyond those of most displays is as likely a wrong reading.
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
    """Fit dark, range and gamma; or these and the offset, with what is known before."""

    def misses(free: Floats) -> Floats:
        return _misses(Gun(*free), values, light, sigma, offset)

    start = [light[0], max(light[-1] - light[0], 1e-3), 2.2, 0.0]
    low, high = [0, 1e-6, 0.3, OFFSETS[0]], [np.inf, np.inf, 6.0, OFFSETS[1]]
    free = 4 if offset else 3
    found = least_squares(misses, start[:free], bounds=(low[:free], high[:free]), x_scale="jac").x
    dark, span, gamma, moved = map(float, [*found, 0.0][:4])
    return Gun(dark, span, gamma, moved)


def _misses(gun: Gun, values: Floats, light: Floats, sigma: Floats, offset: bool) -> Floats:
    """Readings minus the curve, and the curve minus what is known, in standard deviations."""
    misses = (gun.light(values) - light) / sigma
    if not offset:
        return np.asarray(misses)
    found = (gun.gamma or 0.0, gun.offset)
    known = [(each - mean) / sd for each, (mean, sd) in zip(found, KNOWN, strict=True)]
    return np.append(misses, known)


def _cost(gun: Gun, values: Floats, light: Floats, sigma: Floats, offset: bool) -> float:
    return float((_misses(gun, values, light, sigma, offset) ** 2).sum())


def _agree(gun: Gun, values: Floats, light: Floats, sigma: Floats, offset: bool) -> bool:
    """Tell whether readings agree with a curve, all together and each with the others' curve."""
    if gun.gamma is None or not GAMMAS[0] < gun.gamma < GAMMAS[1]:
        return False
    if abs(gun.offset) > 0.99 * OFFSETS[1]:
        return False
    cost = _cost(gun, values, light, sigma, offset)
    if cost > chdtri(len(values), CHANCE):
        return False
    # No single reading can cost more than all of them.
    return cost < LARGEST**2 or all(
        cost - rest < LARGEST**2 for rest in _without(values, light, sigma, offset=offset)[0]
    )


def _without(
    values: Floats, light: Floats, sigma: Floats, offset: bool
) -> tuple[list[float], list[Gun]]:
    """Fit the readings without each of them in turn."""
    costs, guns = [], []
    for number in range(len(values)):
        rest = np.arange(len(values)) != number
        fit = partial(_fit, values[rest], light[rest], sigma[rest])
        guns.append(fit(offset))
        costs.append(_cost(guns[-1], values[rest], light[rest], sigma[rest], offset))
    return costs, guns


def _worst(values: Floats, light: Floats, sigma: Floats) -> tuple[int | None, float]:
    """Find the one reading without which the others agree; what it should have been."""
    costs, guns = _without(values, light, sigma, offset=True)
    best = int(np.argmin(costs))
    gamma = guns[best].gamma or 0.0
    if costs[best] > chdtri(len(values) - 1, CHANCE) or not GAMMAS[0] < gamma < GAMMAS[1]:
        return None, 0.0
    return best, float(guns[best].light(values[best : best + 1])[0])


def _interpolated(values: Floats, light: Floats, sigma: Floats, bent: Gun) -> Gun:
    """Take the readings themselves for the curve, where each agrees with its neighbours."""
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
