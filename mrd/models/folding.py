"""Fold batch norms into the preceding convolutions, for speed.

In evaluation mode a batch norm scales and shifts each channel by constants, which the
convolution's weights and bias can absorb.
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
"""Allowed difference of activations after folding, relative to the layer's largest activation."""


@torch.no_grad()
def fold(network: nn.Module, layers: Sequence[str], images: Tensor) -> int:
    """Fold batch norms in place and return their number; undo all if a layer of `layers` changes.

    `layers` are the layers whose activations are read. The network runs on `images` (V, 3, H, W) to
    find which batch norm follows which convolution, and to compare layers before and after.
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
    """Run the network; return (convolution, batch norm) pairs, the first feeding the second."""
    outputs: list[tuple[str, Any]] = []
    pairs: list[tuple[str, str]] = []
    runs: Counter[str] = Counter()

    def after(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        runs[name] += 1
        outputs.append((name, output))

    def before(name: str, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        runs[name] += 1
        pairs.extend((source, name) for source, output in outputs if output is inputs[0])

    handles = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(partial(after, name)))
        # Not subclasses: they may do more than normalise.
        elif type(module) is nn.BatchNorm2d and module.track_running_stats:
            handles.append(module.register_forward_pre_hook(partial(before, name)))
    try:
        network(images)
    finally:
        for handle in handles:
            handle.remove()
    return [pair for pair in pairs if runs[pair[0]] == runs[pair[1]] == 1]


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    """Replace the submodule of this name by `module`."""
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, module)


def _agree(before: list[Any], after: list[Any]) -> bool:
    """Return whether two lists of outputs agree within `TOLERANCE`; only tensors are compared."""
    if len(before) != len(after):
        return False
    return all(
        bool((new - old).abs().max() <= TOLERANCE * old.abs().max())
        for old, new in zip(before, after, strict=True)
        if isinstance(old, Tensor)
    )
