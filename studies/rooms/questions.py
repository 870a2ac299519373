"""Picture and table of docs/rooms.md, from the finished runs of three studies.

    python studies/rooms/questions.py

writes docs/pictures/room_questions.png and prints the table in Markdown.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
from matplotlib.figure import Figure

from mrd.criterion.recovery import verdict_in_words
from scenes.differences import DISTANCE, UNITS

STUDIES = Path(__file__).parents[1]
PICTURE = STUDIES.parent / "docs" / "pictures" / "room_questions.png"
NAMES = {"early": "blocks 0 and 2", "pool": "pooled activation"}
ATTRIBUTE = {"occlusion": "pose", "shadow": "lighting", "contact": "pose"}


def run_of(study: str, model: str) -> Path:
    """Return the directory of the scored run of a study with a model."""
    (found,) = (STUDIES / study / "runs").glob(f"*-{model}-*/criterion.json")
    return found.parent


def detail(found: dict[str, Any], attribute: str) -> str:
    """Return the physical difference of a result, in words."""
    difference = found["physical_difference"][attribute]
    text = f"{difference[DISTANCE[attribute]]:.2g} {UNITS[attribute]}"
    if attribute == "lighting":
        return f"{text}; lamp moved by {difference['dominant_angle']:.0f} degrees"
    gaps = [f"{each['object']} {each['gap']:.2f}" for each in found.get("contacts", ())]
    return f"{text}, shift {difference['translation']:.2g}; gap to {', '.join(gaps)}"


def main() -> None:
    """Write picture and table."""
    figure = Figure(figsize=(6.6, 6.8), layout="constrained")
    axes = figure.subplots(len(ATTRIBUTE), 3)
    sys.stdout.write("| study | model | verdict | match; held out | difference from the target |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for row, (study, attribute) in zip(axes, ATTRIBUTE.items(), strict=True):
        runs = {model: run_of(study, model) for model in NAMES}
        shown = [("target", runs["early"], "target")]
        shown += [(NAMES[model], run, "result") for model, run in runs.items()]
        for place, (title, run, image) in zip(row, shown, strict=True):
            place.imshow(imageio.imread(run / "renders" / f"{image}_c0.png"))
            place.set_title(title, fontsize=9)
            place.set_xticks([])
            place.set_yticks([])
        row[0].set_ylabel(study)
        for model, run in runs.items():
            found = json.loads((run / "criterion.json").read_text(encoding="utf-8"))
            sys.stdout.write(
                f"| {study} | {NAMES[model]} | {verdict_in_words(found['verdict'])} | "
                f"{found['training']['match']:.2f}; {found['held_out']['match']:.2f} | "
                f"{detail(found, attribute)} |\n"
            )
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
