"""How far activations are from a target's: what a search makes small.

Each loss compares x with y, both (V, …), view by view and over all numbers of a layer at once,
and gives (V,). y is the target.
"""

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from scenes.base.errors import InputError


def l1(x: Tensor, y: Tensor) -> Tensor:
    """Mean absolute difference, |x − y|: (V,), at least 0."""
    return (x - y).abs().flatten(start_dim=1).mean(dim=1)


def l2(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared difference, (x − y)²: (V,), at least 0."""
    return (x - y).square().flatten(start_dim=1).mean(dim=1)


def cosine(x: Tensor, y: Tensor) -> Tensor:
    """One minus the cosine of the angle between x and y: (V,), from 0 to 2.

    A layer that is zero everywhere has no angle, and counts as orthogonal: 1.
    """
    return 1 - torch.cosine_similarity(x.flatten(start_dim=1), y.flatten(start_dim=1), dim=1)


def relative_squared_error(x: Tensor, y: Tensor) -> Tensor:
    """Squared difference in units of the target, Σ(x − y)² / Σy²: (V,), at least 0.

    Layers of any scale then weigh the same. Undefined (infinite or NaN) for a target layer that
    is zero everywhere.
    """
    difference = (x - y).square().flatten(start_dim=1).sum(dim=1)
    return difference / y.square().flatten(start_dim=1).sum(dim=1)


def dual_buffer(first: Tensor, second: Tensor, target: Tensor) -> Tensor:
    """Squared error of noisy renders without the noise's own part: mean (a − y)(b − y), (V,).

    With a and b rendered alike but with independent noise, its expectation is (E a − y)², where
    that of `l2` is larger by the variance of the noise: a search by `l2` also makes scenes that are
    less noisy. It may be below 0. Its gradient, taken through both renders, is as unbiased.

    Parameters
    ----------
    first, second
        a and b, (V, …): activations of two renders of one scene, of different noise seeds. They
        have to be linear in the image (pixels, and a blur of them) for the noise to cancel.
    target
        y, (V, …).

    Raises
    ------
    ValueError
        Where shapes differ, which would otherwise broadcast without a word.

    Notes
    -----
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
    """Weighted sum of the layers' losses.

    Parameters
    ----------
    names
        One of `LOSSES` or "dual_buffer", for all layers or by layer.
    activations
        Layer → (V, …).
    target
        The same layers of the target, at the same views.
    weights
        Layer → weight; 1 each by default.
    second
        As `activations`, of renders with noise of their own; for "dual_buffer" alone.

    Returns
    -------
    Tensor
        (V,): one number a view, none of which depends on the other views.

    Raises
    ------
    ValueError
        Where layers or shapes differ, which would otherwise broadcast without a word.
    """
    shapes = {layer: value.shape for layer, value in activations.items()}
    target_shapes = {layer: value.shape for layer, value in target.items()}
    if not shapes or shapes != target_shapes:
        raise ValueError(f"activations {shapes} cannot be compared with a target's {target_shapes}")

    def of(layer: str) -> Tensor:
        x, y = activations[layer], target[layer]
        name = names if isinstance(names, str) else names[layer]
        if name == DUAL_BUFFER:
            if second is None:
                raise ValueError("dual_buffer compares two renders, but there is one")
            return dual_buffer(x, second[layer], y)
        return LOSSES[name](x, y)

    weights = weights or dict.fromkeys(shapes, 1.0)
    return torch.stack([weights[layer] * of(layer) for layer in shapes]).sum(dim=0)


def total(
    names: str | Mapping[str, str],
    activations: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    weights: Mapping[str, float] | None = None,
    second: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Average `per_view` over the views: the number that a search makes small.

    Returns
    -------
    Tensor
        Scalar; its gradient at a view's image is 1/V of that view's own.
    """
    return per_view(names, activations, target, weights, second).mean()


def faded(weights: Mapping[str, float], judged: Collection[str], done: float) -> dict[str, float]:
    """Weights of the layers when a part of a search is done: those of guides fall along a line.

    Guides lead at first, where the judged layers say too little of where to go, and are out of the
    way at the end, where they would hold the search back.

    Parameters
    ----------
    weights
        Layer → weight at the start.
    judged
        The layers that keep theirs; all others are guides.
    done
        Part of the search that is done, from 0 to 1.

    Returns
    -------
    dict
        Layer → weight.
    """
    return {k: weight if k in judged else weight * (1 - done) for k, weight in weights.items()}


def check_targets(names: str | Mapping[str, str], target: Mapping[str, Tensor]) -> None:
    """Refuse target layers that a loss is undefined for, before the first step.

    Parameters
    ----------
    names
        Of the loss of all layers, or layer → name.
    target
        Layer → (V, …).

    Raises
    ------
    InputError
        A layer is zero everywhere in a view, and its loss is in units of the target.
    """
    for layer, y in target.items():
        name = names if isinstance(names, str) else names[layer]
        if name == RELATIVE and bool((y.flatten(start_dim=1) == 0).all(dim=1).any()):
            raise InputError(
                f"layer '{layer}' is zero everywhere in a view of the target, and the loss "
                f"{RELATIVE} is in units of the target; choose another layer, or loss: l2"
            )


def takes_two_renders(names: str | Mapping[str, str]) -> bool:
    """Whether any layer's loss compares two renders of a scene."""
    return DUAL_BUFFER in ([names] if isinstance(names, str) else names.values())
