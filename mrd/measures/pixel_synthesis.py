"""Synthesis of a pixel metamer: noise is turned into an image with another image's activations.

The synthesis is that of plenoptic (`plenoptic.Metamer`; Duong et al. 2023, *Plenoptic: a platform
for synthesizing model-optimized visual stimuli*), with the model, layers and loss of a search. A
search changes a scene; here every pixel is free.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from plenoptic import Metamer
from torch import Tensor, nn

from mrd.criterion.similarity import flattened
from mrd.models.base import Model
from mrd.rendering.image_files import to_bytes
from mrd.search import loss as losses

MOST_STEPS = 2000
"""Most steps of a synthesis; it then returns the image with the nearest match."""

# Each step is one direction with its line search. Adam, plenoptic's default, needs many times
# longer for the matches that searches reach.
LBFGS = {
    "lr": 1.0, "max_iter": 1, "max_eval": 10, "history_size": 10, "line_search_fn": "strong_wolfe",
    "tolerance_grad": 0.0, "tolerance_change": 0.0,
}  # fmt: skip
HALVINGS = 16  # of the last step's length, so that it ends at the wanted match
LEVELS = 255  # of an 8-bit channel


@dataclass(frozen=True)
class Synthesis:
    """The result of a synthesis."""

    image: NDArray[np.uint8]  # (H, W, 3), sRGB-encoded
    step: int  # number of steps, with the shortened last one; 0 is the start
    match: float  # of the image as stored, with 8 bits
    reached: bool  # whether the synthesis reached the wanted match


class Representation(nn.Module):
    """A model as plenoptic requires it: images in, one tensor (V, D) with all layers out."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return the activations of all layers, flattened and joined in the order of the layers."""
        return torch.cat([flattened(each) for each in self.model.activations(images).values()], 1)

    def loss(
        self, names: str | Mapping[str, str], image: Tensor
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the loss of a search (`SearchConfig.loss`) between two representations.

        Their images have the size of `image`, (1, 3, H, W). Layers that the model does not have
        are ignored; "dual_buffer", which only noisy renders need, becomes "l2".
        """
        with torch.no_grad():
            sizes = {k: each[0].numel() for k, each in self.model.activations(image).items()}
        loss_by_layer = names if isinstance(names, Mapping) else dict.fromkeys(sizes, names)
        losses_of = {
            layer: "l2" if loss_by_layer[layer] == losses.DUAL_BUFFER else loss_by_layer[layer]
            for layer in sizes
        }

        def by_layers(joined: Tensor) -> dict[str, Tensor]:
            return dict(zip(sizes, joined.split(list(sizes.values()), dim=1), strict=True))

        def between(x: Tensor, y: Tensor) -> Tensor:
            return losses.total(losses_of, by_layers(x), by_layers(y), self.model.layer_weights)

        return between


def noise(shape: tuple[int, int], rng: np.random.Generator, device: str) -> Tensor:
    """Return the start of a synthesis, (1, 3, H, W), uniform in [0, 1]."""
    drawn = rng.random((1, 3, *shape), dtype=np.float32)
    return torch.from_numpy(drawn).to(device)


def synthesise(
    aim: Tensor,
    start: Tensor,
    model: Model,
    loss: str | Mapping[str, str],
    match_of: Callable[[Tensor], float],
    wanted: float,
    *,
    steps: int = MOST_STEPS,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Synthesis:
    """Change an image until its match with another image is the wanted one.

    `aim` and `start` are (1, 3, H, W), display-encoded, in [0, 1]. The image is made similar to
    `aim`; `match_of` returns the match of an image (1, 3, H, W), and `loss` is as in
    `SearchConfig.loss`. The match is measured after every step, on the image with 8 bits. The first
    step that reaches the wanted match is shortened to end at it; if none does, the image with the
    nearest match is returned.

    The optimiser is L-BFGS, with plenoptic's penalty on values outside [0, 1] at its default weight
    (.1); the image is clipped before it is measured or returned.
    """
    representation = Representation(model)
    metamer = Metamer(aim.clamp(0, 1), representation, loss_function=representation.loss(loss, aim))
    metamer.setup(initial_image=start, optimizer=torch.optim.LBFGS, optimizer_kwargs=dict(LBFGS))

    def measured(image: Tensor, step: int) -> Synthesis:
        shown = to_bytes(image)
        match = match_of(in_levels(shown).to(aim.device))
        return Synthesis(shown[0], step, match, match >= wanted)

    before = after = metamer.metamer.detach().clone()
    nearest = last = measured(after, 0)
    while not last.reached and last.step < steps:
        before = after
        with redirect_stderr(io.StringIO()):  # without plenoptic's progress bar
            metamer.synthesize(max_iter=1, stop_criterion=0)
        after = metamer.metamer.detach().clone()
        last = measured(after, last.step + 1)
        nearest = _nearer(nearest, last, wanted)
        progress(last.step, steps)
    if not last.reached or last.step == 0:
        return nearest
    return _end_at_match(before, after, last, measured, wanted)


def _end_at_match(
    before: Tensor,
    after: Tensor,
    last: Synthesis,
    measured: Callable[[Tensor, int], Synthesis],
    wanted: float,
) -> Synthesis:
    """Shorten the last step by bisection, so that it ends at the wanted match."""
    nearest, short, far = last, 0.0, 1.0
    for _ in range(HALVINGS):
        part = (short + far) / 2
        tried = measured(before.lerp(after, part), last.step)
        short, far = (short, part) if tried.reached else (part, far)
        nearest = _nearer(nearest, tried, wanted)
    return replace(nearest, reached=True)


def _nearer(one: Synthesis, other: Synthesis, wanted: float) -> Synthesis:
    """Return the synthesis whose match is nearer the wanted one."""
    return min(one, other, key=lambda each: abs(each.match - wanted))


def in_levels(image: NDArray[np.uint8]) -> Tensor:
    """Return 8-bit images (V, H, W, 3) as input of a model, (V, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(image.astype(np.float32) / LEVELS).permute(0, 3, 1, 2).contiguous()
