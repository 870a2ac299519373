"""Picture of docs/aovs.md: a bunny on the ground behind a bar, and all that its image shows.

    python studies/aovs/page.py

writes docs/pictures/aovs.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mrd.rendering import backend
from scenes.aov_kinds import KINDS
from scenes.camera import Single, cameras
from scenes.config import TargetConfig, target_scene
from scenes.film import srgb_encode
from scenes.scene import Scene

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "aovs.png"
SAMPLES = 256
TITLES = {
    "depth": "depth (white: 0, nothing is hit)",
    "normals": "normals, (n + 1) / 2",
    "albedo": "albedo, sRGB-encoded",
    "mask": "mask of the bunny",
    "object": "object",
}


def scene() -> Scene:
    """Return the scene: bunny, ground and bar."""
    config = TargetConfig.model_validate(
        {
            "scene": "bunny",
            "surroundings": {
                "ground": {"radius": 1.8, "color": [0.25, 0.3, 0.2]},
                "occluder": {"width": 0.25, "shift": 0.35, "color": [0.2, 0.3, 0.6]},
            },
            "cameras": Single(elevation=20, resolution=192),
        }
    )
    return target_scene("bunny", config, Path()).loaded()


def main() -> None:
    """Render the scene, and write the picture."""
    backend.activate()
    from mrd.rendering.aovs import Aovs
    from mrd.rendering.stage import Stage, display, exposed

    shown = exposed(scene())
    view = cameras(shown.cameras)[0]
    linear = Stage(shown).photographs([view], SAMPLES, 0)
    image = display(linear, shown.film)[0].permute(1, 2, 0).numpy()
    found = Aovs(shown).of(view, KINDS, SAMPLES)
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(9, 5.6), layout="constrained")
        places = figure.subplots(2, 3).ravel()
        for place, kind in zip(places, ("image", *KINDS), strict=True):
            place.set(xticks=[], yticks=[], title=TITLES.get(kind, "image"))
            if kind == "image":
                place.imshow(image)
            elif kind == "normals":
                hit = found["depth"] > 0
                place.imshow(np.where(hit, (found["normals"] + 1) / 2, 0))
            elif kind == "albedo":
                place.imshow(srgb_encode(found["albedo"]))
            elif kind == "object":
                names = ["none", *shown.objects]
                colours = mpl.colormaps["tab10"].resampled(len(names))
                drawn = place.imshow(
                    found["object"][..., 0],
                    cmap=colours,
                    vmin=-0.5,
                    vmax=len(names) - 0.5,
                    interpolation="nearest",
                )
                bar = figure.colorbar(drawn, ax=place, shrink=0.8, ticks=range(len(names)))
                bar.ax.set_yticklabels([f"{i} {name}" for i, name in enumerate(names)])
            else:
                values = found[kind][..., 0]
                if kind == "depth":
                    values = np.where(values > 0, values, np.nan)  # white
                drawn = place.imshow(values, cmap="viridis" if kind == "depth" else "gray")
                figure.colorbar(drawn, ax=place, shrink=0.8)
        figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
