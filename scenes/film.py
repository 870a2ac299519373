"""Conversion of linear radiance to display values and back: exposure, tone curve, background.

This is the NumPy version; `mrd.rendering` has the same functions for tensors, equal to 1e-6.
"""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationInfo, field_validator, model_validator

from scenes.base.frozen import Frozen, between

# Weights of linear red, green and blue in luminance (ITU-R BT.709).
LUMINANCE = (0.2126, 0.7152, 0.0722)
# The sRGB curve, with the constants of the standard (IEC 61966-2-1).
LINEAR_LIMIT = 0.0031308
ENCODED_LIMIT = 0.04045
SLOPE = 12.92
OFFSET = 0.055
GAMMA = 2.4


class Film(Frozen):
    """Conversion of radiance to an image.

    Parameters
    ----------
    exposure
        Factor on linear radiance, above 0 up to 1e6. With ``"auto"``, the renderer chooses it once,
        from the target under its light; a scene that is rendered holds a number.
    tone_curve
        ``"srgb"``: clip at 1; ``"reinhard"``: x/(1+x) first (Reinhard et al. 2002, equation 3).
        Both end with the sRGB curve.
    background
        Shown behind the object: ``"environment"`` (the light), or a constant grey as a display
        value from 0 to 1 (below 1 with ``"reinhard"``, which never reaches 1). ``"auto"`` is the
        environment, or grey 0.5 if a search changes the lighting, because a visible environment
        would reveal the change.
    """

    exposure: Annotated[float, between(0, 1e6, above_low=True)] | Literal["auto"] = "auto"
    tone_curve: Literal["srgb", "reinhard"] = "srgb"
    background: Annotated[float, between(0, 1)] | Literal["auto", "environment"] = "auto"

    @field_validator("exposure", "background", mode="before")
    @classmethod
    def _number_or_word(cls, value: Any, info: ValidationInfo) -> Any:
        words = ("auto",) if info.field_name == "exposure" else ("auto", "environment")
        if isinstance(value, str) and value not in words:
            raise ValueError(f"'{value}' is not allowed; use a number or {' or '.join(words)}")
        return value

    @model_validator(mode="after")
    def _background_can_be_shown(self) -> "Film":
        if self.tone_curve == "reinhard" and self.background == 1:
            raise ValueError(
                "background 1 is out of range; with tone_curve reinhard allowed: 0 to below 1"
            )
        return self

    @property
    def fixed_exposure(self) -> float:
        """The exposure; raise if it is still ``"auto"``."""
        if self.exposure == "auto":
            raise ValueError("the exposure is still 'auto'; choose it from the target first")
        return self.exposure


def srgb_encode(linear: ArrayLike) -> NDArray[Any]:
    """Return linear values, clipped to [0, 1] and sRGB-encoded; float32 stays float32."""
    x = np.clip(_floating(linear), 0, 1)
    curved = (1 + OFFSET) * np.maximum(x, LINEAR_LIMIT) ** (1 / GAMMA) - OFFSET
    return np.where(x <= LINEAR_LIMIT, SLOPE * x, curved)


def srgb_decode(display: ArrayLike) -> NDArray[Any]:
    """Return display values, clipped to [0, 1], as linear ones: the inverse of `srgb_encode`."""
    y = np.clip(_floating(display), 0, 1)
    curved = ((np.maximum(y, ENCODED_LIMIT) + OFFSET) / (1 + OFFSET)) ** GAMMA
    return np.where(y <= ENCODED_LIMIT, y / SLOPE, curved)


def encode(linear: ArrayLike, film: Film) -> NDArray[Any]:
    """Convert linear radiance to display values: exposure, tone curve, clip, sRGB curve.

    Parameters
    ----------
    linear : array of any shape
        Linear radiance.
    film
        With a fixed exposure.

    Returns
    -------
    array of the same shape
        Display values, sRGB-encoded, in [0, 1]; float32 stays float32.

    Raises
    ------
    ValueError
        The film's exposure is ``"auto"``.
    """
    # Image filters can give values below 0, and Reinhard's curve is infinite at −1.
    exposed = np.maximum(_floating(linear) * film.fixed_exposure, 0)
    return srgb_encode(exposed / (1 + exposed) if film.tone_curve == "reinhard" else exposed)


def decode(display: ArrayLike, film: Film) -> NDArray[Any]:
    """Return the linear radiance of display values; with ``"reinhard"``, it is infinite for 1."""
    shown = srgb_decode(display)
    if film.tone_curve == "reinhard":
        with np.errstate(divide="ignore"):
            shown = shown / (1 - shown)
    return shown / film.fixed_exposure


def background_radiance(film: Film) -> float:
    """Return the linear radiance, before exposure, that the film shows as its grey background."""
    if isinstance(film.background, str):
        raise ValueError(f"the background is {film.background!r}; it has no single radiance")
    return float(decode(np.float64(film.background), film))


def _floating(values: ArrayLike) -> NDArray[Any]:
    """Return an array of floating-point numbers; integers become float64."""
    array = np.asarray(values)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)
