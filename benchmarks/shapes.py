"""Search the shapes of five objects with the default settings.

Each object is matte and glossy, and is searched with several seeds: by early layers of
EfficientNet-Lite0, at 12 cameras all around, scored at these and at 4 held-out ones, at 128².
Prints one line per search, then ``shape_matches`` and ``shape_matches_held_out``: the number of
searches whose least match reaches .93 at the training cameras and .9 at the held-out ones; and
``shape_seconds``, the median time of the steps. With a folder, a stopped benchmark resumes.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.figure import figure
from mrd.generate import python_process

OBJECTS: dict[str, dict[str, Any]] = {
    "bunny": {"kind": "mesh", "surface": "bunny"},
    "suzanne": {"kind": "mesh", "surface": "suzanne"},
    "spot": {"kind": "mesh", "surface": "spot"},
    "blob_1": {"kind": "blob", "seed": 1, "amplitude": 0.35, "degree": 6},
    "blob_2": {"kind": "blob", "seed": 2, "amplitude": 0.35, "degree": 6},
}
MATERIALS: dict[str, dict[str, Any]] = {
    "matte": {"base_color": [0.62, 0.30, 0.17], "roughness": 1.0},
    "glossy": {"base_color": [0.30, 0.45, 0.60], "roughness": 0.15},
}
LAYERS = ["blocks.0", "blocks.2", "blocks.5", "blocks.7"]
SEEDS = (1, 2, 3)
MRD = "from mrd.cli.main import run; run()"
LEAST, LEAST_HELD_OUT = 0.93, 0.9
CRITERION = {"null": 5, "ceiling": 2}  # the match depends on their means only


def study(light: str, seeds: list[int], search: dict[str, Any]) -> dict[str, Any]:
    """Return the study of all searches under a light, as in a study file."""
    cameras = {"count": 12, "held_out": 4, "elevations": [-30.0, 75.0], "resolution": 128}
    targets = {
        f"{name}_{material}": {
            "shape": shape,
            "material": MATERIALS[material],
            "lighting": {"kind": "map", "radiance": light},
            "cameras": {"kind": "fibonacci", **cameras},
        }
        for name, shape in OBJECTS.items()
        for material in MATERIALS
    }
    shape = {"attributes": ["shape"], "seeds": seeds, "criterion": CRITERION, **search}
    return {
        "name": "shapes",
        "seed": 1,
        "targets": targets,
        "models": {"early": {"network": "efficientnet_lite0", "layers": LAYERS}},
        "searches": {"shape": shape},
    }


def result(folder: Path) -> dict[str, Any]:
    """Return least matches, Chamfer distance and seconds of the steps of a finished run."""
    found = json.loads((folder / "criterion.json").read_text())
    with (folder / "history.csv").open() as file:
        seconds = sum(float(row["seconds"]) for row in csv.DictReader(file))

    def least(group: str) -> float:
        return float(min(camera["match"] for camera in found[group]["cameras"]))

    return {
        "run": folder.name.rsplit("-", 1)[0],
        "least": least("training"),
        "least_held_out": least("held_out"),
        "chamfer": found["physical_difference"]["shape"]["chamfer"],
        "warnings": found.get("warnings", []),
        "seconds": seconds,
    }


def main() -> None:
    """Carry out all searches under a light, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--light", default="studio")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--search", default="{}", help="other keys of the search, as JSON")
    parser.add_argument("--folder", type=Path, help="where runs are kept")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        keys = study(arguments.light, arguments.seeds, json.loads(arguments.search))
        (folder / "study.yaml").write_text(json.dumps(keys))
        workers = ("--workers", str(arguments.workers))
        command = python_process.command(MRD, "generate", str(folder), *workers)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        results = [result(path.parent) for path in sorted(folder.glob("runs/*/criterion.json"))]
    for each in results:
        print(json.dumps(each), flush=True)
    count = len(results)
    matched = sum(each["least"] >= LEAST for each in results)
    held_out = sum(each["least_held_out"] >= LEAST_HELD_OUT for each in results)
    figure("shape_matches", matched, searches=count, light=arguments.light)
    figure("shape_matches_held_out", held_out, searches=count, light=arguments.light)
    figure("shape_seconds", median(each["seconds"] for each in results))


if __name__ == "__main__":
    main()
