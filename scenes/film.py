"""From linear radiance to what is shown, and back: exposure, tone curve, background.

This is the NumPy side; the renderer's side computes the same in its own arrays, to 1e-6.
"""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationInfo, field_validator, model_validator

from scenes.base.frozen import Frozen, between

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Share of linear red, green and blue in luminance (ITU-R BT.709)."""

# IEC 61966-2-1, with the constants of the standard itself.
LINEAR_LIMIT = 0.0031308
ENCODED_LIMIT = 0.04045
SLOPE = 12.92
OFFSET = 0.055
GAMMA = 2.4


class Film(Frozen):
    """How radiance becomes an image.

    Parameters
    ----------
    exposure
        Factor on linear radiance, above 0 up to 1e6. ``"auto"`` asks the renderer to choose it
        once, from the target under its light; a scene that is rendered holds a number.
    tone_curve
        ``"srgb"``: clip at 1; ``"reinhard"``: x/(1+x) first (Reinhard et al. 2002, equation 3).
        Both end in the sRGB curve.
    background
        What is seen past the object: ``"environment"``, the light itself; or a number, a constant
        grey given as display value from 0 to 1 (below 1 with ``"reinhard"``, which never reaches
        1). ``"auto"`` is the environment, or grey 0.5 where a search changes the lighting, since
        an environment in view would give the change away.
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
        """The exposure as a number.

        Raises
        ------
        ValueError
            While the exposure is ``"auto"``.
        """
        if self.exposure == "auto":
            raise ValueError("the exposure is still 'auto'; choose it from the target first")
        return self.exposure


def srgb_encode(linear: ArrayLike) -> NDArray[Any]:
    """Encode linear values with the sRGB curve (IEC 61966-2-1), after clipping to [0, 1].

    Parameters
    ----------
    linear : array of any shape
        Linear-light values.

    Returns
    -------
    array of the same shape
        Display values in [0, 1]; float32 stays float32.
    """
    x = np.clip(_floating(linear), 0, 1)
    curved = (1 + OFFSET) * np.maximum(x, LINEAR_LIMIT) ** (1 / GAMMA) - OFFSET
    return np.where(x <= LINEAR_LIMIT, SLOPE * x, curved)


def srgb_decode(display: ArrayLike) -> NDArray[Any]:
    """Decode display values in [0, 1] to linear ones: the inverse of `srgb_encode`.

    Parameters
    ----------
    display : array of any shape
        sRGB-encoded values; clipped to [0, 1].
    """
    y = np.clip(_floating(display), 0, 1)
    curved = ((np.maximum(y, ENCODED_LIMIT) + OFFSET) / (1 + OFFSET)) ** GAMMA
    return np.where(y <= ENCODED_LIMIT, y / SLOPE, curved)


def encode(linear: ArrayLike, film: Film) -> NDArray[Any]:
    """Turn linear radiance into display values: exposure, tone curve, clip, sRGB curve.

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
        While the film's exposure is ``"auto"``.
    """
    # Negative radiance does not exist; a filter's undershoot would pass Reinhard's pole at -1.
    exposed = np.maximum(_floating(linear) * film.fixed_exposure, 0)
    return srgb_encode(exposed / (1 + exposed) if film.tone_curve == "reinhard" else exposed)


def decode(display: ArrayLike, film: Film) -> NDArray[Any]:
    """Turn display values back into linear radiance: the inverse of `encode` where none clips.

    Parameters
    ----------
    display : array of any shape
        Display values in [0, 1].
    film
        With a fixed exposure.

    Returns
    -------
    array of the same shape
        Linear radiance before exposure; infinite for display value 1 under ``"reinhard"``.

    Raises
    ------
    ValueError
        While the film's exposure is ``"auto"``.
    """
    shown = srgb_decode(display)
    if film.tone_curve == "reinhard":
        with np.errstate(divide="ignore"):
            shown = shown / (1 - shown)
    return shown / film.fixed_exposure


def background_radiance(film: Film) -> float:
    """Radiance that the film shows as its grey background.

    Parameters
    ----------
    film
        With a fixed exposure and a grey background.

    Returns
    -------
    float
        Linear radiance before exposure, equal in all channels.

    Raises
    ------
    ValueError
        When the background is the environment, or the exposure is ``"auto"``.
    """
    if isinstance(film.background, str):
        raise ValueError(f"the background is {film.background!r}; it has no single radiance")
    return float(decode(np.float64(film.background), film))


def _floating(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)
