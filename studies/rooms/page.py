"""Picture of docs/rooms.md: the ready-made surroundings.

    python studies/rooms/page.py

writes docs/pictures/rooms.png.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from mrd.rendering import backend
from scenes.camera import cameras
from scenes.config import TargetConfig, target_scene

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "rooms.png"
SAMPLES = 256
LAMP = {"key": {"kind": "rectangle", "place": [2, 4, 2], "radiance": 30}}
DIM = {"kind": "constant", "radiance": 0.2}
FRONT = {"kind": "single", "azimuth": 20, "elevation": 15, "distance": 7, "resolution": 256}
ROOMS = {
    "ground": {"surroundings": ["ground"], "lamps": LAMP, "lighting": DIM},
    "table": {"surroundings": ["table"], "lamps": LAMP, "cameras": FRONT | {"distance": 9}},
    "ground and wall": {"surroundings": ["ground", "wall"], "lamps": LAMP, "lighting": DIM},
    "occluder of five bars": {
        "surroundings": {"ground": {}, "occluder": {"bars": 5, "width": 0.2, "azimuth": 20}},
        "lamps": {"sun": {"kind": "sun", "elevation": 50, "azimuth": 60}},
        "lighting": DIM,
    },
    "cornell": {
        "surroundings": ["cornell"],
        "lighting": {"kind": "constant", "radiance": 0},
        "cameras": FRONT | {"azimuth": 0, "elevation": 0, "distance": 10, "target": [0, 1.3, 0]},
    },
    "further objects": {
        "surroundings": ["ground"],
        "objects": {
            "ball": {
                "shape": {"kind": "sphere", "radius": 0.4},
                "material": {"base_color": [0.8, 0.65, 0.1], "metallic": 0.0, "roughness": 0.4},
                "pose": {"translation": [1.3, -0.35, 0.6]},
            },
            "blob": {
                "shape": {"kind": "blob", "seed": 3},
                "material": {"base_color": [0.1, 0.3, 0.5]},
                "pose": {"translation": [-1.6, 0.25, -1.2]},
            },
        },
        "lamps": LAMP,
    },
}


def main() -> None:
    """Render all rooms and write the picture."""
    backend.activate()
    from mrd.rendering.stage import Stage, display, exposed

    figure = Figure(figsize=(9, 6.3), layout="constrained")
    for axes, (name, keys) in zip(figure.subplots(2, 3).flat, ROOMS.items(), strict=True):
        config = TargetConfig.model_validate({"scene": "bunny", "cameras": FRONT, **keys})
        scene = exposed(target_scene(name, config, Path()).loaded())
        linear = Stage(scene).photographs(cameras(scene.cameras), SAMPLES, index=0)
        axes.imshow(display(linear, scene.film)[0].permute(1, 2, 0).cpu().numpy())
        axes.set_title(name, fontsize=10)
        axes.set_axis_off()
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
