"""Which models notice indirect light? Picture and table of docs/rooms.md.

    python studies/mirror/page.py          # about two minutes on two processors

renders Spot in a Cornell box with three bounces and with direct light alone, each with its own
exposure, writes docs/pictures/room_mirror.png, and prints the table in Markdown. The match is that
of the criterion: 1 for a re-render, 0 for a random material of the object.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from mrd.rendering import backend

backend.activate()

from mrd.criterion.bench import Bench, display_images  # noqa: E402
from mrd.criterion.null_scenes import null_scenes  # noqa: E402
from mrd.criterion.similarity import pearson  # noqa: E402
from mrd.models import registry  # noqa: E402
from mrd.rendering.representation import form_of_family  # noqa: E402
from mrd.rendering.stage import exposed  # noqa: E402
from mrd.rendering.to_mitsuba import form_of  # noqa: E402
from mrd.study.model_section import ModelConfig  # noqa: E402
from mrd.study.search_section import SearchConfig  # noqa: E402
from scenes.camera import cameras  # noqa: E402
from scenes.config import TargetConfig, target_scene  # noqa: E402
from scenes.scene import Scene  # noqa: E402

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "room_mirror.png"
SAMPLES, NULLS = 400, 9
MODELS = {
    "Lite0, blocks 0 and 2": ("efficientnet_lite0", ("blocks.0", "blocks.2")),
    "Lite0, pooled": ("efficientnet_lite0", ("pool",)),
    "Lite2, pooled": ("efficientnet_lite2", ("pool",)),
    "DINOv2, last tokens": ("dinov2_vits14", ("norm",)),
}
BOX = {
    "shape": {"kind": "mesh", "surface": "spot"},
    "material": {"base_color": [0.7, 0.7, 0.7], "roughness": 0.4},
    "pose": {"rotation": [0, 215, 0]},
    "surroundings": ["cornell"],
    "lighting": {"kind": "constant", "radiance": 0.0},
    "cameras": {"kind": "single", "elevation": 0, "distance": 8, "resolution": 160},
}


def box(bounces: int) -> Scene:
    """Return the scene with a number of bounces, and the exposure for it."""
    config = TargetConfig.model_validate({**BOX, "transport": {"bounces": bounces}})
    return exposed(target_scene(f"{bounces} bounces", config, Path()).loaded())


def images_of(scene: Scene, noise: int) -> torch.Tensor:
    """Return the display image (1, 3, H, W) of a scene."""
    bench = Bench(registry.create(ModelConfig(network="pixels"), "cpu"), form_of(scene))
    return display_images(bench.stage(scene), cameras(scene.cameras), SAMPLES, noise)


def main() -> None:
    """Render, compare, and write picture and table."""
    full, direct = box(3), box(0)
    shown = {"three bounces": images_of(full, 0), "direct light": images_of(direct, 0)}
    again = images_of(full, 1)
    search = SearchConfig.model_validate({"attributes": ["material"], "criterion": {"null": NULLS}})
    form = form_of_family(search, full)
    pixels = Bench(registry.create(ModelConfig(network="pixels"), "cpu"), form)
    nulls = [
        display_images(pixels.stage(scene), cameras(full.cameras), SAMPLES, 0)
        for scene in null_scenes(full, search, seed=1)
    ]
    sys.stdout.write("| model | r with direct light | r of a re-render | r of the null | match |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for name, (network, layers) in MODELS.items():
        model = registry.create(ModelConfig(network=network, layers=layers), "cpu")

        def similarity(image: torch.Tensor, model: object = model) -> float:
            with torch.no_grad():
                own = model.activations(shown["three bounces"])  # type: ignore[attr-defined]
                other = model.activations(image)  # type: ignore[attr-defined]
            return float(
                np.mean([float(pearson(own[k].flatten(1), other[k].flatten(1))) for k in own])
            )

        r, ceiling = similarity(shown["direct light"]), similarity(again)
        null = float(np.mean([similarity(each) for each in nulls]))
        match = (r - null) / (ceiling - null)
        sys.stdout.write(f"| {name} | {r:.3f} | {ceiling:.3f} | {null:.3f} | {match:.2f} |\n")
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    for axes, (title, image) in zip(figure.subplots(1, 2), shown.items(), strict=True):
        axes.imshow(image[0].permute(1, 2, 0).numpy())
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    figure.savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main()
