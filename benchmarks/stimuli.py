"""Speed of writing, reading, opening and embedding sets, compared with the libraries alone.

``python -m benchmarks.stimuli [--images 200] [--resolution 256] [--rows 10000]``
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import h5py
import numpy as np
import pandas as pd
import torch
from scipy.ndimage import gaussian_filter

from benchmarks.figure import figure
from mrd.measures.embed import ModelToEmbed, embed
from mrd.measures.embed_family import BATCH
from mrd.models import registry
from mrd.study.model_section import ModelConfig
from scenes.camera import Ring
from scenes.film import Film
from scenes.scene import Scene
from scenes.shape import Sphere
from stimuli.encoding import display_values
from stimuli.packed_scene import packed
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import FILTERS
from stimuli.writing import write_set

REPEATS = 3
SEEDS = 3
OPENING = """
import sys, time
from pathlib import Path
import h5py, pandas, psutil
from stimuli.stimulus_set import StimulusSet
memory = psutil.Process().memory_info
before = memory().rss
start = time.perf_counter()
with StimulusSet(Path(sys.argv[1])) as stimuli:
    rows = len(stimuli.table)
seconds = time.perf_counter() - start
after = memory().rss
print(rows, seconds, (after - before) / 2**20, after / 2**20)
"""

SCENE = Scene(
    name="ball",
    shape=Sphere(subdivisions=1),
    cameras=Ring(count=2),
    film=Film(exposure=1.0, background=0.5),
)


def table(count: int, size: int) -> pd.DataFrame:
    """Return the rows of one family at one camera: target, re-renders and a series."""
    numbers = np.arange(count)
    steps = numbers // SEEDS
    return pd.DataFrame(
        {
            "stimulus_id": [f"ball-shape_{n:05d}" for n in numbers],
            "study": "benchmark",
            "family": "ball-shape",
            "target": "ball",
            "search": "shape",
            "attribute": "shape",
            "role": np.select([steps == 0, steps == 1], ["target", "rerender"], "series"),
            "level": np.maximum(steps - 1, 0) / steps.max(),
            "level_index": np.maximum(steps - 1, 0),
            "distance_measure": "chamfer",
            "camera": "c0",
            "held_out": False,
            "light": "own",
            "noise_seed": numbers % SEEDS,
            "renderer_seed": numbers,
            "samples": 256,
            "exposure": 1.0,
            "tone_curve": "srgb",
            "width": size,
            "height": size,
            "clipped": 0.0,
            "scene": SCENE.sha256,
            "texture_coordinates": False,
            "path_depth": 2,
            "matching_gain": 1.0,
            "matching_offset": 0.0,
        }
    )


def images(count: int, size: int) -> np.ndarray:
    """Return smooth images with a little noise, which compress about as much as renders."""
    rng = np.random.default_rng(1)
    smooth = gaussian_filter(rng.normal(size=(count, size, size, 3)), (0, size / 16, size / 16, 0))
    values = 128 + 40 * smooth / smooth.std() + rng.normal(size=smooth.shape)
    return np.clip(values, 0, 255).astype(np.uint8)


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def own_write(path: Path, pictures: np.ndarray) -> None:
    """Write images by h5py alone, with the same chunks and filter."""
    with h5py.File(path, "w") as file:
        chunks = (1, *pictures.shape[1:])
        made = file.create_dataset(
            "images", pictures.shape, pictures.dtype, chunks=chunks, **FILTERS["gzip"]
        )
        for row, picture in enumerate(pictures):
            made[row] = picture


def writing_and_reading(folder: Path, pictures: np.ndarray) -> Path:
    """Write and read images both ways, in turn; return the path of the set."""
    path, rows, scene = folder / "set.h5", table(len(pictures), pictures.shape[1]), packed(SCENE)
    pairs = []
    for _ in range(REPEATS):
        own = seconds(lambda: own_write(folder / "own.h5", pictures))
        ours = seconds(lambda: write_set(path, rows, pictures, [scene]))
        pairs.append((own, ours))
    figure(
        "set_write_speed",
        median(own / ours for own, ours in pairs),
        own_seconds=round(median(own for own, _ in pairs), 2),
        images=len(pictures),
        resolution=pictures.shape[1],
    )
    order = np.random.default_rng(2).permutation(len(pictures))
    with StimulusSet(path) as stimuli, h5py.File(folder / "own.h5", "r") as file:
        names = stimuli.table["stimulus_id"].to_numpy()[order]
        reads = []
        for _ in range(REPEATS):
            own = seconds(lambda: [file["images"][row] for row in order])
            ours = seconds(lambda: [stimuli.image(name) for name in names])
            reads.append((own, ours))
    figure(
        "image_read_time",
        median(ours / own for own, ours in reads),
        own_milliseconds=round(1e3 * median(own for own, _ in reads) / len(order), 2),
    )
    return path


def opening(folder: Path, rows: int) -> None:
    """Open a large set and read its table, in a new process."""
    path = folder / "many.h5"
    write_set(path, table(rows, 8), np.zeros((rows, 8, 8, 3), np.uint8), [packed(SCENE)])
    runs = [
        subprocess.run(
            [sys.executable, "-c", OPENING, str(path)], check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(REPEATS)
    ]
    figure("set_open_seconds", median(float(run[1]) for run in runs), rows=rows)
    figure(
        "set_open_megabytes",
        median(float(run[2]) for run in runs),
        process_megabytes=round(median(float(run[3]) for run in runs)),
    )


def embedding(path: Path, pictures: np.ndarray) -> None:
    """Embed the set, and run the network alone over the same batches."""
    config = ModelConfig(network="efficientnet_lite0")
    network = registry.create(config)
    batches = [
        torch.from_numpy(display_values(pictures[first : first + BATCH])).permute(0, 3, 1, 2)
        for first in range(0, len(pictures), BATCH)
    ]
    batches = [batch.contiguous() for batch in batches]

    def alone() -> None:
        with torch.no_grad():
            for batch in batches:
                network.activations(batch)

    alone()
    pairs = []
    for repeat in range(REPEATS):
        raw = seconds(alone)
        request = ModelToEmbed(f"network{repeat}", config)
        ours = seconds(lambda: embed(path, [request], {"shape": 0.9}, path.parent, "cpu"))  # noqa: B023
        made = seconds(lambda: registry.create(config).activations(batches[0][:1]))  # and prepared
        pairs.append((raw, ours, made))
    figure(
        "embed_throughput",
        median(raw / (ours - made) for raw, ours, made in pairs),
        images_per_second=round(len(pictures) / median(raw for raw, _, _ in pairs), 1),
        seconds_to_load=round(median(made for _, _, made in pairs), 2),
    )


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--rows", type=int, default=10_000)
    chosen = parser.parse_args()
    pictures = images(chosen.images, chosen.resolution)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = writing_and_reading(folder, pictures)
        opening(folder, chosen.rows)
        embedding(path, pictures)


if __name__ == "__main__":
    main()
