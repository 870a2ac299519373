"""The section ``stimuli`` of the study file: which runs become stimuli, and how to store them."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from scenes.aov_kinds import KINDS, Kind
from scenes.base.frozen import Frozen, between


class StimuliConfig(Frozen):
    """How a stimulus set is built from the runs of a study.

    Parameters
    ----------
    accept
        ``metamers`` takes runs whose result is a metamer, ``all`` also those that failed. Pixel
        searches are taken with their family.
    bits
        Bits per channel: 8, or 16 for displays of high bit depth.
    radiance
        Whether the set also holds linear radiance (float16).
    compression
        ``gzip`` can be read by every HDF5 library, ``lzf`` is faster and read by h5py alone.
    matching
        What is made equal across the images of a family under one light: ``none``, mean
        ``luminance``, or ``luminance_and_contrast`` (RMS contrast as well), in linear light.
    most_clipped
        Largest share of an image's pixels, 0 to 1, that may be outside the range of the display.
        If an image has more, no set is built. A lamp in the background can take a fifth of the
        image. Null scenes do not count: they are not shown to people.
    aovs
        What the set also holds for each image: any of ``depth``, ``normals``, ``albedo``,
        ``mask``, ``object``. ``mrd generate`` renders them with the images of series.
    """

    accept: Literal["metamers", "all"] = "metamers"
    bits: Literal[8, 16] = 8
    radiance: Annotated[bool, Field(strict=True)] = False
    compression: Literal["gzip", "lzf"] = "gzip"
    matching: Literal["none", "luminance", "luminance_and_contrast"] = "none"
    most_clipped: Annotated[float, between(0, 1)] = 0.25
    aovs: tuple[Kind, ...] = ()

    @field_validator("aovs")
    @classmethod
    def _each_once(cls, kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
        return tuple(kind for kind in KINDS if kind in kinds)

    def record(self) -> dict[str, Any]:
        """Return the section as JSON; `aovs` is left out if empty, as in earlier versions."""
        return self.model_dump(mode="json", exclude=None if self.aovs else {"aovs"})
