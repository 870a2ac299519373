"""How much the noise of a derivative falsifies the threshold that follows from it.

A derivative is the mean of two of independent noise. With S² the whitened square of what both have
in common and N² that of either's noise, the two agree by a = S²/(S² + N²), and the square of their
mean is S² + N²/2 where S² was meant: the threshold, one over its root, is √(2a/(1 + a)) of the true
one. N² falls as one over the samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stimuli.findings import NOISY

WANTED = 0.8  # agreement that more samples are to bring: thresholds 6 % too small
MOST_SAMPLES = 65536  # that `fisher.derivative_samples` allows


def share_of_threshold(agreement: float) -> float:
    """√(2a/(1 + a)): what noise leaves of a threshold, at an agreement a above 0, up to 1."""
    return math.sqrt(2 * agreement / (1 + agreement))


def samples_for(agreement: float, samples: int) -> int:
    """Samples per pixel at which two derivatives come to agree by `WANTED`.

    Parameters
    ----------
    agreement
        Above 0, up to 1, of the two that were made.
    samples
        Per pixel, of each of these.
    """
    return round(samples * _noise(agreement) / _noise(WANTED))


def _noise(agreement: float) -> float:
    """N²/S²."""
    return (1 - agreement) / agreement


def warning(parameter: Mapping[str, Any], samples: int) -> str | None:
    """Tell that a predicted threshold is mostly noise, by how much, and what to do.

    Parameters
    ----------
    parameter
        A row of `fisher.json`: ``agreement`` of its two derivatives, None where both are 0.
    samples
        ``fisher.derivative_samples`` that it was made with.

    Returns
    -------
    str or None
        None where the agreement is `stimuli.findings.NOISY` or more, or there is none.
    """
    agreement = parameter["agreement"]
    if agreement is None or agreement >= NOISY:
        return None
    if agreement > 0:
        lost = f"the threshold is about {1 - share_of_threshold(agreement):.0%} too small"
        needed = min(samples_for(agreement, samples), MOST_SAMPLES)
    else:
        lost, needed = "the threshold is noise alone", MOST_SAMPLES
    advice = (
        f"raise fisher.derivative_samples from {samples} toward {needed}"
        if samples < needed
        else "more samples than these are not to be had: leave this parameter out"
    )
    return f"two derivatives of independent noise agree by {agreement:.2f}: {lost}; {advice}"
