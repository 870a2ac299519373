"""Compare rendering the images of a series with Mitsuba's own renders of the same scenes.

Prints ``series_samples_ratio``: samples per second of `mrd.generate.images` (files, hashes and
records included) ÷ those of bare ``mi.render`` calls on the same scenes, cameras and sample counts.
Both run in one process, scene by scene in turn, so that other load of the machine affects both
equally.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.figure import figure

SAMPLES = 256
SEEDS = 3
LEVELS = 6


def main() -> None:
    """Time both on the levels of a material series of the bunny."""
    from mrd.rendering import backend

    backend.activate()
    import drjit as dr
    import mitsuba as mi
    import numpy as np

    from mrd.generate.images import render_shots
    from mrd.rendering import to_mitsuba
    from mrd.rendering.stage import noise_seed, with_film
    from mrd.study.image_directory import ImageDirectory
    from scenes import library
    from scenes.camera import Ring, cameras
    from scenes.interpolation import between
    from scenes.material import Material

    plain = library.scene("bunny").model_copy(update={"cameras": Ring(count=4, resolution=128)})
    target = with_film(plain.loaded(), exposure=1.0)
    end = target.model_copy(update={"material": Material(base_color=0.4, roughness=0.6)})
    views = cameras(target.cameras)
    form = to_mitsuba.form_of(target)

    def bare(scene: object, sensors: list[object], surface: object) -> None:
        for number, sensor in enumerate(sensors):
            for seed in range(SEEDS):
                image = mi.render(
                    scene,
                    sensor=sensor,
                    integrator=surface,
                    spp=SAMPLES,
                    seed=SEEDS * number + seed,
                )
                dr.eval(image)
                dr.sync_thread()

    seconds = {"bare": 0.0, "series": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        directory = ImageDirectory(Path(folder))
        for level, t in enumerate(np.linspace(0, 1, LEVELS)):
            scene = between(target, end, float(t), ["material"])
            shots = [
                {
                    "id": f"{level}/{view.name}_{seed}",
                    "camera": view.name,
                    "samples": SAMPLES,
                    "renderer_seed": noise_seed(scene.sha256, view.name, "own", seed),
                    "width": view.width,
                    "height": view.height,
                    "radiance_file": f"{level}/{view.name}_{seed}.exr",
                    "display_file": f"{level}/{view.name}_{seed}.png",
                }
                for view in views
                for seed in range(SEEDS)
            ]
            mitsuba_scene = to_mitsuba.to_mitsuba(scene, form)
            sensors = [to_mitsuba.sensor(view) for view in views]
            surface = to_mitsuba.surface_integrator(scene, form)

            began = time.perf_counter()
            bare(mitsuba_scene, sensors, surface)
            middle = time.perf_counter()
            for _ in render_shots(directory, scene, views, shots, form, "cpu"):
                pass
            ended = time.perf_counter()
            if level > 0:  # the first level compiles the kernels
                seconds["bare"] += middle - began
                seconds["series"] += ended - middle
    samples = (LEVELS - 1) * len(views) * SEEDS * SAMPLES * views[0].width * views[0].height
    figure(
        "series_samples_ratio",
        seconds["bare"] / seconds["series"],
        samples_per_second={name: samples / value for name, value in seconds.items()},
    )


if __name__ == "__main__":
    main()
