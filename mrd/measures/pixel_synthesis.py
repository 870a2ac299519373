"""A pixel metamer: noise, turned into an image that a model sees as it sees another.

The synthesis is plenoptic's (`plenoptic.Metamer`; Duong et al. 2023, *Plenoptic: a platform for
synthesizing model-optimized visual stimuli*), with the model, layers and loss of a search. Where a
search may change what a scene allows, here every pixel may change on its own.
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
"""Steps after which a synthesis ends where it came nearest."""

# One direction and its line search to a step. Adam, plenoptic's own choice, is many times slower to
# the matches that searches reach.
LBFGS = {
    "lr": 1.0, "max_iter": 1, "max_eval": 10, "history_size": 10, "line_search_fn": "strong_wolfe",
    "tolerance_grad": 0.0, "tolerance_change": 0.0,
}  # fmt: skip
HALVINGS = 16  # of the last step, until it ends where it should
LEVELS = 255  # of an 8-bit channel


@dataclass(frozen=True)
class Synthesis:
    """What a synthesis came to.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB-encoded.
    step
        Number of steps to the image, the shortened last one included; 0 is the start.
    match
        Of the image as it is here, in whole levels of 8 bits.
    reached
        Whether the synthesis came to the match that was asked for.
    """

    image: NDArray[np.uint8]
    step: int
    match: float
    reached: bool


class Representation(nn.Module):
    """A model as plenoptic takes it: from images to one tensor (V, D), the layers side by side."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Activations of all layers, flattened and joined in the order of the layers."""
        return torch.cat([flattened(each) for each in self.model.activations(images).values()], 1)

    def loss(
        self, names: str | Mapping[str, str], image: Tensor
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Loss of a search between two representations of images of one size.

        Parameters
        ----------
        names
            As in `SearchConfig.loss`, for all layers or by layer. Layers that the model is not
            read at are passed over; "dual_buffer", which only noisy renders need, is "l2".
        image
            (1, 3, H, W), of that size.
        """
        with torch.no_grad():
            sizes = {k: each[0].numel() for k, each in self.model.activations(image).items()}
        given = names if isinstance(names, Mapping) else dict.fromkeys(sizes, names)
        by_layer = {
            layer: "l2" if given[layer] == losses.DUAL_BUFFER else given[layer] for layer in sizes
        }

        def parted(joined: Tensor) -> dict[str, Tensor]:
            return dict(zip(sizes, joined.split(list(sizes.values()), dim=1), strict=True))

        def compared(x: Tensor, y: Tensor) -> Tensor:
            return losses.total(by_layer, parted(x), parted(y), self.model.layer_weights)

        return compared


def noise(shape: tuple[int, int], rng: np.random.Generator, device: str) -> Tensor:
    """Start of a synthesis, (1, 3, H, W): every channel of every pixel uniform in [0, 1]."""
    drawn = rng.random((1, 3, *shape), dtype=np.float32)
    return torch.from_numpy(drawn).to(device)


def synthesised(
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
    """Turn an image into one with a certain match.

    The match is measured after every step, on the image in whole levels of 8 bits. The first step
    that comes to the match that is wanted is shortened, so that it ends there; without one, the
    nearest image of all steps is kept.

    Parameters
    ----------
    aim
        (1, 3, H, W), display-encoded, in [0, 1]: whose representation is approached.
    start
        As `aim`.
    model
        Whose activations, and at which layers.
    loss
        As in `SearchConfig.loss`.
    match_of
        Match of an image (1, 3, H, W).
    wanted
        The match.
    steps
        At most so many.
    progress
        Told (steps done, of how many).

    Notes
    -----
    L-BFGS, with plenoptic's penalty on values outside [0, 1] at its own weight (.1); the image is
    clipped where it is measured and kept.
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
        with redirect_stderr(io.StringIO()):  # its own bar of progress
            metamer.synthesize(max_iter=1, stop_criterion=0)
        after = metamer.metamer.detach().clone()
        last = measured(after, last.step + 1)
        nearest = _nearer(nearest, last, wanted)
        progress(last.step, steps)
    if not last.reached or last.step == 0:
        return nearest
    return _shortened(before, after, last, measured, wanted)


def _shortened(
    before: Tensor,
    after: Tensor,
    last: Synthesis,
    measured: Callable[[Tensor, int], Synthesis],
    wanted: float,
) -> Synthesis:
    """End the last step where the match is the one that is wanted, by bisection of its line."""
    nearest, short, far = last, 0.0, 1.0
    for _ in range(HALVINGS):
        part = (short + far) / 2
        here = measured(before.lerp(after, part), last.step)
        short, far = (short, part) if here.reached else (part, far)
        nearest = _nearer(nearest, here, wanted)
    return replace(nearest, reached=True)


def _nearer(one: Synthesis, other: Synthesis, wanted: float) -> Synthesis:
    return min(one, other, key=lambda each: abs(each.match - wanted))


def in_levels(image: NDArray[np.uint8]) -> Tensor:
    """Images (V, H, W, 3) of 8 bits as a model sees them: (V, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(image.astype(np.float32) / LEVELS).permute(0, 3, 1, 2).contiguous()
