"""Derivatives by finite differences of renders, where an adjoint render would be wrong.

A lamp that moves, and an object that moves among others, also move the edges of shadows and of
reflections. Adjoint renders omit these, or know them for some kinds of lamps only. Such variables
have few numbers, so each number is changed to both sides and the scene is rendered again, with the
same noise on both sides: two renders per number and view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from mrd.search.variables.base import Variables

STEP = 0.03  # to each side: radians, radii, distances of a lamp, natural logarithms


@torch.no_grad()
def differences(
    variables: Sequence[Variables],
    by_image: torch.Tensor,
    radiance: Callable[[], torch.Tensor],
) -> dict[torch.Tensor, torch.Tensor]:
    """Return tensor → gradient of ``sum(radiance * by_image)``, for the tensors that need it.

    `radiance` renders the views (V, 3, H, W) with the current values of all tensors, and always
    with the same noise, which must not be that of the images from which `by_image` was computed.
    """
    found = {}
    for each in variables:
        for name in sorted(each.differenced):
            tensor = each.tensors[name]
            flat, slopes = tensor.view(-1), torch.zeros_like(tensor).view(-1)
            for k in range(flat.numel()):
                middle = flat[k].item()
                sides = []
                for side in (STEP, -STEP):
                    flat[k] = middle + side
                    sides.append((radiance() * by_image).sum())
                flat[k] = middle
                slopes[k] = (sides[0] - sides[1]) / (2 * STEP)
            found[tensor] = slopes.view_as(tensor)
    return found
