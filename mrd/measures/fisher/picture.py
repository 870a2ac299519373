"""What one predicted threshold looks like: target, one threshold less, one more, difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from scenes.base.atomic_files import whole_file

# The differences are drawn about mid grey, so that the largest of a row reaches the end.
GREY = 0.5


@dataclass(frozen=True)
class Step:
    """A row: display images (H, W, 3) in [0, 1] and what stands beside them."""

    title: str
    less: np.ndarray
    more: np.ndarray


def gain(step: Step) -> float:
    """How often the difference of a row can be taken before it leaves the display's range."""
    largest = float(np.abs(step.more - step.less).max())
    return GREY / largest if largest > 0 else 1.0


def write_steps(path: Path, title: str, target: np.ndarray, steps: Sequence[Step]) -> None:
    """Write the picture (PNG) in one step.

    Parameters
    ----------
    path
        The file.
    title
        One line above.
    target
        Display image (H, W, 3) in [0, 1].
    steps
        The rows.
    """
    with mpl.rc_context({"font.size": 7}):
        figure = Figure(figsize=(8.0, 1.35 * len(steps) + 0.5))
        figure.suptitle(title, fontsize=9, y=1 - 0.1 / (1.35 * len(steps) + 0.5))
        panels = figure.subplots(len(steps), 5, squeeze=False)
        for row, step in zip(panels, steps, strict=True):
            times = gain(step)
            row[0].text(0, 0.5, step.title, va="center", wrap=True, transform=row[0].transAxes)
            row[0].axis("off")
            shown = {
                "target": target,
                "one threshold less": step.less,
                "one threshold more": step.more,
                f"difference × {times:.3g}": GREY + times * (step.more - step.less),
            }
            for axes, (name, image) in zip(row[1:], shown.items(), strict=True):
                axes.imshow(np.clip(image, 0, 1))
                axes.set_title(name, fontsize=6, pad=2)
                axes.axis("off")
        figure.subplots_adjust(
            left=0.01, right=0.99, bottom=0.01, top=1 - 0.4 / (1.35 * len(steps) + 0.5)
        )
        with whole_file(path) as beside:
            figure.savefig(beside, dpi=120, format="png")
