"""A condition made by hand: every image has an id that says what it is."""

from typing import Any

from psychophysics.design import Condition, Stimulus


def condition(
    levels: tuple[float, ...] = (0.0, 0.5, 1.0),
    cameras: tuple[str, ...] = ("c0", "c1", "c2"),
    lights: tuple[str, ...] = ("own", "dusk"),
    seeds: int = 3,
    comparison: str = "result",
    name: str = "vase",
) -> Condition:
    """Make a condition of levels, cameras, lights and noise seeds."""
    cells = [(camera, light) for camera in cameras for light in lights]

    def images(role: str, level: float) -> dict[Any, tuple[Stimulus, ...]]:
        return {
            (camera, light): tuple(
                Stimulus(
                    f"{name}_{role}-{level:g}_{camera}_{light}_{seed}",
                    role, camera, light, seed, 0.4 * level,
                )
                for seed in range(seeds)
            )
            for camera, light in cells
        }  # fmt: skip

    return Condition(
        name=f"{name}-{comparison}",
        target=name,
        family=name,
        attribute="shape",
        model="net",
        layer="late",
        comparison=comparison,
        levels=levels,
        target_images=images("target", 0.0),
        comparison_images={
            level: images(comparison if level else "rerender", level) for level in levels
        },
        cameras=cameras,
        lights=lights,
        seeds=seeds,
    )
