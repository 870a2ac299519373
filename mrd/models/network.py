"""A neural network as a model: front end, its own normalisation, layers read by their names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mrd.config import ModelConfig
from mrd.models.base import Model, check_images
from mrd.models.front_end import Optics
from mrd.models.weights import (
    UNTRAINED_SEED,
    load_weights,
    tensors_sha256,
    untrained,
)
from scenes.digest import file_sha256
from scenes.errors import InputError, nearest


@dataclass(frozen=True)
class Recipe:
    """How a library's network is built, and what it wants to be given.

    Attributes
    ----------
    name
        As in the study file, ``torchvision:resnet50``.
    build
        Makes the network untrained, with its library's names of weights.
    trained_file
        Gives the file with the library's own weights; raises InputError where there is none.
    build_trained
        Makes the network with the weights of that file.
    default_layer
        The layer to read where the study names none.
    mean, std
        Per channel: the network is given (image − mean) / std, as it was trained.
    smallest
        Least height and width, in pixels, that the network can take.
    only_size
        Height and width, in pixels, where it can take one size alone.
    libraries
        Distributions whose versions decide what the network computes, besides torch.
    arranged
        Gives the network's layers readable names, where its library does not.
    """

    name: str
    build: Callable[[], nn.Module]
    trained_file: Callable[[], Path]
    build_trained: Callable[[Path], nn.Module]
    default_layer: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    smallest: int = 1
    only_size: int | None = None
    libraries: tuple[str, ...] = ()
    arranged: Callable[[nn.Module], nn.Module] = lambda network: network

    def check_size(self, height: int, width: int) -> None:
        """Refuse images of a size that the network cannot take.

        Raises
        ------
        InputError
            With the size, what is allowed, and the key to change.
        """
        if self.only_size is not None and (height, width) != (self.only_size, self.only_size):
            raise InputError(
                f"{self.name} takes images of {self.only_size}×{self.only_size} pixels alone, "
                f"not {width}×{height}: set the resolution of the cameras to {self.only_size}"
            )
        if min(height, width) < self.smallest:
            raise InputError(
                f"{self.name} takes images of at least {self.smallest}×{self.smallest} pixels, "
                f"not {width}×{height}: raise the resolution of the cameras"
            )

    def model(self, config: ModelConfig, folder: Path) -> Model:
        """Make the network with the layers, weights and front end that a study asks for.

        Raises
        ------
        InputError
            Where a layer does not exist, or weights are missing, broken or of another network.
        """
        return Network(self, config, folder)

    def layer_shapes(self, resolution: int) -> dict[str, tuple[int, ...]]:
        """List the layers that can be read, with the shape of one image's activation.

        The network is run without numbers (PyTorch's meta device), so that even the largest needs
        no weights and little time.

        Parameters
        ----------
        resolution
            Height and width of the image, pixels.

        Returns
        -------
        dict
            Name → shape without the axis of images, in the order of the network's definition.

        Raises
        ------
        InputError
            Where the network cannot take images of this size.
        """
        self.check_size(resolution, resolution)
        views = 2
        network = self.arranged(_without_numbers(self.build)).eval()
        images = torch.zeros(views, 3, resolution, resolution, device="meta")
        layers = [layer for layer, _ in network.named_modules() if layer]
        with torch.no_grad(), recorded(network, layers) as outputs:
            network(images)
        return {
            layer: tuple(outputs[layer][0].shape[1:])
            for layer in layers
            if problem_of(outputs[layer], views) is None
        }


class Network(Model):
    """A frozen network with chosen layers.

    Images go through the front end, at their own size, then through the normalisation that the
    network was trained with, then through the network.

    Parameters
    ----------
    recipe
        Which network.
    config
        Layers, weights and front end.
    folder
        What a relative path of a weights file is relative to.

    Raises
    ------
    InputError
        Where a layer does not exist, or weights are missing, broken or of another network.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe, config: ModelConfig, folder: Path) -> None:
        super().__init__()
        self._recipe = recipe
        self.layers = config.layers or (recipe.default_layer,)
        self.optics = Optics(config.front_end)
        network, self._weights, variant = _with_weights(recipe, config.weights, folder)
        self.name = f"{recipe.name}{variant}{self.optics.suffix}"
        self.has_labels = config.weights != "none"
        # Channels last: on a CPU up to a fifth faster with depthwise convolutions; same numbers.
        self.network = recipe.arranged(network).to(memory_format=torch.channels_last)
        check_layers(self.network, self.layers, recipe.name)
        self.register_buffer("mean", torch.tensor(recipe.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(recipe.std).view(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """Give the activations of every layer, as the network has them: (V, …).

        Raises
        ------
        InputError
            Where the network cannot take images of this size, or a layer gives no activation
            that can be told apart by image.
        """
        with recorded(self.network, self.layers) as outputs:
            self.network(self._given(images))
        return {
            layer: _activation(self._recipe.name, layer, outputs[layer], len(images))
            for layer in self.layers
        }

    @torch.no_grad()
    def labels(self, images: Tensor) -> Tensor | None:
        """Give the class with the largest logit, (V,) int64.

        None for an untrained network: its outputs stand for no classes.
        """
        if not self.has_labels:
            return None
        logits: Tensor = self.network(self._given(images))
        return logits.argmax(dim=1)

    def record(self) -> dict[str, Any]:
        """Say what the model is, down to the hash of its weights."""
        libraries = ("torch", *self._recipe.libraries)
        return {
            "name": self.name,
            "network": self._recipe.name,
            "layers": list(self.layers),
            "weights": dict(self._weights),
            "front_end": self.optics.record(),
            "mean": list(self._recipe.mean),
            "std": list(self._recipe.std),
            "libraries": {library: version(library) for library in libraries},
        }

    def _given(self, images: Tensor) -> Tensor:
        """Make of images what the network is given."""
        check_images(images)
        self._recipe.check_size(*images.shape[-2:])
        given: Tensor = (self.optics(images) - self.mean) / self.std
        return given


def _with_weights(
    recipe: Recipe, weights: str, folder: Path
) -> tuple[nn.Module, dict[str, Any], str]:
    """Build a network with the weights asked for; say which they are, and how they are called."""
    if weights == "none":
        network = untrained(recipe.build)
        record = {
            "source": "none",
            "seed": UNTRAINED_SEED,
            "tensors_sha256": tensors_sha256(network),
        }
        return network, record, "+untrained"
    if weights == "default":
        path = recipe.trained_file()
        # Building draws weights that are thrown away: not from the process's random state.
        network = untrained(partial(recipe.build_trained, path))
        return network, _file_record("default", path), ""
    path = folder / Path(weights).expanduser()
    network = load_weights(untrained(recipe.build), path, recipe.name)
    return network, _file_record("file", path), f"+{path.stem}"


def _file_record(source: str, path: Path) -> dict[str, Any]:
    return {"source": source, "file": path.name, "sha256": file_sha256(path)}


def check_layers(network: nn.Module, layers: Sequence[str], name: str) -> None:
    """Refuse layers that a network does not have.

    Parameters
    ----------
    network
        Its layers are the names of its modules.
    layers
        What was asked for.
    name
        The network's name, for the message.

    Raises
    ------
    InputError
        With the nearest valid name, the outer layers, and how to list all of them.
    """
    valid = [layer for layer, _ in network.named_modules() if layer]
    for layer in layers:
        if layer not in valid:
            outer = ", ".join(each for each in valid if each.count(".") < 2)
            raise InputError(
                f"layers: {name} has no layer '{layer}'; {nearest(layer, valid)} "
                f"its outer layers: {outer}; `mrd models {name}` lists all"
            )


@contextmanager
def recorded(network: nn.Module, layers: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    """Record what the named modules give while the network runs inside the block.

    Every output of a module is kept, in order. A tensor is cloned at once: many networks go on
    to change it in place (ReLU, a residual sum). The hooks, and with them every graph, are gone
    when the block ends.

    Parameters
    ----------
    network
        The network that runs inside the block.
    layers
        Names of its modules.
    """
    outputs: dict[str, list[Any]] = {layer: [] for layer in layers}

    def keep(layer: str, _module: nn.Module, _given: tuple[Any, ...], output: Any) -> None:
        outputs[layer].append(output.clone() if isinstance(output, Tensor) else output)

    modules: Mapping[str, nn.Module] = dict(network.named_modules())
    handles = [modules[layer].register_forward_hook(partial(keep, layer)) for layer in layers]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def problem_of(outputs: Sequence[Any], views: int) -> str | None:
    """Say why what a module gave is no activation of so many images; None where it is one."""
    if not outputs:
        return "does not run when the network sees an image"
    if len(outputs) > 1:
        return f"runs {len(outputs)} times for one image, so its name does not say which"
    if not isinstance(outputs[0], Tensor):
        return f"gives a {type(outputs[0]).__name__}, not a tensor"
    if outputs[0].ndim < 2 or len(outputs[0]) != views:
        return f"gives {tuple(outputs[0].shape)}, which is not one row for each image"
    return None


def _activation(name: str, layer: str, outputs: Sequence[Any], views: int) -> Tensor:
    problem = problem_of(outputs, views)
    if problem:
        raise InputError(
            f"layers: '{layer}' of {name} {problem}; `mrd models {name}` lists those that can "
            "be used"
        )
    activation: Tensor = outputs[0]
    return activation


def _without_numbers(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network on the meta device, by way of the CPU where its plan is itself a tensor."""
    try:
        with torch.device("meta"):
            return build()
    except NotImplementedError:
        return untrained(build).to("meta")
