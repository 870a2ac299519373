"""From a stimulus set to conditions: what can be asked, and with which images.

Pure: a table goes in, conditions come out. Every image is known by its side (target or
comparison), level, camera, light and the rank of its noise seed among those alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import pandas as pd

from psychophysics.config import ExperimentConfig
from psychophysics.tasks.base import Side
from psychophysics.tasks.registry import TASKS
from scenes.base.errors import InputError, nearest

ROLES = {"result": ("series", "result"), "control": ("control",), "pixel": ("pixel",)}
LEAST_LEVELS = 3
# What separates one condition from another, in the set's table.
SERIES = ["family", "run"]


@dataclass(frozen=True, slots=True)
class Stimulus:
    """A stored image, and what a trial's row tells of it."""

    stimulus_id: str
    role: str
    camera: str
    light: str
    noise_seed: int
    physical_distance: float


Cell = tuple[str, str]  # camera, light


@dataclass(frozen=True)
class Condition:
    """A target against a series of comparisons."""

    name: str
    target: str
    family: str
    attribute: str
    model: str
    layer: str
    comparison: str
    levels: tuple[float, ...]
    target_images: Mapping[Cell, tuple[Stimulus, ...]] = field(repr=False)
    comparison_images: Mapping[float, Mapping[Cell, tuple[Stimulus, ...]]] = field(repr=False)
    cameras: tuple[str, ...]
    lights: tuple[str, ...]
    seeds: int

    def image(self, side: Side, level: float, cell: Cell, rank: int) -> Stimulus:
        """Return one image."""
        images = self.target_images if side == "target" else self.comparison_images[level]
        return images[cell][rank]


def conditions(table: pd.DataFrame, config: ExperimentConfig, where: str) -> list[Condition]:
    """List what an experiment asks of a set, in the order of their names."""
    for key in ("targets", "models", "attributes"):
        _names_exist(getattr(config, key), table[key.removesuffix("s")], key, where)
    _names_exist(config.lights, table["light"], "lights", where)
    images = _wanted(table, config)
    found = [
        condition
        for (family, _run), series in _series(images, config)
        for condition in _conditions_of(
            images[(images["family"] == family) & images["role"].isin(["target", "rerender"])],
            series,
            config,
            where,
        )
    ]
    if not found:
        raise InputError(
            f"{where}: experiment: no series of {', '.join(config.comparisons)} is left to ask "
            f"with targets, models and attributes as given; the set has {_what_there_is(table)}"
        )
    return sorted(found, key=lambda condition: condition.name)


def _names_exist(names: tuple[str, ...] | None, column: pd.Series, key: str, where: str) -> None:
    valid = sorted({str(value) for value in column.dropna()} - {""})
    for name in names or ():
        if name not in valid:
            raise InputError(
                f"{where}: experiment.{key}: the set has no '{name}'; {nearest(name, valid)} "
                f"there: {', '.join(valid)}"
            )


def _wanted(table: pd.DataFrame, config: ExperimentConfig) -> pd.DataFrame:
    """Images that may be shown: never null scenes."""
    keep = table["role"] != "null"
    if config.targets:
        keep &= table["target"].isin(config.targets)
    if config.attributes:
        keep &= table["attribute"].isin(config.attributes)
    if config.cameras != "all":
        keep &= table["held_out"].astype(bool) == (config.cameras == "held_out")
    if config.lights:
        keep &= table["light"].isin(config.lights)
    return table[keep]


def _series(
    images: pd.DataFrame, config: ExperimentConfig
) -> Iterable[tuple[tuple[str, str], pd.DataFrame]]:
    compared = images[images["role"].isin([r for c in config.comparisons for r in ROLES[c]])]
    if config.models:
        pixels = compared["role"] == "pixel"
        compared = compared[compared["model"].isin(config.models) | pixels]
    return cast(Iterable[tuple[tuple[str, str], pd.DataFrame]], compared.groupby(SERIES, sort=True))


def _what_there_is(table: pd.DataFrame) -> str:
    shown = table[table["role"] != "null"]
    parts = [
        f"{name}s {', '.join(sorted({str(v) for v in shown[name].dropna()} - {''}))}"
        for name in ("target", "model", "attribute", "role")
    ]
    return "; ".join(parts)


def _conditions_of(
    shared: pd.DataFrame, series: pd.DataFrame, config: ExperimentConfig, where: str
) -> list[Condition]:
    return [
        _condition(shared, part, comparison, config, where)
        for comparison in config.comparisons
        if len(part := series[series["role"].isin(ROLES[comparison])])
    ]


def _condition(
    shared: pd.DataFrame,
    series: pd.DataFrame,
    comparison: str,
    config: ExperimentConfig,
    where: str,
) -> Condition:
    first = series.iloc[0]
    name = f"{first['run']}-{comparison}"
    place = f"{where}: condition {name}"
    target = shared[shared["role"] == "target"]
    rerender = shared[shared["role"] == "rerender"]
    if not len(target) or not len(rerender):
        missing = "target" if not len(target) else "rerender"
        raise InputError(f"{place}: the set has no images of role {missing} for it; build it again")
    by_level = {0.0: rerender} | {
        float(level): series[series["level"] == level] for level in sorted(series["level"].unique())
    }
    if len(by_level) < LEAST_LEVELS:
        raise InputError(
            f"{place}: {len(by_level)} levels, level 0 included; at least {LEAST_LEVELS} are "
            "needed: ask for longer series in the study, or leave this condition out"
        )
    cells = [
        (camera, light)
        for camera in sorted(target["camera"].unique())
        for light in sorted(target["light"].unique())
    ]
    condition = Condition(
        name=name,
        target=str(first["target"]),
        family=str(first["family"]),
        attribute=str(first["attribute"]),
        model=_text(first["model"]),
        layer=_text(first["layer"]),
        comparison=comparison,
        levels=tuple(by_level),
        target_images=_cells(target, cells, place),
        comparison_images={
            level: _cells(part, cells, f"{place}: level {level:g}")
            for level, part in by_level.items()
        },
        cameras=tuple(sorted(target["camera"].unique())),
        lights=tuple(sorted(target["light"].unique())),
        seeds=0,
    )
    return _checked(condition, config, place)


def _text(value: object) -> str:
    return "" if value is None or value != value else str(value)


def _cells(images: pd.DataFrame, cells: list[Cell], place: str) -> dict[Cell, tuple[Stimulus, ...]]:
    """Images by camera and light, in the order of their noise seeds."""
    made: dict[Cell, list[Stimulus]] = {cell: [] for cell in cells}
    columns = ["stimulus_id", "role", "camera", "light", "noise_seed", "physical_distance"]
    for row in images.sort_values("noise_seed")[columns].to_dict("records"):
        cell = (str(row["camera"]), str(row["light"]))
        if cell in made:
            made[cell].append(Stimulus(**{str(name): value for name, value in row.items()}))
    for (camera, light), found in made.items():
        if not found:
            raise InputError(
                f"{place}: no image at camera {camera} under light {light}, which the target has; "
                "build the set again, or name cameras and lights that are complete"
            )
    return {cell: tuple(found) for cell, found in made.items()}


def _checked(condition: Condition, config: ExperimentConfig, place: str) -> Condition:
    """Find out whether every trial can be filled with different images; count the noise seeds."""
    needed = TASKS[config.task].images
    sets = [condition.target_images, *condition.comparison_images.values()]
    seeds = min(len(images) for cells in sets for images in cells.values())
    for what, names in (("camera", condition.cameras), ("lighting", condition.lights)):
        if what in config.vary and len(names) < needed:
            raise InputError(
                f"{place}: vary: {what}: a trial of {config.task} shows {needed} images, and there "
                f"are {len(names)} ({', '.join(names)}); take {what} out of vary"
            )
    if "noise" in config.vary and seeds < needed:
        raise InputError(
            f"{place}: a trial of {config.task} shows {needed} images, and there are {seeds} noise "
            "seeds of a scene: no image may occur twice; ask for more in the study's stimuli"
        )
    return replace(condition, seeds=seeds)
