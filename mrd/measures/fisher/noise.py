"""Effect of the renders' Monte Carlo noise on a predicted threshold.

A derivative is the mean of two with independent noise. Call S² the squared whitened length of what
the two share, and N² that of the noise of each. Their agreement is a = S²/(S² + N²), and the mean
has the squared length S² + N²/2 instead of S². A threshold is one over this length, so noise makes
it √(2a/(1 + a)) of the true threshold. N² is inversely proportional to the samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stimuli.findings import NOISY

WANTED = 0.8  # agreement that the advice aims at; thresholds are then 6 % too small
MOST_SAMPLES = 65536  # limit of `fisher.derivative_samples`


def share_of_threshold(agreement: float) -> float:
    """Return the predicted threshold as a share of the true one, at an agreement 0 < a ≤ 1."""
    return math.sqrt(2 * agreement / (1 + agreement))


def samples_for(agreement: float, samples: int) -> int:
    """Return how many samples per pixel raise the agreement to `WANTED`."""
    noise, wanted = ((1 - a) / a for a in (agreement, WANTED))  # N²/S²
    return round(samples * noise / wanted)


def warning(parameter: Mapping[str, Any], samples: int) -> str | None:
    """Return a warning, with advice, if noise dominates a predicted threshold; else None.

    `parameter` is a row of `fisher.json`, made with `samples` (``fisher.derivative_samples``). Its
    ``agreement`` is None if both derivatives are 0.
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
        else "this is the largest number of samples: leave this parameter out"
    )
    return f"two derivatives of independent noise agree by {agreement:.2f}: {lost}; {advice}"
