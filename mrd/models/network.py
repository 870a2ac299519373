"""A neural network as a model: front end, normalisation, named layers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mrd.models.base import USUAL_SIZE, Model, check_images
from mrd.models.folding import fold
from mrd.models.front_end import FrontEndModule
from mrd.models.layers import check_layers, names, penultimate, problem_of, recorded
from mrd.models.weights import (
    UNTRAINED_SEED,
    check_numbers,
    file_record,
    load_weights,
    tensors_sha256,
    untrained,
)
from mrd.study.model_section import ModelConfig
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError, one_line


@dataclass(frozen=True)
class Recipe:
    """How a network is built, and which input it expects."""

    name: str  # as in the study file, such as resnet50
    build: Callable[[], nn.Module]  # untrained, with the weight names of its library
    # Builds the network with its library's weights, and returns their record (JSON data with their
    # hash); raises InputError if there are none.
    trained: Callable[[], tuple[nn.Module, dict[str, Any]]]
    mean: tuple[float, float, float]  # per channel: the network's input is (image − mean) / std
    std: tuple[float, float, float]
    smallest: int = 1  # smallest height and width, pixels
    only_size: int | None = None  # the only allowed height and width, pixels
    default: tuple[str, ...] | None = None  # default layers; None for the classifier's input
    labelled: bool = True  # whether the output is one logit per class
    classes: Callable[[], tuple[str, ...]] = tuple  # class names in order
    libraries: tuple[str, ...] = ()  # besides torch: their versions determine the activations
    arranged: Callable[[nn.Module], nn.Module] = lambda network: network  # renames its layers
    # Returns the classifier; None for the linear layer that runs last.
    classifier: Callable[[nn.Module], nn.Module | None] = lambda _network: None
    # Builds the network with a user's weights file; None if the file's tensors must have the
    # network's names and shapes.
    load: Callable[[Path], nn.Module] | None = None
    parts: tuple[Path, ...] = ()  # further files that determine the activations
    # Builds the network for listing its layers, if it cannot run on PyTorch's meta device.
    rehearse: Callable[[], nn.Module] | None = None
    size_advice: str = ""  # text for the error message about a wrong size

    def check_size(self, height: int, width: int) -> None:
        """Raise InputError if the network does not accept images of this size."""
        if self.only_size is not None and (height, width) != (self.only_size, self.only_size):
            raise InputError(
                f"{self.name} takes images of {self.only_size}×{self.only_size} pixels only, "
                f"not {width}×{height}: set the resolution of the cameras to {self.only_size}"
                f"{self.size_advice}"
            )
        if min(height, width) < self.smallest:
            raise InputError(
                f"{self.name} takes images of at least {self.smallest}×{self.smallest} pixels, "
                f"not {width}×{height}: raise the resolution of the cameras"
            )

    def model(self, config: ModelConfig, folder: Path) -> Model:
        """Build the network with the layers, weights and front end of a study."""
        return Network(self, config, folder)

    def class_names(self) -> tuple[str, ...]:
        """Return the class names in order; empty if there are none."""
        return self.classes() if self.labelled else ()

    def default_layers(self) -> tuple[str, ...]:
        """Return the default layers; empty if the study must name them."""
        if self.default:
            return self.default
        network, images = self._rehearsal(self.usual_size)
        classifier = self.classifier(network)
        layer = penultimate(network, lambda: self.run(network, images), classifier)
        return (layer,) if layer else ()

    def layer_shapes(self, resolution: int | None) -> dict[str, tuple[int, ...]]:
        """Return the shape of one image's activation for each readable layer.

        The network runs on PyTorch's meta device, which computes only shapes, if it can: then it
        needs no weights.
        """
        resolution = resolution or self.usual_size
        self.check_size(resolution, resolution)
        network, images = self._rehearsal(resolution)
        layers = names(network)
        layers += [layer for layer in self.default_layers() if layer not in layers]
        with torch.no_grad(), recorded(network, layers) as outputs:
            self.run(network, images)
        return {
            layer: tuple(outputs[layer][0].shape[1:])
            for layer in layers
            if problem_of(outputs[layer], len(images)) is None
        }

    @property
    def usual_size(self) -> int:
        """An allowed height and width of images, pixels."""
        return self.only_size or max(self.smallest, USUAL_SIZE)

    def run(self, network: nn.Module, inputs: Tensor) -> Any:
        """Run the network; raise InputError with the network's name if its code fails."""
        try:
            return network(inputs)
        except Exception as error:
            raise InputError(
                f"{self.name}: calling the network with images of {tuple(inputs.shape)} raised "
                f"{type(error).__name__}: {one_line(error)}"
            ) from error

    def _rehearsal(self, resolution: int) -> tuple[nn.Module, Tensor]:
        """Return the network and two images for listing layers, on the meta device if possible."""
        images = torch.zeros(2, 3, resolution, resolution)
        if self.rehearse:
            return self.arranged(untrained(self.rehearse)).eval(), images
        try:
            with torch.device("meta"):
                network = self.build()
        except NotImplementedError:  # the network uses values of tensors to build itself
            network = untrained(self.build).to("meta")
        return self.arranged(network).eval().to("meta"), images.to("meta")


class Network(Model):
    """A network with chosen layers and constant weights.

    Images pass through the front end, the network's normalisation, then the network. A relative
    path of a weights file starts in `folder`. Wrong layers or weights raise InputError.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe, config: ModelConfig, folder: Path) -> None:
        super().__init__()
        self._recipe = recipe
        self.front_end = FrontEndModule(config.front_end)
        network, self._weights, variant = _with_weights(recipe, config.weights, folder)
        self.name = f"{recipe.name}{variant}{self.front_end.suffix}"
        self.has_labels = recipe.labelled and config.weights != "none"
        self.network = recipe.arranged(network)
        check_layers(self.network, config.layer_names, recipe.name)
        self.layer_weights = config.layer_weights or dict.fromkeys(recipe.default_layers(), 1.0)
        if not self.layer_weights:
            raise InputError(
                f"layers: {recipe.name} has no classifier and so no default layers; "
                f"name layers (`mrd models {recipe.name}` lists them)"
            )
        self.register_buffer("mean", torch.tensor(recipe.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(recipe.std).view(1, 3, 1, 1))
        self.requires_grad_(False).eval()
        self._checked_sizes: set[tuple[int, int]] = set()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in order; empty if there are none, or the library does not name them."""
        return self._recipe.class_names() if self.has_labels else ()

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """Return the activations of every layer, each (V, …)."""
        return self._run(images)[0]

    def logits(self, images: Tensor) -> Tensor | None:
        """Return the logits, (V, classes); None for untrained networks and non-classifiers."""
        if not self.has_labels:
            return None
        return self._checked_logits(self.network(self._input(images)), images)

    def activations_and_logits(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return `activations` and `logits` of images, from one pass."""
        activations, output = self._run(images)
        return activations, self._checked_logits(output, images) if self.has_labels else None

    def _run(self, images: Tensor) -> tuple[dict[str, Tensor], Any]:
        """Return the activations, and the output of the network."""
        inputs = self._input(images)
        with recorded(self.network, self.layers) as outputs:
            output = self.network(inputs)
        activations = {
            layer: _activation(self._recipe.name, layer, outputs[layer], len(images))
            for layer in self.layers
        }
        return activations, output

    def _checked_logits(self, logits: Any, images: Tensor) -> Tensor:
        """Return the network's output; raise InputError if it is not one row per image."""
        if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(images):
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise InputError(
                f"{self._recipe.name}: calling the network with {len(images)} images returned "
                f"{got}, not ({len(images)}, classes)"
            )
        return logits

    def record(self) -> dict[str, Any]:
        """Return the record of the model, with the hash of its weights."""
        libraries = ("torch", *self._recipe.libraries)
        return {
            "name": self.name,
            "network": self._recipe.name,
            "layers": list(self.layers),
            "weights": dict(self._weights),
            "front_end": self.front_end.record(),
            "mean": list(self._recipe.mean),
            "std": list(self._recipe.std),
            "libraries": {library: version(library) for library in libraries},
            "parts": {part.name: file_sha256(part) for part in self._recipe.parts},
        }

    def _input(self, images: Tensor) -> Tensor:
        """Return the network's input for images."""
        check_images(images)
        height, width = images.shape[-2:]
        self._recipe.check_size(height, width)
        if (height, width) not in self._checked_sizes:
            self._run_once(images)
            self._checked_sizes.add((height, width))
        inputs: Tensor = (self.front_end(images) - self.mean) / self.std
        return inputs

    @torch.no_grad()
    def _run_once(self, images: Tensor) -> None:
        """Run the network once on noise of a new size; the first time, fold its batch norms."""
        noise = torch.rand(1, *images.shape[1:], generator=torch.Generator().manual_seed(0))
        inputs = (noise.to(images.device) - self.mean) / self.std
        self._recipe.run(self.network, inputs)
        if not self._checked_sizes:
            fold(self.network, self.layers, inputs)
            # Channels last: up to a fifth faster on a CPU with depthwise convolutions.
            self.network.to(memory_format=torch.channels_last)


def _with_weights(
    recipe: Recipe, weights: str, folder: Path
) -> tuple[nn.Module, dict[str, Any], str]:
    """Return a network with the requested weights, their record, and the model name's suffix."""
    if weights == "none":
        network = untrained(recipe.build)
        check_numbers(network.state_dict(), f"network: {recipe.name}, untrained")
        record = {
            "source": "none",
            "seed": UNTRAINED_SEED,
            "tensors_sha256": tensors_sha256(network),
        }
        return network, record, "+untrained"
    if weights == "default":
        # Building draws random weights first; `untrained` preserves the process's random state.
        network, record = untrained(recipe.trained)
        check_numbers(network.state_dict(), f"network: {recipe.name}")
        return network, record, ""
    path = folder / Path(weights).expanduser()
    if recipe.load:
        network = untrained(partial(recipe.load, path))
    else:
        network = load_weights(untrained(recipe.build), path, recipe.name)
    return network, file_record("file", path), f"+{path.stem}"


def _activation(name: str, layer: str, outputs: Sequence[Any], views: int) -> Tensor:
    if problem := problem_of(outputs, views):
        raise InputError(
            f"layers: '{layer}' of {name} {problem}; `mrd models {name}` lists those that can "
            "be used"
        )
    activation: Tensor = outputs[0]
    return activation
