"""Image files of a run: PNG, EXR, previews with curves, and turntable films (MP4)."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import imageio_ffmpeg
import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

from scenes.aov_kinds import CHANNELS, Kind
from scenes.base.atomic_files import whole_file
from scenes.camera import Camera
from scenes.pictures import files
from stimuli.png import write_png as write_png

TURNTABLE_FRAMES = 36
FRAMES_PER_SECOND = 12


def to_bytes(images: torch.Tensor) -> np.ndarray:
    """Convert display-encoded images (V, 3, H, W) in [0, 1] to 8-bit images (V, H, W, 3)."""
    return (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def write_exr(path: Path, radiance: torch.Tensor) -> None:
    """Write linear radiance (3, H, W) as a complete float16 EXR file, clipped to 65504."""
    pixels = radiance.permute(1, 2, 0).cpu().numpy()
    half = np.clip(pixels, 0, np.finfo(np.float16).max).astype(np.float16)
    files.write_exr(half, path)


def write_aov(path: Path, kind: Kind, pixels: np.ndarray) -> None:
    """Write an AOV (H, W, C) as a complete float32 EXR file."""
    channels = dict(zip(CHANNELS[kind], np.moveaxis(pixels, 2, 0), strict=True))
    files.write_channels(channels, path)


def write_preview(
    path: Path,
    title: str,
    rows: Mapping[str, torch.Tensor],
    views: Sequence[Camera],
    matches: Mapping[str, float],
    history: Sequence[Mapping[str, float]],
    floor: float,
) -> None:
    """Write one PNG: images of target, start and result at every camera, curves of loss and match.

    `rows` is name of the scene → images (V, 3, H, W); `matches` is camera → match of the result.
    """
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(1.45 * len(views) + 3.2, 1.45 * len(rows) + 0.6))
        figure.suptitle(title, fontsize=9, y=0.99)
        left = 1.45 * len(views) / (1.45 * len(views) + 3.2)
        photographs = figure.add_gridspec(
            len(rows),
            len(views),
            left=0.03,
            right=left,
            top=0.88,
            bottom=0.05,
            wspace=0.05,
            hspace=0.05,
        )
        for r, (name, images) in enumerate(rows.items()):
            for c, (view, image) in enumerate(zip(views, to_bytes(images), strict=True)):
                axes = figure.add_subplot(photographs[r, c])
                axes.imshow(image)
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
                if c == 0:
                    axes.set_ylabel(name)
                if r == 0:
                    axes.set_title("held out" if view.held_out else f"camera {view.name}")
                if name == "result":
                    axes.set_xlabel(f"match {matches[view.name]:.2f}")
        if history:
            curves = figure.add_gridspec(2, 1, left=left + 0.08, right=0.98, top=0.88, bottom=0.1)
            _curves(figure, curves, history, floor)
        with whole_file(path) as beside:
            figure.savefig(beside, dpi=150, format="png")


def write_comparison(
    path: Path, rows: Mapping[str, tuple[np.ndarray, Sequence[str]]], columns: Sequence[str]
) -> None:
    """Write a PNG with a grid of images; `rows` is title → images, captions below them."""
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(1.9 * len(columns) + 0.3, 2.05 * len(rows) + 0.2))
        grid = figure.subplots(len(rows), len(columns), squeeze=False)
        for r, (name, (images, captions)) in enumerate(rows.items()):
            for c, (image, caption) in enumerate(zip(images, captions, strict=True)):
                axes = grid[r, c]
                axes.imshow(image, interpolation="nearest")
                axes.set(xticks=[], yticks=[], xlabel=caption)
                axes.spines[:].set_visible(False)
                if c == 0:
                    axes.set_ylabel(name)
                if r == 0:
                    axes.set_title(columns[c], fontsize=8)
        figure.tight_layout(pad=0.6)
        with whole_file(path) as beside:
            figure.savefig(beside, dpi=150, format="png")


def _curves(
    figure: Figure,
    grid: mpl.gridspec.GridSpec,
    history: Sequence[Mapping[str, float]],
    floor: float,
) -> None:
    """Plot loss and match over the steps, each with its running mean as a stronger line."""
    steps = np.array([row["step"] for row in history])
    loss = figure.add_subplot(grid[0])
    match = figure.add_subplot(grid[1], sharex=loss)
    for axes, name, color in ((loss, "loss", "0.25"), (match, "match", "C0")):
        values = np.array([row[name] for row in history])
        axes.plot(steps, values, color=color, linewidth=0.6, alpha=0.35)
        axes.plot(steps, _running_mean(values), color=color, linewidth=1.2)
        axes.set_ylabel(name if name == "loss" else "match (noisy renders)")
    loss.set_ylim(bottom=0)
    loss.tick_params(labelbottom=False)
    match.axhline(floor, color="C3", linewidth=0.8, linestyle="--")
    # The word stands below the line, since the curve of a successful search ends above it.
    match.text(steps[-1], floor, "floor", color="C3", ha="right", va="top", fontsize=7)
    match.set_xlabel("step")


def _running_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over a window of a tenth of the steps, at most 11; narrower at the ends."""
    half = min(len(values) // 20, 5)
    return np.array([values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))])


def write_turntable(path: Path, sides: Sequence[torch.Tensor]) -> None:
    """Write a complete MP4 file that shows image sequences (frames, 3, H, W) side by side."""
    frames = np.concatenate([to_bytes(side) for side in sides], axis=2)
    with whole_file(path) as beside:
        _encode(frames, beside)


def _encode(frames: np.ndarray, path: Path) -> None:
    """Encode 8-bit frames (N, H, W, 3) as H.264; H and W are padded to even numbers."""
    _, height, width, _ = frames.shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    film = ["-c:v", "libx264", "-crf", "10", "-pix_fmt", "yuv420p"]
    even = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *raw]
    command += ["-r", str(FRAMES_PER_SECOND), "-i", "-", *even, *film, "-f", "mp4", str(path)]
    done = subprocess.run(command, input=frames.tobytes(), capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(lines[0] if lines else f"the encoder ended with code {done.returncode}")
