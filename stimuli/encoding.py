"""From radiance to the numbers that a set stores: display encoding, matching, clipping.

Light here is what the display emits, as a share of its white: the display values, decoded.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.film import LUMINANCE, Film, encode, srgb_decode, srgb_encode

Array = NDArray[Any]


@dataclass(frozen=True)
class Looks:
    """Statistics of an image's luminance.

    Parameters
    ----------
    luminance
        Mean over all pixels, share of the display's white.
    contrast
        RMS contrast: standard deviation ÷ mean (0 where the mean is 0).
    """

    luminance: float
    contrast: float


@dataclass(frozen=True)
class Change:
    """What matching does to light: ``gain × light + offset``, in every channel."""

    gain: float = 1.0
    offset: float = 0.0


def shown_light(radiance: Array, film: Film) -> NDArray[np.float64]:
    """Light that the display emits for linear radiance (…, 3): after exposure, curve and clip."""
    return np.asarray(srgb_decode(encode(np.asarray(radiance, np.float64), film)))


def looks(light: Array) -> Looks:
    """Mean luminance and RMS contrast of light (H, W, 3)."""
    luminance = light @ np.array(LUMINANCE)
    mean = float(luminance.mean())
    return Looks(mean, float(luminance.std()) / mean if mean > 0 else 0.0)


def matching(here: Looks, wanted: Looks, with_contrast: bool) -> Change:
    """Change that gives an image the wanted luminance and, if asked for, contrast.

    Parameters
    ----------
    here
        The image's, both above 0.
    wanted
        The family's.
    with_contrast
        Whether the contrast is matched too; it stays as it is otherwise.
    """
    if not with_contrast:
        return Change(wanted.luminance / here.luminance)
    gain = wanted.contrast * wanted.luminance / (here.contrast * here.luminance)
    return Change(gain, wanted.luminance - gain * here.luminance)


def matched(light: Array, change: Change) -> tuple[Array, float]:
    """Apply a change.

    Returns
    -------
    light
        In [0, 1], same shape.
    clipped
        Share of pixels of which a channel was pushed below 0, or above 1, by the change.
    """
    changed = change.gain * light + change.offset
    # Rounding is no clipping: what lies on the border stays on it.
    outside = (changed < -1e-9) | (changed > 1 + 1e-9)
    return np.clip(changed, 0, 1), float(outside.any(axis=-1).mean())


def clipped_share(radiance: Array, film: Film) -> float:
    """Share of pixels of which a channel lies above what the display can show.

    Parameters
    ----------
    radiance
        (H, W, 3), linear.
    film
        With a fixed exposure. Reinhard's curve never clips.
    """
    if film.tone_curve == "reinhard":
        return 0.0
    return float((np.asarray(radiance) * film.fixed_exposure > 1).any(axis=-1).mean())


def stored(light: Array, bits: int) -> Array:
    """Numbers of a set for light in [0, 1]: sRGB-encoded, rounded to 8 or 16 bits."""
    return quantised(srgb_encode(light), bits)


def quantised(display: Array, bits: int) -> Array:
    """Display values in [0, 1], rounded to the nearest of 2⁸ (uint8) or 2¹⁶ (uint16) levels."""
    top = 2**bits - 1
    return np.rint(np.asarray(display) * top).astype(np.uint8 if bits == 8 else np.uint16)


def display_values(image: Array) -> Array:
    """Display values in [0, 1], float32, of a stored image: the inverse of `quantised`."""
    return (image / np.float32(np.iinfo(image.dtype).max)).astype(np.float32)
