"""Picture and table of docs/adversarial_scenes.md, from this study's finished runs.

    python studies/flip/page.py

writes docs/pictures/flip.png and prints the table in Markdown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torchvision.models import ResNet18_Weights

from analysis.report.figure_style import STYLE
from mrd.study.resolved_run import ResolvedRun
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all

HERE = Path(__file__).parent
PICTURE = HERE.parents[1] / "docs" / "pictures" / "flip.png"
CLASSES = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]  # ImageNet's, in the usual order
CAMERA = "c0"


def scored_runs() -> Iterator[tuple[ResolvedRun, RunDirectory, dict[str, Any]]]:
    """Yield the scored runs, by target, with the flip in their `criterion.json`."""
    study = read_study(HERE)
    for run in sorted(resolve_all(study), key=lambda run: run.spec.target):
        directory = RunDirectory(study.runs / run.name)
        if directory.exists and (judgement := directory.judgement()):
            yield run, directory, judgement["flip"]


def row(run: ResolvedRun, flip: dict[str, Any]) -> str:
    """Return a row of the table."""
    start = f"| {run.spec.target} | {run.spec.search} | "
    if flip["distance"] is None:
        return f"{start}not flipped | – | – | – |"
    seen = [each for each in flip["cameras"] if not each["held_out"]]
    held_out = [each["flipped"] for each in flip["cameras"] if each["held_out"]]
    changes = flip["random_changes"]
    return start + " | ".join(
        (
            f"{flip['distance']:.2g} {flip['measure'].replace('_', ' ')}",
            ", ".join(f"{CLASSES[each['target'][0]]} → {CLASSES[each['label']]}" for each in seen),
            f"{sum(held_out)} of {len(held_out)}",
            f"{changes['flipped']} of {changes['of']} |",
        )
    )


def image(axes: Axes, path: Path, title: str) -> None:
    """Draw a render without axes."""
    axes.imshow(imageio.imread(path))
    axes.set_title(title, fontsize=8)
    axes.set_axis_off()


def picture() -> Figure:
    """Return the figure: each target beside the scenes that flip its class, with both classes."""
    runs = list(scored_runs())
    targets = list(dict.fromkeys(run.spec.target for run, _, _ in runs))
    searches = list(dict.fromkeys(run.spec.search for run, _, _ in runs))
    figure = Figure(figsize=(10, 2.2 * len(targets)), layout="constrained")
    grid = figure.subplots(len(targets), 2 * len(searches), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for run, directory, flip in runs:
        (camera,) = [each for each in flip["cameras"] if each["camera"] == CAMERA]
        row, column = targets.index(run.spec.target), 2 * searches.index(run.spec.search)
        was, became = (CLASSES[label] for label in (camera["target"][0], camera["label"]))
        renders = directory.path / "renders"
        image(grid[row, column], renders / f"target_{CAMERA}.png", f"target:\n{was}")
        title = f"{run.spec.search}:\n{became}"
        image(grid[row, column + 1], renders / f"result_{CAMERA}.png", title)
    return figure


def main() -> None:
    """Write the picture and print the table."""
    with style.context(STYLE):
        picture().savefig(PICTURE, dpi=150)
    lines = [
        "| target | changed | size | classes at the training cameras | held out | at random |",
        "|---|---|---|---|---|---|",
        *(row(run, flip) for run, _, flip in scored_runs()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
