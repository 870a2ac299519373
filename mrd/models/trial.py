"""Checks of a model before use, and of its activations during use."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mrd.models.base import Model
from scenes.base.errors import InputError

ALIKE = 1e-3
"""Difference that is accepted as rounding, as a share of a layer's largest activation."""


def finite_activations(model: Model, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Return layer → activations (V, …); raise InputError if a number is NaN or infinite.

    `names` has a description of each image for the message, such as "the target at camera c0".
    """
    activations = model.activations(images)
    check_finite(model.name, activations, names)
    return activations


def check_finite(model: str, activations: Mapping[str, Tensor], names: Sequence[str]) -> None:
    """Raise InputError if an activation is NaN or infinite; `names` describes the images."""
    for layer, each in activations.items():
        fine = torch.isfinite(each.detach()).flatten(1).all(dim=1)
        if not bool(fine.all()):
            wrong = [name for name, well in zip(names, fine.tolist(), strict=True) if not well]
            more = f" and for {len(wrong) - 1} more images" if len(wrong) > 1 else ""
            raise InputError(
                f"model {model}: the layer '{layer}' returns NaN or infinite numbers for {wrong[0]}"
                f"{more}; read another layer, or correct the network"
            )


def try_model(model: Model, resolution: int) -> None:
    """Raise InputError unless a model gives finite, repeatable, differentiable activations.

    The model runs on two images of noise; the activations of an image may not depend on the other.
    """
    noise = torch.rand(2, 3, resolution, resolution, generator=torch.Generator().manual_seed(0))
    noise.requires_grad_()
    names = ["an image of noise", "another image of noise"]
    together = model.activations(noise)
    for layer, each in together.items():
        _check_kind(model.name, layer, each, noise)
    check_finite(model.name, together, names)
    total = torch.stack([each.float().square().mean() for each in together.values()]).sum()
    (gradient,) = torch.autograd.grad(total, noise)
    if not bool(torch.isfinite(gradient).all()):
        raise InputError(
            f"model {model.name}: the derivative of its layers {', '.join(together)} with respect "
            "to an image of noise is NaN or infinite; read other layers, or correct the network"
        )
    with torch.no_grad():
        labels = model.logits(noise.detach())
        if labels is not None:
            check_finite(model.name, {"output": labels}, names)
        alone = model.activations(noise[:1].detach())
        changed = _differing(together, alone)
        if changed is not None:
            again = _differing(alone, model.activations(noise[:1].detach()))
            what = (
                "different numbers for the same image; switch off random operations"
                if again
                else "different numbers for an image alone and in a batch; process each image "
                "independently (no batch statistics, no train())"
            )
            raise InputError(
                f"model {model.name}: the layer '{again or changed}' returns {what} in the "
                "network's forward"
            )


def _check_kind(model: str, layer: str, activation: Tensor, images: Tensor) -> None:
    if activation.device != images.device:
        raise InputError(
            f"model {model}: the layer '{layer}' returns a tensor on {activation.device} for "
            f"images on {images.device}; keep tensors in the network's forward on that device"
        )
    if not activation.is_floating_point():
        raise InputError(
            f"model {model}: the layer '{layer}' returns {activation.dtype} numbers, and a search "
            "needs floating-point numbers with a derivative; read another layer"
        )
    if not activation.requires_grad:
        raise InputError(
            f"model {model}: the layer '{layer}' has no derivative with respect to the image; "
            "remove detach, no_grad and NumPy from the network's forward, or read another layer"
        )


def _differing(some: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> str | None:
    """Return the first layer in which the first image has other activations; None if all agree."""
    for layer, each in some.items():
        one, other = each[0].detach().float(), others[layer][0].detach().float()
        if float((one - other).abs().max()) > ALIKE * float(one.abs().max()):
            return layer
    return None
