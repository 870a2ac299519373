"""The models of a study: networks, their layers and what images pass before them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from mrd.study.fields import Names, misplaced
from scenes.base.frozen import Frozen

LayerWeight = Annotated[float, Field(strict=True, gt=0, le=1_000_000)]
Weights = Annotated[dict[str, LayerWeight], Field(min_length=1)]


def _written_as(layers: Any) -> str:
    return "weights" if isinstance(layers, Mapping) else "names"


Layers = Annotated[
    Annotated[Names, Tag("names")] | Annotated[Weights, Tag("weights")],
    Discriminator(_written_as),
]


class FrontEnd(Frozen):
    """What happens to an image before the network sees it: blur, then grey, then contrast.

    Parameters
    ----------
    blur
        Standard deviation of a Gaussian blur, in pixels of the rendered image, from 0 (none)
        to 20. It stands for the optics of the eye and of a display, and keeps Monte Carlo noise
        out of the network.
    grey
        Whether all three channels become the luma: the sum of the display-encoded channels with
        Rec. 709's weights.
    contrast
        Factor on the difference from display grey, 0.5: above 0, up to 1 (none).
    """

    blur: float = Field(default=1.0, strict=True, ge=0, le=20)
    grey: bool = Field(default=False, strict=True)
    contrast: float = Field(default=1.0, strict=True, gt=0, le=1)


class ModelConfig(Frozen):
    """A network with chosen layers.

    Parameters
    ----------
    network
        Name of a network, as `mrd models` lists them, or ``my_module:factory`` for one's own.
    layers
        The layers whose activations are matched (`mrd models NETWORK` lists them): a list of
        names, which then weigh the same, or a mapping of names to weights, above 0 and at most a
        million; without it, the network's own default.
    guides
        Further layers that a search moves toward and that no verdict looks at, as `layers`: where
        the judged layers say too little of where to go. Their weights fall along a line, to
        nothing at the end (but with L-BFGS, where they stay).
    weights
        ``"default"`` (those that come with the network), ``"none"`` (its untrained twin) or the
        path of a weights file, relative to the study.
    front_end
        What happens to an image before the network sees it.
    """

    network: str = Field(min_length=1)
    layers: Layers | None = None
    guides: Layers | None = None
    weights: str = Field(default="default", min_length=1)
    front_end: FrontEnd = FrontEnd()

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers, in the order of the file; empty where the network's are read."""
        return tuple(self.layers or ())

    @property
    def layer_weights(self) -> dict[str, float]:
        """Layer → weight, 1 where the file gives names alone; empty where it gives none."""
        return _weights(self.layers)

    def guided(self, judged: Mapping[str, float]) -> "ModelConfig":
        """The model that a search moves by, read at the judged layers and at the guides."""
        layers = {**_weights(self.guides), **judged}
        return self.model_copy(update={"layers": layers, "guides": None})

    @model_validator(mode="after")
    def _guides_are_others(self) -> "ModelConfig":
        for name in self.guides or ():
            if name in self.layer_names:
                raise misplaced(
                    "ModelConfig", ("guides",), f"'{name}' is one of layers; name it once"
                )
        return self


def _weights(layers: tuple[str, ...] | dict[str, float] | None) -> dict[str, float]:
    return dict(layers) if isinstance(layers, dict) else dict.fromkeys(layers or (), 1.0)
