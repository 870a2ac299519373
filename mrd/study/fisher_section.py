"""How thresholds are predicted from the derivative of a model's activations (`mrd fisher`)."""

from typing import Annotated

from pydantic import Field

from scenes.base.frozen import Frozen


class FisherConfig(Frozen):
    """Counts and the noise floor of predicted thresholds.

    Parameters
    ----------
    rerenders
        Number N of re-renders over which the variance of activations is taken, 8 to 1000.
    floor
        Least variance of a unit, as a share of its layer's mean variance, above 0 up to 1: a unit
        that noise leaves alone would count without limit.
    samples
        Per pixel, of every re-render, 16 to 65536: the noise that thresholds are measured in.
    derivative_samples
        Per pixel, of each of two derivative images that are averaged, 16 to 65536.
    shape_modes
        Number of smooth modes of the shape, 0 to 64.
    """

    rerenders: Annotated[int, Field(strict=True, ge=8, le=1000)] = 16
    floor: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.1
    samples: Annotated[int, Field(strict=True, ge=16, le=65536)] = 144
    derivative_samples: Annotated[int, Field(strict=True, ge=16, le=65536)] = 256
    shape_modes: Annotated[int, Field(strict=True, ge=0, le=64)] = 4
