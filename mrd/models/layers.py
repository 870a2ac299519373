"""Layers of a network: their names, and what they give while it runs.

A layer is a module by its name. Two more names exist in every network: ``output`` is what the
whole network gives, and ``NAME.input`` is what the module NAME is given, for activations that no
module gives, such as a mean that the network's own code takes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from scenes.base.errors import InputError, nearest

OUTPUT = "output"
INPUT = ".input"


def names(network: nn.Module) -> list[str]:
    """List the modules of a network in the order of its definition, then ``output``."""
    return [name for name, _ in network.named_modules() if name] + [OUTPUT]


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
    valid = names(network)
    for layer in layers:
        if layer not in valid and layer.removesuffix(INPUT) not in valid[:-1]:
            outer = ", ".join(each for each in valid if each.count(".") < 2)
            raise InputError(
                f"layers: {name} has no layer '{layer}'; {nearest(layer, valid)} "
                f"its outer layers: {outer}; `mrd models {name}` lists all"
            )


@contextmanager
def recorded(network: nn.Module, layers: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    """Record what the named layers give while the network runs inside the block.

    Every output of a layer is kept, in order. A tensor is cloned at once: many networks go on
    to change it in place (ReLU, a residual sum). The hooks, and with them every graph, are gone
    when the block ends.

    Parameters
    ----------
    network
        The network that runs inside the block.
    layers
        Names of its layers.
    """
    outputs: dict[str, list[Any]] = {layer: [] for layer in layers}

    def keep(layer: str, value: Any) -> None:
        outputs[layer].append(value.clone() if isinstance(value, Tensor) else value)

    handles = [_watched(network, layer, partial(keep, layer)) for layer in layers]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _watched(network: nn.Module, layer: str, keep: Any) -> RemovableHandle:
    """Have a layer's value told whenever the network comes past it."""
    modules: Mapping[str, nn.Module] = dict(network.named_modules())
    if layer in modules:
        return modules[layer].register_forward_hook(lambda _module, _given, value: keep(value))
    if layer == OUTPUT:
        return network.register_forward_hook(lambda _module, _given, value: keep(value))
    return modules[layer.removesuffix(INPUT)].register_forward_pre_hook(
        lambda _module, given: keep(given[0] if given else None)
    )


def problem_of(outputs: Sequence[Any], views: int) -> str | None:
    """Say why what a layer gave is no activation of so many images; None where it is one."""
    if not outputs:
        return "does not run when the network sees an image"
    if len(outputs) > 1:
        return f"runs {len(outputs)} times for one image, so its name does not say which"
    if not isinstance(outputs[0], Tensor):
        return f"gives a {type(outputs[0]).__name__}, not a tensor"
    if outputs[0].ndim < 2 or len(outputs[0]) != views:
        return f"gives {tuple(outputs[0].shape)}, which is not one row for each image"
    return None


@dataclass(frozen=True)
class _Passage:
    """One run of a module: what came out, and how often that had been changed in place by then."""

    layer: str
    module: nn.Module
    given: Any
    output: Any
    version: int


@torch.no_grad()
def penultimate(
    network: nn.Module, run: Callable[[], Any], classifier: nn.Module | None
) -> str | None:
    """Name the layer that gives the classifier its input: the last, pooled, activation.

    Parameters
    ----------
    network
        In evaluation mode.
    run
        Runs the network once; on the meta device will do.
    classifier
        The module that makes classes of features. Without it, the linear layer that runs last.

    Returns
    -------
    str or None
        The outermost and first layer whose output, reshaped at most, is what the classifier is
        given; where the network's own code makes it, ``CLASSIFIER.input``. None where there is
        no classifier.
    """
    passages = _passages(network, run)
    heads = [
        index
        for index, each in enumerate(passages)
        if (each.module is classifier if classifier else isinstance(each.module, nn.Linear))
    ]
    if not heads:
        return None
    head = passages[heads[-1]]
    givers = [
        each.layer
        for each in passages[: heads[-1]]
        if isinstance(each.output, Tensor)
        and _is_reshaped(head.given, each.output)
        and each.version == each.output._version
    ]
    return min(givers, key=lambda layer: layer.count("."), default=f"{head.layer}{INPUT}")


def _passages(network: nn.Module, run: Callable[[], Any]) -> list[_Passage]:
    """Run the network and list what its modules gave, in the order in which they ended."""
    passages: list[_Passage] = []

    def keep(layer: str, module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        version = output._version if isinstance(output, Tensor) else 0
        passages.append(_Passage(layer, module, given[0] if given else None, output, version))

    handles = [
        module.register_forward_hook(partial(keep, layer))
        for layer, module in network.named_modules()
        if layer
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return passages


def _is_reshaped(value: Any, output: Tensor) -> bool:
    """Tell whether a value is an output itself, or a view of all of it."""
    return value is output or (
        isinstance(value, Tensor)
        and value._base is not None
        and value._base is (output if output._base is None else output._base)
        and value.numel() == output.numel()
    )
