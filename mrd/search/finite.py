"""Checks that every number of a search step is finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from mrd.search.variables.base import Variables
from scenes.camera import Camera


def check_views(step: int, views: Sequence[Camera], parts: Mapping[str, torch.Tensor]) -> None:
    """Raise FloatingPointError, naming part and cameras, if `parts` (V, …) are not finite."""
    for part, rows in parts.items():
        finite = torch.isfinite(rows).flatten(1).all(dim=1).tolist()
        wrong = [view for view, is_finite in zip(views, finite, strict=True) if not is_finite]
        if wrong:
            check_parts(step, wrong, {part: rows})


def check_parts(step: int, views: Sequence[Camera], parts: Mapping[str, torch.Tensor]) -> None:
    """Raise FloatingPointError, naming the first part that is not finite; `views` were rendered."""
    for part, numbers in parts.items():
        if not torch.isfinite(numbers).all():
            names = ", ".join(dict.fromkeys(view.name for view in views))
            raise FloatingPointError(f"step {step}: {part} is not finite at camera {names}")


def check_variables(step: int, variables: Sequence[Variables]) -> None:
    """Raise FloatingPointError, naming the first variable that is not finite after a step."""
    for each in variables:
        for name, tensor in each.tensors.items():
            if not torch.isfinite(tensor).all():
                raise FloatingPointError(
                    f"step {step}: the variable {each.attribute}.{name} is not finite after the "
                    "step"
                )
