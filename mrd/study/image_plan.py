"""Which images a study needs, and how many; known before any is rendered.

A family is a target with one search; all runs of a family share its images.
"""

from typing import Any

from mrd.study.resolved_run import ResolvedRun
from mrd.study.series import ResolvedSeries

_REPRESENTATION = (
    "attributes",
    "material_parameters",
    "texture_resolution",
    "textured_parameters",
    "environment_height",
    "sky_parameters",
    "object",
    "lamp",
    "lamp_parameters",
)


def series_of(run: ResolvedRun) -> ResolvedSeries:
    """Return the series of a run; raise `ValueError` if it has none."""
    if run.series is None:
        raise ValueError(f"{run.name} has no series")
    return run.series


def inputs_of_family(run: ResolvedRun) -> dict[str, Any]:
    """Return the inputs that determine the images of a run's family, as JSON."""
    search = run.record["search"]
    return {
        "family": run.spec.family,
        "target": run.record["target"],
        "start": run.record["start"],
        "search": {name: search[name] for name in _REPRESENTATION if name in search},
        "null": {"count": run.search.criterion.null, "seed": run.record["seeds"]["study"]},
        "series": series_of(run).record_of_family,
    }


def inputs_of_run(run: ResolvedRun) -> dict[str, Any]:
    """Return the inputs that determine a run's images, as JSON."""
    rule = run.search.criterion.rule.record()  # image records contain the verdict
    return {"run": run.name, **rule, "series": series_of(run).record}


def count_of_family(run: ResolvedRun) -> int:
    """Return the number of images that all runs of a family share: target, re-renders, null."""
    series = series_of(run)
    scenes = 2 * series.config.noise_seeds + run.search.criterion.null
    return scenes * len(series.cameras) * len(series.lights)


def count_of_run(run: ResolvedRun) -> int:
    """Return the number of images of one run: levels and, except in a pixel search, controls."""
    series = series_of(run)
    scenes = series.config.levels * (1 if run.spec.is_pixel_search else 2)
    return scenes * series.config.noise_seeds * len(series.cameras) * len(series.lights)
