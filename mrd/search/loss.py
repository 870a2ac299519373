"""Losses: distances of activations from those of a target, which a search minimises.

Each loss compares all numbers of a layer, x with y (the target), both (V, …), and returns one
number per view, (V,).
"""

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from scenes.base.errors import InputError


def l1(x: Tensor, y: Tensor) -> Tensor:
    """Return the mean absolute difference |x − y|, (V,), at least 0."""
    return (x - y).abs().flatten(start_dim=1).mean(dim=1)


def l2(x: Tensor, y: Tensor) -> Tensor:
    """Return the mean squared difference (x − y)², (V,), at least 0."""
    return (x - y).square().flatten(start_dim=1).mean(dim=1)


def cosine(x: Tensor, y: Tensor) -> Tensor:
    """Return one minus the cosine of the angle between x and y, (V,), 0 to 2; 1 if x or y is 0."""
    return 1 - torch.cosine_similarity(x.flatten(start_dim=1), y.flatten(start_dim=1), dim=1)


def relative_squared_error(x: Tensor, y: Tensor) -> Tensor:
    """Return Σ(x − y)² / Σy², (V,), at least 0; it does not depend on the scale of a layer.

    It is infinite or NaN for a target that is zero everywhere.
    """
    difference = (x - y).square().flatten(start_dim=1).sum(dim=1)
    return difference / y.square().flatten(start_dim=1).sum(dim=1)


def dual_buffer(first: Tensor, second: Tensor, target: Tensor) -> Tensor:
    """Return the squared error without the effect of render noise: mean (a − y)(b − y), (V,).

    a and b are activations of two renders of one scene with independent noise, and y those of the
    target. They are linear in the image (pixels, or a blur of them). The expectation is (E a − y)²,
    while that of `l2` is larger by the variance of the noise, so that a search with `l2` also
    prefers scenes with less noise. The value may be negative. The gradient through both renders is
    unbiased too.

    The dual-buffer method of Deng, Luan, Walter, Bala & Marschner, *Reconstructing translucent
    objects using differentiable rendering* (SIGGRAPH 2022).
    """
    if not first.shape == second.shape == target.shape:
        shapes = [tuple(each.shape) for each in (first, second, target)]
        raise ValueError(f"two renders and a target of one shape are needed, not {shapes}")
    return ((first - target) * (second - target)).flatten(start_dim=1).mean(dim=1)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "l2": l2,
    "cosine": cosine,
    "relative_squared_error": relative_squared_error,
}
"""Name → loss, as in the study file (`searches.NAME.loss`); "dual_buffer" takes two renders."""


DUAL_BUFFER = "dual_buffer"
RELATIVE = "relative_squared_error"


def per_view(
    names: str | Mapping[str, str],
    activations: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    weights: Mapping[str, float] | None = None,
    second: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Return the weighted sum of the layers' losses, (V,): one number per view.

    `names` is the name of one loss for all layers, or layer → name. `activations` and `target` are
    layer → (V, …); `second` are activations of renders with other noise, for "dual_buffer" only;
    `weights` are 1 by default.
    """
    shapes = {layer: value.shape for layer, value in activations.items()}
    target_shapes = {layer: value.shape for layer, value in target.items()}
    if not shapes or shapes != target_shapes:  # without this check, they might broadcast
        raise ValueError(f"activations {shapes} cannot be compared with a target's {target_shapes}")

    def loss_of(layer: str) -> Tensor:
        x, y = activations[layer], target[layer]
        name = names if isinstance(names, str) else names[layer]
        if name == DUAL_BUFFER:
            if second is None:
                raise ValueError("dual_buffer compares two renders, but there is one")
            return dual_buffer(x, second[layer], y)
        return LOSSES[name](x, y)

    weights = weights or dict.fromkeys(shapes, 1.0)
    return torch.stack([weights[layer] * loss_of(layer) for layer in shapes]).sum(dim=0)


def total(
    names: str | Mapping[str, str],
    activations: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    weights: Mapping[str, float] | None = None,
    second: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Return the mean of `per_view` over the views, a scalar."""
    return per_view(names, activations, target, weights, second).mean()


def layer_weights_at(
    done: float, weights: Mapping[str, float], scored: Collection[str]
) -> dict[str, float]:
    """Return the weights of the layers when a share `done`, 0 to 1, of the steps is done.

    Weights of guides (layers that are not scored) fall linearly to 0: guides help at first, but
    would impede the search at the end.
    """
    return {k: weight if k in scored else weight * (1 - done) for k, weight in weights.items()}


def check_targets(names: str | Mapping[str, str], target: Mapping[str, Tensor]) -> None:
    """Raise InputError if a layer of the target (V, …) is 0 in a view, so its loss is undefined."""
    for layer, y in target.items():
        name = names if isinstance(names, str) else names[layer]
        if name == RELATIVE and bool((y.flatten(start_dim=1) == 0).all(dim=1).any()):
            raise InputError(
                f"layer '{layer}' is zero everywhere in a view of the target, and the loss "
                f"{RELATIVE} is in units of the target; choose another layer, or loss: l2"
            )


def takes_two_renders(names: str | Mapping[str, str]) -> bool:
    """Return whether any layer's loss compares two renders of a scene."""
    return DUAL_BUFFER in ([names] if isinstance(names, str) else names.values())
