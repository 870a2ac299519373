"""Picture of predicted thresholds: target, one threshold less, one more, and their difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from scenes.base.atomic_files import whole_file

# Differences are drawn around mid grey; the largest in a row is scaled to black or white.
GREY = 0.5


@dataclass(frozen=True)
class ThresholdRow:
    """A row of the picture: a label, and display images (H, W, 3) in [0, 1]."""

    label: str
    less: np.ndarray
    more: np.ndarray


def gain(row: ThresholdRow) -> float:
    """Return the factor that scales the difference of a row to the range of the display."""
    largest = float(np.abs(row.more - row.less).max())
    return GREY / largest if largest > 0 else 1.0


def write_thresholds(
    path: Path, title: str, target: np.ndarray, rows: Sequence[ThresholdRow]
) -> None:
    """Write the picture (PNG), with the target's display image (H, W, 3) in [0, 1] in every row."""
    height = 1.35 * len(rows) + 0.5
    with mpl.rc_context({"font.size": 7}):
        figure = Figure(figsize=(8.0, height))
        figure.suptitle(title, fontsize=9, y=1 - 0.1 / height)
        panels = figure.subplots(len(rows), 5, squeeze=False)
        for axes, row in zip(panels, rows, strict=True):
            times = gain(row)
            axes[0].text(0, 0.5, row.label, va="center", wrap=True, transform=axes[0].transAxes)
            axes[0].axis("off")
            shown = {
                "target": target,
                "one threshold less": row.less,
                "one threshold more": row.more,
                f"difference × {times:.3g}": GREY + times * (row.more - row.less),
            }
            for panel, (name, image) in zip(axes[1:], shown.items(), strict=True):
                panel.imshow(np.clip(image, 0, 1))
                panel.set_title(name, fontsize=6, pad=2)
                panel.axis("off")
        figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=1 - 0.4 / height)
        with whole_file(path) as beside:
            figure.savefig(beside, dpi=120, format="png")
