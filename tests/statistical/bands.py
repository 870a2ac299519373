"""Checks of random results that state how often they fail by chance and which faults they find.

A check is made before anything is simulated. It raises `TooWeak` if it would miss a stated fault
more often than `MISSED`, so a test that cannot fail does not start. Probabilities are exact: of the
binomial, χ² and noncentral t distributions.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, chi2, nct, norm

FALSE_ALARM = 1e-3  # of a whole test, whatever it checks
POWER = 0.9  # least probability that a stated fault is found
Z = float(norm.ppf(0.975))

Range = tuple[float, float]


class TooWeak(ValueError):
    """A check that would miss the fault it is made for."""


def binomial_band(n: int, p: float | Range, alpha: float | Range = FALSE_ALARM) -> tuple[int, int]:
    """Return the least and the greatest accepted count of n events of probability p.

    A count outside has a probability of at most alpha / 2 on either side, for every p of a range;
    two alphas are those of the lower and of the upper side, and 0 leaves a side open.
    """
    low, high = p if isinstance(p, tuple) else (p, p)
    below, above = alpha if isinstance(alpha, tuple) else (alpha / 2, alpha / 2)
    least = int(binom.ppf(below, n, low)) if below else 0
    return least, int(binom.isf(above, n, high)) if above else n


def power(
    n: int, p: float | Range, alternative: float, alpha: float | Range = FALSE_ALARM
) -> float:
    """Return the probability that a count with another probability is outside the band of p."""
    low, high = binomial_band(n, p, alpha)
    return float(binom.cdf(low - 1, n, alternative) + binom.sf(high, n, alternative))


@dataclass(frozen=True)
class Rate:
    """Check of how many of n independent results have a property.

    Parameters
    ----------
    n
        Results.
    right
        Probability of the property without a fault, or the range of what is right.
    faults
        Probabilities that have to be found. Only their sides are checked.
    alpha
        False-alarm rate; divide `FALSE_ALARM` by the number of checks of a test.
    """

    n: int
    right: float | Range
    faults: tuple[float, ...]
    alpha: float = FALSE_ALARM

    def __post_init__(self) -> None:
        for fault in self.faults:
            _strong_enough(power(self.n, self.right, fault, self._sides()), f"a rate of {fault:g}")

    def _sides(self) -> Range:
        """Divide alpha between the sides of the faults."""
        middle = np.mean(self.right)
        used = np.array([min(self.faults) < middle, max(self.faults) > middle], dtype=float)
        below, above = self.alpha * used / used.sum()
        return float(below), float(above)

    def check(self, count: float) -> None:
        """Fail unless the count is in the band."""
        low, high = binomial_band(self.n, self.right, self._sides())
        assert low <= count <= high, f"{count} of {self.n}: outside {low} to {high}"


@dataclass(frozen=True)
class Bias:
    """Check that n independent estimates are right on average (t test of their errors).

    Parameters
    ----------
    n
        Estimates.
    fault
        Bias that has to be found, in standard deviations of an estimate.
    allowed
        Bias that is right, in the same unit: few estimators have none.
    alpha
        False-alarm rate, two-sided.
    """

    n: int
    fault: float = 0.5
    allowed: float = 0.0
    alpha: float = FALSE_ALARM

    def __post_init__(self) -> None:
        _strong_enough(self.power(self.fault), f"a bias of {self.fault:g} standard deviations")

    @property
    def limit(self) -> float:
        """Greatest accepted mean error, in standard deviations of the n errors."""
        root = np.sqrt(self.n)
        return float(nct.isf(self.alpha / 2, self.n - 1, self.allowed * root) / root)

    def power(self, fault: float) -> float:
        """Return the probability that a bias of so many standard deviations is found."""
        root = np.sqrt(self.n)
        return float(nct.sf(self.limit * root, self.n - 1, fault * root))

    def check(self, errors: np.ndarray) -> None:
        """Fail if the mean of the errors is too far from 0."""
        assert len(errors) == self.n
        mean, spread = float(np.mean(errors)), float(np.std(errors, ddof=1))
        assert abs(mean) <= self.limit * spread, (
            f"bias: mean error {mean:.4g}, beyond ± {self.limit * spread:.4g}"
        )


@dataclass(frozen=True)
class Width:
    """Check that intervals are as wide as n independent estimates spread (χ² test of a variance).

    An error is compared with the side of its own interval that faces the truth: intervals may be
    asymmetric, and wider for some estimates than for others.

    Parameters
    ----------
    n
        Estimates, normal on the scale that is checked.
    faults
        Ratios of width to right width that have to be found.
    allowed
        Range of ratios that are right.
    alpha
        False-alarm rate, two-sided.
    """

    n: int
    faults: tuple[float, ...] = (2.0,)
    allowed: Range = (0.8, 1.25)
    alpha: float = FALSE_ALARM

    def __post_init__(self) -> None:
        for fault in self.faults:
            _strong_enough(self.power(fault), f"intervals {fault:g} times as wide")

    @property
    def limits(self) -> Range:
        """Least and greatest accepted ratio of stated to observed spread."""
        degrees = self.n - 1
        low = self.allowed[0] * np.sqrt(degrees / chi2.isf(self.alpha / 2, degrees))
        high = self.allowed[1] * np.sqrt(degrees / chi2.ppf(self.alpha / 2, degrees))
        return float(low), float(high)

    def power(self, fault: float) -> float:
        """Return the probability that intervals so many times too wide are found."""
        degrees = self.n - 1
        low, high = self.limits
        below = chi2.sf(degrees * (fault / low) ** 2, degrees)
        above = chi2.cdf(degrees * (fault / high) ** 2, degrees)
        return float(below + above)

    def check(
        self, errors: np.ndarray, below: np.ndarray, above: np.ndarray, quantile: float = Z
    ) -> None:
        """Fail if the errors, in standard errors, do not have a standard deviation of about 1.

        Intervals reach from `below` under to `above` over the estimates.
        """
        assert len(errors) == len(below) == len(above) == self.n
        standard = quantile * errors / np.where(errors > 0, below, above)
        spread = float(np.std(standard, ddof=1))
        ratio = 1 / spread if spread else np.inf  # of endless intervals
        low, high = self.limits
        assert low <= ratio <= high, (
            f"width: {ratio:.3f} times the spread, not {low:.2f}–{high:.2f}"
        )


@dataclass(frozen=True)
class Intervals:
    """Check of n independent 95 % intervals: they hold the truth, are no wider, have no bias.

    Parameters
    ----------
    n
        Intervals.
    coverage
        Range of what is right; few intervals have exactly .95.
    too_low
        Coverage that has to be found.
    wider
        Ratio of width to right width that has to be found; a width of None is not checked.
    bias, allowed_bias
        As `fault` and `allowed` of `Bias`; a bias of None is not checked.
    alpha
        False-alarm rate of the three checks together.
    """

    n: int
    coverage: Range = (0.94, 0.96)
    too_low: float = 0.8
    wider: float | None = 2.0
    bias: float | None = 0.5
    allowed_bias: float = 0.0
    alpha: float = FALSE_ALARM

    def __post_init__(self) -> None:
        self._parts()

    def _parts(self) -> tuple[Rate, Width | None, Bias | None]:
        # Coverage is the least certain of the three, and has the largest part of alpha.
        return (
            Rate(self.n, self.coverage, (self.too_low,), 0.6 * self.alpha),
            None if self.wider is None else Width(self.n, (self.wider,), alpha=0.1 * self.alpha),
            None
            if self.bias is None
            else Bias(self.n, self.bias, self.allowed_bias, 0.3 * self.alpha),
        )

    def check(
        self,
        estimate: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        truth: np.ndarray | float,
        quantile: float = Z,
    ) -> None:
        """Fail unless all three hold, on a scale where estimates are about normal.

        `quantile` is that of the intervals, Student's where they are his.
        """
        rate, width, bias = self._parts()
        rate.check(int(np.sum((low <= truth) & (truth <= high))))
        errors = np.asarray(estimate) - truth
        if width is not None:
            below, above = np.asarray(estimate) - low, np.asarray(high) - estimate
            width.check(errors, below, above, quantile)
        if bias is not None:
            bias.check(errors)


def _strong_enough(found: float, fault: str) -> None:
    if found < POWER:
        raise TooWeak(f"{fault} would be found with probability {found:.3f}, below {POWER:g}")
