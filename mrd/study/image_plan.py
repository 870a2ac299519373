"""Which images a study asks for, and how many: known before anything is rendered."""

from __future__ import annotations

from typing import Any

from mrd.study.series import ResolvedSeries
from mrd.study.study import ResolvedRun


def series_of(run: ResolvedRun) -> ResolvedSeries:
    """Series of a run that has one.

    Raises
    ------
    ValueError
        It has none.
    """
    if run.series is None:
        raise ValueError(f"{run.name} has no series")
    return run.series


def asked_of_family(run: ResolvedRun) -> dict[str, Any]:
    """What the images of a family hang on, as JSON (each image is also known by its scene)."""
    search = run.record["search"]
    representing = (
        "attributes",
        "material_parameters",
        "texture_resolution",
        "textured_parameters",
        "environment_height",
        "sky_parameters",
    )
    return {
        "family": run.spec.family,
        "target": run.record["target"],
        "start": run.record["start"],
        "search": {name: search[name] for name in representing},
        "null": {"count": run.search.criterion.null, "seed": run.record["seeds"]["study"]},
        "series": series_of(run).record_of_family,
    }


def asked_of_run(run: ResolvedRun) -> dict[str, Any]:
    """What the images of a run hang on, as JSON."""
    # Records tell the verdict.
    floor = run.search.criterion.floor
    return {"run": run.name, "floor": floor, "series": series_of(run).record}


def of_family(run: ResolvedRun) -> int:
    """How many images a family shares."""
    series = series_of(run)
    scenes = 2 * series.config.noise_seeds + run.search.criterion.null
    return scenes * len(series.cameras) * len(series.lights)


def of_run(run: ResolvedRun) -> int:
    """How many images a run adds."""
    series = series_of(run)
    scenes = series.config.levels * (1 if run.spec.is_pixel_search else 2)
    return scenes * series.config.noise_seeds * len(series.cameras) * len(series.lights)
