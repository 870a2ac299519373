"""The section ``fisher``: thresholds predicted from derivatives of a model's activations."""

from typing import Annotated

from pydantic import Field

from scenes.base.frozen import Frozen

Samples = Annotated[int, Field(strict=True, ge=16, le=65536)]


class FisherConfig(Frozen):
    """Settings of `mrd fisher`.

    Parameters
    ----------
    rerenders
        Number of renders of the target from which the variance of each unit's activation is
        estimated, 8 to 1000.
    floor
        Smallest variance of a unit, as a share of the mean variance of its layer; above 0, up to 1.
        Without it, a unit that render noise does not change would have unlimited weight.
    samples
        Samples per pixel of these renders, 16 to 65536. They determine the noise, and thresholds
        are in units of this noise.
    derivative_samples
        Samples per pixel of each of the two derivative images that are averaged, 16 to 65536.
    shape_modes
        Number of smooth modes of the shape whose thresholds are predicted, 0 to 64.
    """

    rerenders: Annotated[int, Field(strict=True, ge=8, le=1000)] = 16
    floor: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.1
    samples: Samples = 144
    derivative_samples: Samples = 256
    shape_modes: Annotated[int, Field(strict=True, ge=0, le=64)] = 4
