"""The section ``models``: networks, their layers, and the front end before them."""

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
    Annotated[Names, Tag("names")] | Annotated[Weights, Tag("weights")], Discriminator(_written_as)
]


class FrontEnd(Frozen):
    """What is done to an image before the network sees it: blur, then grey, then contrast.

    Parameters
    ----------
    blur
        Standard deviation of a Gaussian blur, in pixels of the rendered image, 0 (none) to 20. It
        models the optics of the eye and of the display, and removes Monte Carlo noise.
    grey
        Whether all three channels are set to the luma: the weighted sum of the display-encoded
        channels, with the weights of Rec. 709.
    contrast
        Factor of the difference from mid-grey (0.5, display-encoded); above 0, up to 1 (unchanged).
    """

    blur: float = Field(default=1.0, strict=True, ge=0, le=20)
    grey: bool = Field(default=False, strict=True)
    contrast: float = Field(default=1.0, strict=True, gt=0, le=1)


class ModelConfig(Frozen):
    """A network, the layers that are compared, and its front end.

    Parameters
    ----------
    network
        Name of a network (`mrd models` lists them), or ``my_module:factory`` for your own.
    layers
        The layers whose activations are matched (`mrd models NETWORK` lists them): a list of
        names, with equal weights, or a mapping of names to weights, above 0 and at most a million.
        By default, a layer that is chosen for the network.
    guides
        Further layers that only the search uses, as `layers`: they help where the gradient of
        `layers` is too weak. They do not count for the verdict. Their weights decrease linearly to
        0 during the search (with L-BFGS, they stay constant).
    weights
        ``"default"`` (the weights that come with the network), ``"none"`` (untrained), or the path
        of a weights file, relative to the study.
    front_end
        What is done to an image before the network sees it.
    """

    network: str = Field(min_length=1)
    layers: Layers | None = None
    guides: Layers | None = None
    weights: str = Field(default="default", min_length=1)
    front_end: FrontEnd = FrontEnd()

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers, in the order of the study file; empty if the default is used."""
        return tuple(self.layers or ())

    @property
    def layer_weights(self) -> dict[str, float]:
        """Layer → weight, 1 if the study file has only names; empty if it has no layers."""
        return _weights(self.layers)

    def guided(self, scored: Mapping[str, float]) -> "ModelConfig":
        """Return the model that a search uses: with the scored layers and the guides."""
        layers = {**_weights(self.guides), **scored}
        return self.model_copy(update={"layers": layers, "guides": None})

    @model_validator(mode="after")
    def _guides_are_not_layers(self) -> "ModelConfig":
        for name in self.guides or ():
            if name in self.layer_names:
                raise misplaced(
                    "ModelConfig", ("guides",), f"'{name}' is one of layers; name it once"
                )
        return self


def _weights(layers: tuple[str, ...] | dict[str, float] | None) -> dict[str, float]:
    return dict(layers) if isinstance(layers, dict) else dict.fromkeys(layers or (), 1.0)
