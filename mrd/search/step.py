"""What a step of a search compares, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch

from mrd.criterion.similarity import pearson

Activations = Mapping[str, torch.Tensor]


class LazyActivations(Mapping[str, torch.Tensor]):
    """Layer → activations (V, …), which are computed when they are first read."""

    def __init__(self, compute: Callable[[], Activations]) -> None:
        self._compute = compute

    @cached_property
    def _computed(self) -> Activations:
        return self._compute()

    def __getitem__(self, layer: str) -> torch.Tensor:
        return self._computed[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._computed)

    def __len__(self) -> int:
        return len(self._computed)


@dataclass(frozen=True)
class StepActivations:
    """Activations of the views of one step, by layer, each (V, …).

    `second` are activations of renders with other noise, or None; `views` are camera numbers.
    """

    rendered: Activations
    target: Activations
    second: Activations | None
    views: list[int]


@dataclass(frozen=True)
class SearchStep:
    """The progress after a step.

    Attributes
    ----------
    step
        Number of finished steps, including those that an early stop skipped.
    seconds
        Duration of the step.
    loss
        Loss of the scored layers at the step's views before the step, including regularisers.
    s
        Pearson's r of the activations with those of the target, averaged over the step's views and
        the scored layers. It is lower than at scoring quality, since a step has fewer samples.
    """

    step: int
    seconds: float
    loss: float
    s: float


class Evaluation(NamedTuple):
    """Objective and loss of the scored layers, both including regularisers, and similarity."""

    objective: float
    loss: float
    s: float


def halves(activations: Activations) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the activations of the first and of the second render of the same views."""
    pairs = {layer: rows.chunk(2) for layer, rows in activations.items()}
    return {k: pair[0] for k, pair in pairs.items()}, {k: pair[1] for k, pair in pairs.items()}


@torch.no_grad()
def similarity(rendered: Activations, target: Activations, layers: Sequence[str]) -> float:
    """Return Pearson's r with the target, averaged over views and layers."""
    means = [pearson(rendered[k].flatten(1), target[k].flatten(1)).mean() for k in layers]
    return float(torch.stack(means).mean())
