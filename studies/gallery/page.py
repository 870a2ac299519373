"""Pictures and table of docs/gallery.md, from the finished runs of two studies.

Shapes are those of ``studies/late_layers``, all other attributes those of this study.

    python studies/gallery/page.py

writes docs/pictures/gallery_TARGET.png and prints the table in Markdown.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import imageio.v3 as imageio
from matplotlib.figure import Figure

from mrd.criterion.criterion import below_floor, distinct_digits
from mrd.criterion.recovery import verdict_in_words
from scenes.differences import DISTANCE, UNITS

HERE = Path(__file__).parent
SHAPES = HERE.parent / "late_layers"
PICTURES = HERE.parents[1] / "docs" / "pictures"
TARGETS = ("bunny", "suzanne", "spot")
ATTRIBUTES = ("material", "lighting", "pose", "shape")
MODELS = {
    "lite0": "EfficientNet-Lite0",
    "lite2": "EfficientNet-Lite2",
    "untrained": "Lite0, untrained",
    "dino": "DINOv2 ViT-S/14",
    "complex_cells": "complex cells",
}
CAMERA = "c0"


def finished(target: str, model: str, attribute: str) -> Path | None:
    """Return the directory of a scored run, or None if there is none yet."""
    is_shape = attribute == "shape"
    searches = ("shape", "shape_wide_margin", "recovery") if is_shape else (attribute,)
    names = [f"{target}-{model}-{search}" for search in searches]
    folder = SHAPES if is_shape else HERE
    found = [run for name in names for run in folder.glob(f"runs/{name}-s1-*/criterion.json")]
    return found[0].parent if found else None


def judgement(run: Path) -> dict[str, Any]:
    """Return the content of the run's `criterion.json`."""
    found: dict[str, Any] = json.loads((run / "criterion.json").read_text(encoding="utf-8"))
    return found


def minutes(run: Path) -> float:
    """Return the time of the steps, from their median, which ignores pauses of the machine."""
    with (run / "history.csv").open(encoding="utf-8") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    return median(seconds) * len(seconds) / 60


def failures(found: dict[str, Any]) -> str:
    """Return why the run failed, in a few words: the last reason of each camera that failed."""
    if found["target_again"]:
        return "the target again"
    floor, cameras = found["training"]["floor"], found["training"]["cameras"]
    return ", ".join(
        f"{each['camera']}: {last_reason(each, floor)}" for each in cameras if each["failed"]
    )


def last_reason(camera: dict[str, Any], floor: float) -> str:
    """Return the last reason of a camera; a match is written from its number, not as recorded."""
    reason: str = camera["failed"].split(";")[-1].strip()
    return below_floor(camera["match"], floor) if reason.startswith("match") else reason


def picture(target: str) -> None:
    """Write the figure: a row of results per attribute; a green frame marks a metamer."""
    figure = Figure(figsize=(10.6, 7.8), layout="constrained")
    figure.suptitle(f"{target}, seen by camera {CAMERA}", fontsize=10)
    axes = figure.subplots(len(ATTRIBUTES), len(MODELS) + 2)
    for row, attribute in zip(axes, ATTRIBUTES, strict=True):
        runs = {model: finished(target, model, attribute) for model in MODELS}
        shown: list[tuple[str, Path | None, str]] = [
            ("target", runs["lite0"], "target"),
            ("start", runs["lite0"], "start"),
            *((name, runs[model], "result") for model, name in MODELS.items()),
        ]
        for place, (title, run, image) in zip(row, shown, strict=True):
            place.set_xticks([])
            place.set_yticks([])
            if attribute == ATTRIBUTES[0]:
                place.set_title(title, fontsize=9)
            if run is None:
                place.set_frame_on(False)
                place.text(0.5, 0.5, "not run", ha="center", va="center", fontsize=8)
                continue
            place.imshow(imageio.imread(run / "renders" / f"{image}_{CAMERA}.png"))
            if image == "result":
                found = judgement(run)
                if found["verdict"] == "metamer":
                    place.spines[:].set(linewidth=3, color="tab:green")
                place.set_xlabel(
                    f"{verdict_in_words(found['verdict'])}, {found['training']['match']:.2f}",
                    fontsize=8,
                )
        row[0].set_ylabel(attribute)
    figure.savefig(PICTURES / f"gallery_{target}.png", dpi=110)


def table() -> Iterable[str]:
    """Yield the lines of the table."""
    yield "| target | attribute | model | verdict | match: least, mean | held out | far | minutes |"
    yield "|---|---|---|---|---|---|---|---|"
    for target in TARGETS:
        for attribute in ATTRIBUTES:
            for model, name in MODELS.items():
                run = finished(target, model, attribute)
                if run is None:
                    continue
                found = judgement(run)
                cameras = found["training"]["cameras"]
                measure, least = DISTANCE[attribute], min(each["match"] for each in cameras)
                least_shown = distinct_digits(least, found["training"]["floor"], 2)[0]
                distance = found["physical_difference"][attribute][measure]
                failed = failures(found)
                yield (
                    f"| {target} | {attribute} | {name} | "
                    f"{verdict_in_words(found['verdict'])}{f' ({failed})' if failed else ''} | "
                    f"{least_shown}, {found['training']['match']:.2f} | "
                    f"{found['held_out']['match']:.2f} | {distance:.2g} {UNITS[attribute]} | "
                    f"{minutes(run):.1f} |"
                )


if __name__ == "__main__":
    for each in TARGETS:
        picture(each)
    sys.stdout.write("\n".join(table()) + "\n")
