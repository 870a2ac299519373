"""Measure a step of a material search in a room, and of a plain scene, side by side.

The plain scene is the bunny under the studio light. The room has five objects, a ground, an area
lamp and two bounces. Both are rendered at 128² with the default samples and an early layer of
EfficientNet-Lite0. Prints ``room_step_ratio``, the median time of a step in the room ÷ that of a
plain step; steps of the two alternate.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from benchmarks.figure import figure

STEPS, WARM_UP = 40, 10
PLAIN = {
    "scene": "bunny",
    "cameras": {"kind": "ring", "count": 4, "elevation": 25, "distance": 6, "resolution": 128},
}
BESIDE = {"kind": "blob", "seed": 1, "subdivisions": 3}
ROOM = PLAIN | {
    "surroundings": ["ground"],
    "objects": {
        f"blob_{n}": {"shape": BESIDE | {"seed": n}, "pose": {"translation": [x, 0.0, z]}}
        for n, (x, z) in enumerate([(2.2, 0.0), (-2.2, 0.0), (0.0, 2.2), (0.0, -2.2)])
    },
    "lamps": {"key": {"kind": "rectangle", "place": [2.0, 5.0, 2.0], "radiance": 30.0}},
    "transport": {"bounces": 2},
}


def main() -> None:
    """Make steps of both searches in turn, and print the ratio of their median times."""
    from mrd.rendering import backend

    backend.activate()
    import numpy as np

    from mrd.criterion.bench import Bench, display_images
    from mrd.models import registry
    from mrd.rendering.representation import represented, start_scene
    from mrd.rendering.stage import exposed
    from mrd.rendering.to_mitsuba import form_of
    from mrd.search.loop import Search
    from mrd.search.match import Match
    from mrd.study.model_section import ModelConfig
    from mrd.study.search_section import SearchConfig
    from scenes.camera import cameras
    from scenes.config import TargetConfig, target_scene

    model = registry.create(ModelConfig(network="efficientnet_lite0", layers=("blocks.2",)))
    config = SearchConfig(attributes=("material",), steps=STEPS)
    searches = {}
    for name, keys in (("plain", PLAIN), ("room", ROOM)):
        scene = target_scene(name, TargetConfig.model_validate(keys), Path()).loaded()
        target = represented(exposed(scene), config)
        views = cameras(target.cameras)
        bench = Bench(model, form_of(target))
        aim = model.activations(display_images(bench.stage(target), views, 16, noise=0))
        start = start_scene(target, config.starts(), config)
        rng = np.random.default_rng(1)
        searches[name] = Search(start, aim, views, bench, config, rng, Match()).steps()
    seconds: dict[str, list[float]] = {name: [] for name in searches}
    for _ in range(STEPS):
        for name, steps in searches.items():
            seconds[name].append(next(steps).seconds)
    plain, room = (median(seconds[name][WARM_UP:]) for name in ("plain", "room"))
    figure("room_step_ratio", room / plain, plain_seconds=plain, room_seconds=room)


if __name__ == "__main__":
    main()
