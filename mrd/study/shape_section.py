"""The keys of a search that concern its shape, and their defaults."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mrd.study.fields import Count, Rate, Weight, distinct
from scenes.base.frozen import Frozen

# What a search of a shape has by default if its remeshing is "auto" (benchmarks/README.md).
AUTO: Literal["auto"] = "auto"
AUTO_STEPS = 800
AUTO_SMOOTHNESS = 3.0
AUTO_SOFT_START = 0.6

# λ with mode: diverge. Only smooth changes keep the match at cameras that the search does not see.
DIVERGE_SMOOTHNESS = MOST_SMOOTHNESS = 1000.0


def soft_ends(soft_start: float, steps: int) -> tuple[int, int]:
    """Return the last steps with soft light and with a matte material, 0 for none, of a start.

    They are below `steps`: the last step uses the target alone.
    """
    end = min(round(soft_start * steps), steps - 1)
    return end // 2, end


class Regularisers(Frozen):
    """Weights, 0 (off) to 1000, of penalties on a searched mesh (`mrd.search.regularisers`).

    Parameters
    ----------
    edge_length
        Weight of the mean squared edge length, which is 1 at the start.
    area
        Weight of the surface's area, which is 1 at the start.
    laplacian
        Weight of the mean squared distance of a vertex from the mean of its neighbours, in units of
        the start's mean squared edge length.
    """

    edge_length: Weight = 0.0
    area: Weight = 0.0
    laplacian: Weight = 0.0


class Remeshing(Frozen):
    """Remeshing of a searched shape at given steps (Botsch & Kobbelt 2004).

    Parameters
    ----------
    at
        Steps after which the shape is remeshed, in growing order, each before the last step.
    edge
        Edge length of the new triangles, in mean edge lengths of the start, above 0 and at most 10.
    rate
        Factor on the learning rate of the shape at each remeshing, above 0 and at most 1.
    """

    at: Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(distinct)]
    edge: Rate = 1.0
    rate: float = Field(default=1.0, strict=True, gt=0, le=1)


def with_shape_defaults(search: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a search, with the defaults that a searched shape needs.

    `remeshing` is "auto" by default if the search moves a shape toward a target with Adam.
    """
    searched = search.get("attributes")
    searched = searched if isinstance(searched, list | tuple) else ()
    if "shape" in searched and search.get("mode") == "diverge":
        return {"smoothness": DIVERGE_SMOOTHNESS, **search}
    is_match = search.get("mode", "match") == "match" and search.get("optimiser", "adam") == "adam"
    if "shape" in searched and is_match:
        search = {"remeshing": AUTO, **search}
    if search.get("remeshing") != AUTO:
        return dict(search)
    defaults: dict[str, Any] = {
        "steps": AUTO_STEPS,
        "smoothness": AUTO_SMOOTHNESS,
        "schedule": "cosine",
    }
    if not {"material", "lighting"} <= set(searched):  # both are then left as they are
        defaults["soft_start"] = AUTO_SOFT_START
    return {**defaults, **search}
