"""Time of a search step relative to its raw parts: Mitsuba's primal and adjoint, torch's passes.

Same scene, sizes and samples for both; step and parts are timed in turn, so that other load of the
machine affects both equally. Prints ``step_overhead``, median step ÷ sum of median parts.
"""

from __future__ import annotations

from statistics import median

from benchmarks.figure import figure

STEPS = 60
WARM_UP = 10  # kernels are compiled in the first steps


def main() -> None:
    """Time steps of a shape search, and their parts."""
    from mrd.rendering import backend

    backend.activate()
    from benchmarks.clock import timed
    from benchmarks.parts import raw_parts
    from benchmarks.subject import search_by_head, shape_search

    config = shape_search(remeshing=None)  # the raw parts have the mesh of the start
    search = search_by_head(config)

    wanted = search.targets["head"][: config.views_per_step]
    parts = raw_parts(search.start, config, search.bench.model, wanted, "head")
    seconds: dict[str, list[float]] = {
        name: [] for name in ("step", *(part.__name__ for part in parts))
    }
    for number in range(WARM_UP + STEPS):
        for name, call in zip(seconds, (search.step, *parts), strict=True):
            taken = timed(call)
            if number >= WARM_UP:
                seconds[name].append(taken)
    medians = {name: median(values) for name, values in seconds.items()}
    raw = sum(medians[part.__name__] for part in parts)
    figure("step_overhead", medians["step"] / raw, seconds=medians)


if __name__ == "__main__":
    main()
