"""Batch norms folded into the convolutions before them: fewer passes over memory, same numbers.

In evaluation mode a batch norm multiplies and shifts each channel by constants, which the
convolution's weights and bias can do as well.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mrd.models.layers import OUTPUT, recorded

TOLERANCE = 1e-4
"""Largest difference of a layer that folding may make, relative to its largest activation."""


@torch.no_grad()
def fold(network: nn.Module, layers: Sequence[str], images: Tensor) -> int:
    """Fold batch norms where no layer that is read changes.

    Which batch norm follows which convolution is seen from a run. Whether anything else uses the
    convolution's output cannot be seen there, so the layers and the network's output are compared
    before and after, and all is undone where they differ.

    Parameters
    ----------
    network
        Frozen and in evaluation mode; changed in place.
    layers
        Names of the layers that are read.
    images
        Images that the network can take, (V, 3, H, W).

    Returns
    -------
    int
        The number of batch norms folded.
    """
    watched = list(dict.fromkeys([*layers, OUTPUT]))
    with recorded(network, watched) as before:
        pairs = [pair for pair in _pairs(network, images) if pair[0] not in layers]
    originals = {name: network.get_submodule(name) for pair in pairs for name in pair}
    for convolution, norm in pairs:
        fused = fuse_conv_bn_eval(originals[convolution], originals[norm])  # type: ignore[type-var, arg-type]
        _put(network, convolution, fused)
        _put(network, norm, nn.Identity().eval())
    with recorded(network, watched) as after:
        network(images)
    if all(_agree(before[layer], after[layer]) for layer in watched):
        return len(pairs)
    for name, module in originals.items():
        _put(network, name, module)
    return 0


def _pairs(network: nn.Module, images: Tensor) -> list[tuple[str, str]]:
    """Run the network; name the convolutions and the batch norms that are given their output."""
    made: list[tuple[str, Any]] = []
    pairs: list[tuple[str, str]] = []
    runs: Counter[str] = Counter()

    def after(name: str, _module: nn.Module, _given: Any, output: Any) -> None:
        runs[name] += 1
        made.append((name, output))

    def before(name: str, _module: nn.Module, given: tuple[Any, ...]) -> None:
        runs[name] += 1
        pairs.extend((maker, name) for maker, output in made if output is given[0])

    handles = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(partial(after, name)))
        # Subclasses do more than normalise.
        elif type(module) is nn.BatchNorm2d and module.track_running_stats:
            handles.append(module.register_forward_pre_hook(partial(before, name)))
    try:
        network(images)
    finally:
        for handle in handles:
            handle.remove()
    return [pair for pair in pairs if runs[pair[0]] == runs[pair[1]] == 1]


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of another."""
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, module)


def _agree(before: list[Any], after: list[Any]) -> bool:
    """Tell whether what a layer gave is the same but for rounding; only tensors are read."""
    if len(before) != len(after):
        return False
    return all(
        bool((new - old).abs().max() <= TOLERANCE * old.abs().max())
        for old, new in zip(before, after, strict=True)
        if isinstance(old, Tensor)
    )
