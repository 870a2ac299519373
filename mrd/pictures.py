"""What a run looks like: a preview of every camera with the search's curves, and a turntable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import imageio.v3 as imageio
import matplotlib as mpl
import numpy as np
import OpenEXR
import torch
from matplotlib.figure import Figure

from mrd.disk import atomically
from scenes.camera import Camera

TURNTABLE_FRAMES = 36
FRAMES_PER_SECOND = 12


def to_bytes(images: torch.Tensor) -> np.ndarray:
    """8-bit images (V, H, W, 3) of display-encoded ones (V, 3, H, W) in [0, 1]."""
    return (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def write_png(path: Path, image: np.ndarray) -> None:
    """Write an 8-bit image (H, W, 3) in one step."""
    with atomically(path) as beside:
        imageio.imwrite(beside, image, extension=".png")


def write_exr(path: Path, radiance: torch.Tensor) -> None:
    """Write linear radiance (3, H, W) as a float16 EXR, in one step.

    Radiance beyond the largest float16 (65504) is written as that.
    """
    pixels = radiance.permute(1, 2, 0).cpu().numpy()
    half = np.clip(pixels, 0, np.finfo(np.float16).max).astype(np.float16)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with atomically(path) as beside:
        OpenEXR.File(header, {"RGB": np.ascontiguousarray(half)}).write(str(beside))


def write_preview(
    path: Path,
    title: str,
    rows: Mapping[str, torch.Tensor],
    views: Sequence[Camera],
    matches: Mapping[str, float],
    history: Sequence[Mapping[str, float]],
    floor: float,
) -> None:
    """Target, start and result for every camera, and the curves of loss and match.

    Parameters
    ----------
    path
        PNG.
    title
        One line above.
    rows
        Name of a row ("target", "start", "result") → display images (C, 3, H, W).
    views
        The cameras, one a column.
    matches
        Camera → match of the result.
    history
        Rows with "step", "loss" and "match".
    floor
        Least match of a metamer, drawn as a line.
    """
    columns = len(views)
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(
            figsize=(1.45 * columns + 3.4, 1.45 * len(rows) + 0.75), layout="constrained"
        )
        figure.suptitle(title, fontsize=9)
        grid = figure.add_gridspec(len(rows), columns + 2)
        for r, (name, images) in enumerate(rows.items()):
            for c, (view, image) in enumerate(zip(views, to_bytes(images), strict=True)):
                axes = figure.add_subplot(grid[r, c])
                axes.imshow(image)
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
                if c == 0:
                    axes.set_ylabel(name)
                if r == 0:
                    axes.set_title("held out" if view.held_out else f"camera {view.name}")
                if name == "result":
                    axes.set_xlabel(f"match {matches[view.name]:.2f}")
        _curves(figure, grid, history, floor)
        with atomically(path) as beside:
            figure.savefig(beside, dpi=150, format="png")


def _curves(
    figure: Figure,
    grid: mpl.gridspec.GridSpec,
    history: Sequence[Mapping[str, float]],
    floor: float,
) -> None:
    """Loss above match, over the steps of the search, in the two columns at the right."""
    steps = [row["step"] for row in history]
    middle = (grid.nrows + 1) // 2
    loss = figure.add_subplot(grid[:middle, -2:])
    loss.plot(steps, [row["loss"] for row in history], color="0.25", linewidth=0.8)
    loss.set(ylabel="loss", yscale="log")
    below = figure.add_subplot(grid[middle:, -2:], sharex=loss)
    below.plot(steps, [row["match"] for row in history], color="C0", linewidth=0.8)
    below.axhline(floor, color="C3", linewidth=0.8, linestyle="--")
    below.annotate("floor", (steps[0], floor), color="C3", va="bottom", fontsize=7)
    below.set(xlabel="step", ylabel="match while searching")


def write_turntable(path: Path, sides: Sequence[torch.Tensor]) -> None:
    """Film (MP4) of image sequences (frames, 3, H, W) side by side."""
    frames = np.concatenate([to_bytes(side) for side in sides], axis=2)
    with atomically(path) as beside:
        imageio.imwrite(
            beside,
            frames,
            extension=".mp4",
            fps=FRAMES_PER_SECOND,
            codec="libx264",
            quality=8,
            macro_block_size=2,
        )
