"""Time of the analysis, and speed-up of psychometric fits by a second process.

20 simulated participants × 6 conditions × 400 trials, without the Bayesian part. Prints
``analysis_seconds`` (fits, mixed models, agreement, invariance, figures and page, but not reading)
and ``psychometric_speedup`` (seconds of the fits in one process ÷ in two).
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.config import AnalysisConfig
from analysis.findings import results
from analysis.report import files
from analysis.statistics import psychometric
from benchmarks.figure import figure

PEOPLE, TRIALS = 20, 400
ATTRIBUTES = ("shape", "material", "lighting")
TARGETS = ("bunny", "suzanne")
LEVELS = np.array([0.0, 0.1, 0.2, 0.4, 0.7, 1.0])
SEEDS = 8  # images of every scene


def main() -> None:
    """Time the whole analysis, then the fits in one process and in two."""
    rng = np.random.default_rng(1)
    trials, layers = simulated(rng)
    config = AnalysisConfig()
    begin = time.perf_counter()
    made = results.analyse(trials, layers, config, workers=2)
    with tempfile.TemporaryDirectory() as folder:
        source = files.ReportSource("benchmark", "none", "0" * 64, "0" * 64, True)
        files.write(made, Path(folder), source, config)
    seconds = time.perf_counter() - begin
    figure("analysis_seconds", seconds, trials=len(trials), left_out=list(made.left_out))

    cells = made.trials[made.trials["observer"].isin(sorted(set(trials["observer"]))[:10])]
    took = []
    for workers in (1, 2):
        begin = time.perf_counter()
        psychometric.fit(cells, by=("observer", "condition", "role"), workers=workers)
        took.append(time.perf_counter() - begin)
    figure("psychometric_speedup", took[0] / took[1], one=took[0], two=took[1])


def simulated(
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, dict[tuple[str, str], dict[str, pd.DataFrame]]]:
    """Return simulated trials of three attributes with controls, and distances of two layers."""
    conditions = [(a, role) for a in ATTRIBUTES for role in ("result", "control")]
    rows = pd.DataFrame(
        [
            (f"{person:02d}", attribute, role, TARGETS[trial % 2], LEVELS[trial // 2 % len(LEVELS)])
            for person in range(PEOPLE)
            for attribute, role in conditions
            for trial in range(TRIALS)
        ],
        columns=["observer", "attribute", "role", "target", "level"],
    )
    shift = 2.0 ** (0.4 * rng.standard_normal(PEOPLE))
    threshold = 0.3 * shift[rows["observer"].astype(int)]
    p = 1 / 3 + (2 / 3 - 0.02) * (1 - 0.5 ** ((rows["level"] / threshold) ** 2.5))
    family = rows["target"] + "-" + rows["attribute"]
    scene = family + "_" + rows["role"] + "_" + rows["level"].astype(str)
    image = [f"{name}_{seed}" for name, seed in zip(scene, _seeds(rng, len(rows)), strict=True)]
    trials = rows.assign(
        session="01", trial=range(len(rows)), phase="main", n=1, task="oddity", same=False,
        condition=rows["attribute"] + ", by net", family=family, model="net", layer="late",
        correct=(rng.random(len(rows)) < p).astype(int), stimulus=image,
        physical_distance=rows["level"], correct_response="third", special="comparison",
        response="first", response_time=1.0, dropped=0, finished=True, kind="simulated",
        at_result=rows["level"] == LEVELS[-1], verdict="metamer", unit="level", image_3=image,
        image_1=[f"{name}_target_{seed}" for name, seed in
                 zip(family, _seeds(rng, len(rows)), strict=True)],
    )  # fmt: skip
    trials["image_2"] = trials["image_1"].str.rsplit("_", n=1).str[0] + "_other"
    layers = {
        ("net", layer): {
            str(name): _distances(cell, gain, rng) for name, cell in trials.groupby("family")
        }
        for layer, gain in (("early", 0.2), ("late", 0.4))
    }
    return trials, layers


def _seeds(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(0, SEEDS, count)


def _distances(cell: pd.DataFrame, gain: float, rng: np.random.Generator) -> pd.DataFrame:
    names = sorted({*cell["image_1"], *cell["image_2"], *cell["image_3"]})
    level = np.array([0.0 if "_target_" in name else float(name.split("_")[2]) for name in names])
    noise = 0.01 * rng.random((len(names), len(names)))
    values = gain * np.abs(level[:, None] - level) + noise + noise.T
    np.fill_diagonal(values, 0)
    return pd.DataFrame(values, index=names, columns=names)


if __name__ == "__main__":
    main()
