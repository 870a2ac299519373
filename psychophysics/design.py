"""Conditions of an experiment, from the table of a stimulus set.

An image is identified by its side (target or comparison), level, camera, light and the rank of its
noise seed among otherwise equal images.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product

import pandas as pd

from psychophysics.config import LEAST_LEVELS, ExperimentConfig
from psychophysics.tasks.base import Side
from psychophysics.tasks.registry import TASKS
from scenes.base.errors import InputError, nearest

ROLES = {"result": ("series", "result"), "control": ("control",), "pixel": ("pixel",)}
SERIES = ["family", "run"]  # columns that identify a series


@dataclass(frozen=True, slots=True)
class Stimulus:
    """A stored image, with the properties that a trial's row records."""

    stimulus_id: str
    role: str
    camera: str
    light: str
    noise_seed: int
    physical_distance: float


Cell = tuple[str, str]  # camera, light


@dataclass(frozen=True)
class Condition:
    """A target and a series of comparisons."""

    name: str  # <run>-<comparison>, unique in the experiment
    target: str
    family: str
    attribute: str
    model: str
    layer: str
    comparison: str  # result, control or pixel
    levels: tuple[float, ...]  # ascending; 0 is the target rendered again
    # Images of each camera and light, in the order of their noise seeds.
    target_images: Mapping[Cell, tuple[Stimulus, ...]] = field(repr=False)
    comparison_images: Mapping[float, Mapping[Cell, tuple[Stimulus, ...]]] = field(repr=False)
    # Cameras and lights of the target, and how many noise seeds every camera and light has.
    cameras: tuple[str, ...]
    lights: tuple[str, ...]
    seeds: int

    def image(self, side: Side, level: float, cell: Cell, rank: int) -> Stimulus:
        """Return the image of one side, level, camera and light whose noise seed has this rank."""
        images = self.target_images if side == "target" else self.comparison_images[level]
        return images[cell][rank]


def find_conditions(table: pd.DataFrame, config: ExperimentConfig, where: str) -> list[Condition]:
    """Return the conditions of an experiment, sorted by name.

    `where` names the set in messages. Raise if a name is not in the set, no condition remains, a
    condition has too few levels, or a trial cannot be filled with different images.
    """
    for key in ("targets", "models", "attributes"):
        _names_exist(getattr(config, key), table[key.removesuffix("s")], key, where)
    _names_exist(config.lights, table["light"], "lights", where)
    images = _selected(table, config)
    compared = images
    if config.models:
        compared = images[images["model"].isin(config.models) | (images["role"] == "pixel")]
    conditions = [
        _condition(images, part, comparison, config, where)
        for _, series in compared.groupby(SERIES)
        for comparison in config.comparisons
        if len(part := series[series["role"].isin(ROLES[comparison])])
    ]
    if not conditions:
        raise InputError(
            f"{where}: experiment: no series of {', '.join(config.comparisons)} is left "
            f"with these targets, models and attributes; the set has {_contents(table)}"
        )
    return sorted(conditions, key=lambda condition: condition.name)


def _names_exist(names: tuple[str, ...] | None, column: pd.Series, key: str, where: str) -> None:
    valid = sorted({str(value) for value in column.dropna()} - {""})
    for name in names or ():
        if name not in valid:
            raise InputError(
                f"{where}: experiment.{key}: the set has no '{name}'; {nearest(name, valid)} "
                f"it has: {', '.join(valid)}"
            )


def _selected(table: pd.DataFrame, config: ExperimentConfig) -> pd.DataFrame:
    """Return the rows of images that the experiment may show; null scenes are never shown."""
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


def _contents(table: pd.DataFrame) -> str:
    shown = table[table["role"] != "null"]
    parts = [
        f"{name}s {', '.join(sorted({str(v) for v in shown[name].dropna()} - {''}))}"
        for name in ("target", "model", "attribute", "role")
    ]
    return "; ".join(parts)


def _condition(
    images: pd.DataFrame,
    series: pd.DataFrame,
    comparison: str,
    config: ExperimentConfig,
    where: str,
) -> Condition:
    first = series.iloc[0]
    name = f"{first['run']}-{comparison}"
    place = f"{where}: condition {name}"
    family = images[images["family"] == first["family"]]
    target, rerender = (family[family["role"] == role] for role in ("target", "rerender"))
    if not len(target) or not len(rerender):
        missing = "target" if not len(target) else "rerender"
        raise InputError(f"{place}: the set has no images of role {missing}; build the set again")
    by_level = {0.0: rerender} | {
        float(level): series[series["level"] == level] for level in sorted(series["level"].unique())
    }
    if len(by_level) < LEAST_LEVELS:
        raise InputError(
            f"{place}: {len(by_level)} levels, level 0 included; at least {LEAST_LEVELS} are "
            "needed: make the series in the study longer, or leave this condition out"
        )
    cameras, lights = (tuple(sorted(target[name].unique())) for name in ("camera", "light"))
    cells = list(product(cameras, lights))
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
        cameras=cameras,
        lights=lights,
        seeds=0,
    )
    return _with_seeds(condition, config, place)


def _text(value: object) -> str:
    return "" if value is None or value != value else str(value)


def _cells(images: pd.DataFrame, cells: list[Cell], place: str) -> dict[Cell, tuple[Stimulus, ...]]:
    """Return the images of each camera and light, in the order of their noise seeds."""
    by_cell: dict[Cell, list[Stimulus]] = {cell: [] for cell in cells}
    columns = ["stimulus_id", "role", "camera", "light", "noise_seed", "physical_distance"]
    for row in images.sort_values("noise_seed")[columns].to_dict("records"):
        cell = (str(row["camera"]), str(row["light"]))
        if cell in by_cell:
            by_cell[cell].append(Stimulus(**{str(name): value for name, value in row.items()}))
    for (camera, light), stimuli in by_cell.items():
        if not stimuli:
            raise InputError(
                f"{place}: no image at camera {camera} under light {light}, which the target has; "
                "build the set again, or name cameras and lights that are complete"
            )
    return {cell: tuple(stimuli) for cell, stimuli in by_cell.items()}


def _with_seeds(condition: Condition, config: ExperimentConfig, place: str) -> Condition:
    """Set the condition's number of noise seeds; raise if a trial needs more images."""
    needed = TASKS[config.task].images
    sets = [condition.target_images, *condition.comparison_images.values()]
    seeds = min(len(images) for cells in sets for images in cells.values())
    for what, names in (("camera", condition.cameras), ("lighting", condition.lights)):
        if what in config.vary and len(names) < needed:
            raise InputError(
                f"{place}: vary: {what}: a trial of {config.task} shows {needed} images, and the "
                f"set has {len(names)} ({', '.join(names)}); remove {what} from vary"
            )
    if "noise" in config.vary and seeds < needed:
        raise InputError(
            f"{place}: a trial of {config.task} shows {needed} different images, and the set has "
            f"{seeds} noise seeds of a scene; set more in the study's stimuli"
        )
    return replace(condition, seeds=seeds)
