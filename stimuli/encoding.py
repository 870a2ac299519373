"""Encode radiance as the numbers that a set stores, match images, and measure clipping.

"Light" is the linear light of the display as a share of its white: decoded display values.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.film import LUMINANCE, Film, encode, srgb_decode

Array = NDArray[Any]


@dataclass(frozen=True)
class LuminanceStatistics:
    """Mean luminance of an image, as a share of the display's white, and its RMS contrast.

    RMS contrast is the standard deviation divided by the mean, and 0 if the mean is 0.
    """

    luminance: float
    contrast: float


@dataclass(frozen=True)
class LightChange:
    """The change that matching applies to every channel: ``gain × light + offset``."""

    gain: float = 1.0
    offset: float = 0.0


def displayed_light(radiance: Array, film: Film) -> NDArray[np.float64]:
    """Return the light (…, 3) that the display emits for linear radiance (…, 3).

    Exposure, tone curve and clipping are applied.
    """
    return np.asarray(srgb_decode(encode(np.asarray(radiance, np.float64), film)))


def luminance_statistics(light: Array) -> LuminanceStatistics:
    """Return mean luminance and RMS contrast of light (H, W, 3)."""
    luminance = light @ np.array(LUMINANCE)
    mean = float(luminance.mean())
    return LuminanceStatistics(mean, float(luminance.std()) / mean if mean > 0 else 0.0)


def matching_change(
    own: LuminanceStatistics, wanted: LuminanceStatistics, with_contrast: bool
) -> LightChange:
    """Return the change that turns an image's own statistics (above 0) into the wanted ones.

    Without contrast, only luminance is matched, by a factor, which leaves the contrast unchanged.
    """
    if not with_contrast:
        return LightChange(wanted.luminance / own.luminance)
    gain = wanted.contrast * wanted.luminance / (own.contrast * own.luminance)
    return LightChange(gain, wanted.luminance - gain * own.luminance)


def changed_light(light: Array, change: LightChange) -> tuple[Array, float]:
    """Return light after a change, clipped to [0, 1], and the share of pixels that were clipped."""
    changed = change.gain * light + change.offset
    outside = (changed < -1e-9) | (changed > 1 + 1e-9)  # values at a bound are only rounded
    return np.clip(changed, 0, 1), float(outside.any(axis=-1).mean())


def clipped_share(radiance: Array, film: Film) -> float:
    """Return the share of pixels of radiance (H, W, 3) with a channel above the display's white.

    The film has a fixed exposure. Reinhard's curve never clips.
    """
    if film.tone_curve == "reinhard":
        return 0.0
    return float((np.asarray(radiance) * film.fixed_exposure > 1).any(axis=-1).mean())


def quantised(display: Array, bits: int) -> Array:
    """Round display values in [0, 1] to 8 bits (uint8) or 16 bits (uint16)."""
    top = 2**bits - 1
    return np.rint(np.asarray(display) * top).astype(np.uint8 if bits == 8 else np.uint16)


def display_values(image: Array) -> Array:
    """Return float32 display values in [0, 1] of a stored image: the inverse of `quantised`."""
    return (image / np.float32(np.iinfo(image.dtype).max)).astype(np.float32)
