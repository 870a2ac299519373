"""Growth of memory in a long search: the process at step 1000 ÷ at step 50."""

from __future__ import annotations

import psutil

from benchmarks.figure import figure

EARLY, LATE = 50, 1000


def main() -> None:
    """Run a shape search of 1000 steps, at the size of the other benchmarks."""
    from mrd.rendering import backend

    backend.activate()
    import numpy as np

    from benchmarks.subject import network, scenes_of, shape_search
    from mrd.criterion.bench import Bench, display_images
    from mrd.rendering.to_mitsuba import form_of
    from mrd.search.loop import Search
    from mrd.search.match import Match
    from scenes.camera import cameras

    config = shape_search(steps=LATE, remeshing=None)  # a finer mesh would take more memory
    target, start = scenes_of(config)
    views = cameras(target.cameras)
    model = network(("head",))
    bench = Bench(model, form_of(target.material))
    activations = model.activations(display_images(bench.stage(target), views, 16, noise=0))
    rng = np.random.default_rng(1)
    search = Search(start, activations, views, bench, config, rng, Match())
    process = psutil.Process()
    megabytes = {}
    for step in search.steps():
        if step.step in (EARLY, LATE):
            megabytes[step.step] = process.memory_info().rss / 2**20
    figure("memory_growth", megabytes[LATE] / megabytes[EARLY], megabytes=megabytes)


if __name__ == "__main__":
    main()
