"""Models of early vision and texture from plenoptic (Duong et al. 2023).

Their input is one grey channel with the luminance of the image: sRGB is decoded to linear light,
the channels are summed with the weights of Rec. 709, and the sum is encoded again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from plenoptic import models
from plenoptic.process import SteerablePyramidFreq
from torch import Tensor, nn

from mrd.models.base import USUAL_SIZE, Model, check_images, check_known
from mrd.models.front_end import FrontEndModule
from mrd.models.prefixes import PLENOPTIC
from mrd.models.weights import tensors_sha256
from mrd.rendering.srgb import decoded, encoded
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError, unknown
from scenes.film import LUMINANCE

SCALES = 4
"""Number of scales of a pyramid; each halves the image, so sides have to be multiples of 2⁴."""

Shape = tuple[int, int]
Reader = Callable[[Any, Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True)
class PlenopticSource:
    """How a plenoptic model is built for one image size, and which layers are read from it."""

    name: str  # as in the study file, such as plenoptic/OnOff
    make: Callable[[Shape], nn.Module]  # for a height and width in pixels
    read: Reader  # returns all layers of grey images (V, 1, H, W)
    default: tuple[str, ...]  # the layers that are read by default
    smallest: int  # least height and width, pixels
    multiple: int = 1  # height and width have to be multiples of this, pixels
    fitted: bool = False  # whether its parameters are fitted to human judgements

    def default_layers(self) -> tuple[str, ...]:
        """Return the layers that are read by default."""
        return self.default

    def class_names(self) -> tuple[str, ...]:
        """Return an empty tuple: these models have no classes."""
        return ()

    def model(self, config: ModelConfig, folder: Path) -> Model:  # noqa: ARG002
        """Build the model."""
        return PlenopticModel(self, config)

    def layer_shapes(self, resolution: int | None) -> dict[str, tuple[int, ...]]:
        """Return the shape of one image's activation for each layer."""
        resolution = resolution or USUAL_SIZE
        self.check_size(resolution, resolution)
        grey = torch.full((1, 1, resolution, resolution), 0.5)
        with torch.no_grad():
            read = self.read(self.make((resolution, resolution)), grey)
        return {layer: tuple(value.shape[1:]) for layer, value in read.items()}

    def check_size(self, height: int, width: int) -> None:
        """Raise InputError if the model does not accept images of this size."""
        if min(height, width) < self.smallest or height % self.multiple or width % self.multiple:
            multiples = f" in multiples of {self.multiple}" if self.multiple > 1 else ""
            raise InputError(
                f"{self.name} takes images of at least {self.smallest}×{self.smallest} pixels"
                f"{multiples}, not {width}×{height}: change the resolution of the cameras"
            )


class PlenopticModel(Model):
    """A frozen plenoptic model with chosen layers."""

    has_labels = False
    rec_709: Tensor

    def __init__(self, source: PlenopticSource, config: ModelConfig) -> None:
        super().__init__()
        if config.weights != "default":
            raise InputError(
                f"weights: '{config.weights}' is not allowed for {source.name}, which is not "
                "trained; leave the key out"
            )
        self._source = source
        self.front_end = FrontEndModule(config.front_end)
        self.name = f"{source.name}{self.front_end.suffix}"
        self.layer_weights = config.layer_weights or dict.fromkeys(source.default, 1.0)
        check_known(self.layer_weights, list(source.layer_shapes(source.smallest)), source.name)
        self.register_buffer("rec_709", torch.tensor(LUMINANCE).view(1, 3, 1, 1))
        self._built: dict[tuple[Shape, torch.device], nn.Module] = {}
        self.eval()

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """Return the activations of every layer, (V, …)."""
        check_images(images)
        height, width = images.shape[-2:]
        self._source.check_size(height, width)
        model = self._for((height, width), images.device)
        layers = self._source.read(model, grey(self.front_end(images), self.rec_709))
        return {layer: layers[layer] for layer in self.layers}

    def logits(self, images: Tensor) -> None:  # noqa: ARG002
        """Return None: these models have no classes."""
        return

    def record(self) -> dict[str, Any]:
        """Return the record of the model, with the hash of fitted parameters."""
        weights = None
        if self._source.fitted:
            model = self._for((self._source.smallest,) * 2, torch.device("cpu"))
            weights = {"source": "default", "tensors_sha256": tensors_sha256(model)}
        return {
            "name": self.name,
            "network": self._source.name,
            "layers": list(self.layers),
            "weights": weights,
            "front_end": self.front_end.record(),
            "libraries": {library: version(library) for library in ("torch", "plenoptic")},
        }

    def _for(self, shape: Shape, device: torch.device) -> nn.Module:
        """Return the model for one image size and device; it is built at the first call."""
        key = (shape, device)
        if key not in self._built:
            model = self._source.make(shape)
            self._built[key] = model.requires_grad_(False).eval().to(device)
        return self._built[key]


def grey(images: Tensor, rec_709: Tensor) -> Tensor:
    """Return grey images (V, 1, H, W) of the same luminance; input and output are sRGB-encoded."""
    linear = decoded(images.clamp(0, 1))
    return encoded((linear * rec_709).sum(dim=1, keepdim=True))


# The models ---------------------------------------------------------------------------------------


def _fitted(name: str) -> PlenopticSource:
    """Return a model of retina and LGN with the parameters of Berardino et al. (2017)."""
    size = 31
    return PlenopticSource(
        name=f"{PLENOPTIC}{name}",
        make=lambda _shape: getattr(models, name)(size, pretrained=True, cache_filt=True),
        read=lambda model, images: {"response": model(images)},
        default=("response",),
        smallest=size,
        fitted=True,
    )


def _portilla_simoncelli() -> PlenopticSource:
    """Return the texture statistics of Portilla & Simoncelli (2000), whole or by scale."""
    return PlenopticSource(
        name=f"{PLENOPTIC}PortillaSimoncelli",
        make=lambda shape: models.PortillaSimoncelli(shape, n_scales=SCALES),
        read=_statistics,
        default=("statistics",),
        # Correlations extend over 7 pixels of the coarsest scale, whose size has to be even.
        smallest=8 * 2**SCALES,
        multiple=2**SCALES,
    )


def _statistics(model: models.PortillaSimoncelli, images: Tensor) -> dict[str, Tensor]:
    statistics: Tensor = model(images)
    layers = {"statistics": statistics}
    for scale in model.scales:  # whole numbers, and names of residuals
        layer = f"scale_{scale}" if isinstance(scale, int) else scale
        layers[layer] = model.remove_scales(statistics, [scale])
    return {layer: value.flatten(start_dim=1) for layer, value in layers.items()}


def _steerable_pyramid() -> PlenopticSource:
    """Return simple and complex cells (Simoncelli & Freeman 1995): 4 scales, 4 orientations."""
    return PlenopticSource(
        name=f"{PLENOPTIC}SteerablePyramidFreq",
        make=lambda shape: SteerablePyramidFreq(shape, height=SCALES, order=3, is_complex=True),
        read=_coefficients,
        default=tuple(f"energy_{scale}" for scale in range(SCALES)),
        smallest=64,
        multiple=2**SCALES,
    )


def _coefficients(model: SteerablePyramidFreq, images: Tensor) -> dict[str, Tensor]:
    """Return layer → coefficients: scale_N (phases 0° and 90° as channels), energy_N (modulus)."""
    read: dict[str, Tensor] = {}
    for scale, coefficients in model(images).items():
        if coefficients.is_complex():
            bands = coefficients.flatten(start_dim=1, end_dim=2)
            read[f"scale_{scale}"] = torch.cat([bands.real, bands.imag], dim=1)
            read[f"energy_{scale}"] = bands.abs()
        else:
            read[scale] = coefficients
    return read


_FITTED = ("LinearNonlinear", "LuminanceContrastGainControl", "LuminanceGainControl", "OnOff")
_MODELS: dict[str, Callable[[], PlenopticSource]] = {
    **{name: partial(_fitted, name) for name in _FITTED},
    "PortillaSimoncelli": _portilla_simoncelli,
    "SteerablePyramidFreq": _steerable_pyramid,
}


def names() -> list[str]:
    """Return the model names, without the prefix."""
    return sorted(_MODELS)


def source(name: str) -> PlenopticSource:
    """Return a plenoptic model by name; raise InputError if there is none."""
    if name not in _MODELS:
        known = [f"{PLENOPTIC}{each}" for each in _MODELS]
        raise unknown("model", f"{PLENOPTIC}{name}", known)
    return _MODELS[name]()
