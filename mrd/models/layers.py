"""Layers of a network: their names and their activations.

A layer is a named module. Two more names exist in every network: ``output``, the output of the
whole network, and ``NAME.input``, the input of the module NAME. The latter gives access to
activations that no module returns, such as a mean computed by the network's own code.
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
    """Return the module names in the order of definition, then ``output``."""
    return [name for name, _ in network.named_modules() if name] + [OUTPUT]


def check_layers(network: nn.Module, layers: Sequence[str], name: str) -> None:
    """Raise InputError if the network lacks one of the layers."""
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
    """Yield layer → list of its outputs, which is filled while the network runs in the block.

    Tensors are cloned at once, since many networks change them in place (ReLU, residual sums). The
    hooks are removed when the block ends.
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
    """Register a hook that calls `keep` with the activation of a layer at every run."""
    modules: Mapping[str, nn.Module] = dict(network.named_modules())
    if layer in modules:
        return modules[layer].register_forward_hook(lambda _module, _inputs, value: keep(value))
    if layer == OUTPUT:
        return network.register_forward_hook(lambda _module, _inputs, value: keep(value))
    return modules[layer.removesuffix(INPUT)].register_forward_pre_hook(
        lambda _module, inputs: keep(inputs[0] if inputs else None)
    )


def problem_of(outputs: Sequence[Any], views: int) -> str | None:
    """Return why a layer's outputs are not one activation per image; None if they are.

    `outputs` are from one run of the network on `views` images.
    """
    if not outputs:
        return "does not run when the network processes an image"
    if len(outputs) > 1:
        return f"runs {len(outputs)} times for one image, so its name is ambiguous"
    if not isinstance(outputs[0], Tensor):
        return f"returns a {type(outputs[0]).__name__}, not a tensor"
    if outputs[0].ndim < 2 or len(outputs[0]) != views:
        return f"returns {tuple(outputs[0].shape)}, which is not one row per image"
    return None


@dataclass(frozen=True)
class _ModuleCall:
    """One call of a module; `version` is the number of in-place changes of its output so far."""

    layer: str
    module: nn.Module
    first_input: Any
    output: Any
    version: int


@torch.no_grad()
def penultimate(
    network: nn.Module, run: Callable[[], Any], classifier: nn.Module | None
) -> str | None:
    """Return the layer whose output is the classifier's input, usually the last pooled activation.

    If `classifier` is None, the linear layer that runs last counts as the classifier. Of several
    layers with this output (or a reshaped view of it), the outermost is returned, and the first of
    these. It is ``CLASSIFIER.input`` if the network's own code computes the input, and None if
    there is no classifier. `run` runs the network once.
    """
    calls = _module_calls(network, run)
    heads = [
        index
        for index, each in enumerate(calls)
        if (each.module is classifier if classifier else isinstance(each.module, nn.Linear))
    ]
    if not heads:
        return None
    head = calls[heads[-1]]
    sources = [
        each.layer
        for each in calls[: heads[-1]]
        if isinstance(each.output, Tensor)
        and _is_reshaped(head.first_input, each.output)
        and each.version == each.output._version
    ]
    return min(sources, key=lambda layer: layer.count("."), default=f"{head.layer}{INPUT}")


def _module_calls(network: nn.Module, run: Callable[[], Any]) -> list[_ModuleCall]:
    """Run the network; return the calls of its modules in the order in which they ended."""
    calls: list[_ModuleCall] = []

    def keep(layer: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        version = output._version if isinstance(output, Tensor) else 0
        first = inputs[0] if inputs else None
        calls.append(_ModuleCall(layer, module, first, output, version))

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
    return calls


def _is_reshaped(value: Any, output: Tensor) -> bool:
    """Return whether `value` is `output`, or a view of it with all its numbers."""
    return value is output or (
        isinstance(value, Tensor)
        and value._base is not None
        and value._base is (output if output._base is None else output._base)
        and value.numel() == output.numel()
    )
