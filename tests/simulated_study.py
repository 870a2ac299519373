"""A study with a stimulus set and simulated people, made in seconds: nothing in it was rendered.

Two targets × two attributes, five levels, controls, and two models that see different attributes:
`shapely` sees shape and hardly material, `glossy` the reverse. Distances are given, not computed.
Material is interpolated between target and result; series of shape are trajectories, whose result
comes first and is followed by earlier states of the search. The vase's shape is no metamer.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from psychophysics import experiment
from psychophysics.config import ConstantStimuliConfig, ExperimentConfig
from psychophysics.observers import ModelObserver, Psychometric, SimulatedObserver
from psychophysics.trials import Trial
from scenes.material import Material
from scenes.scene import Scene
from scenes.shape import Sphere
from stimuli.findings import Findings
from stimuli.model_results import FamilyDistances, ModelResults, compared
from stimuli.packed_scene import packed
from stimuli.pixel_metamers import PixelMetamer
from stimuli.writing import write_set

SIZE, SEEDS = 16, 3
LEVELS = (0.1, 0.2, 0.4, 0.7, 1.0)
TARGETS = ("bunny", "vase")
MEASURES = {"shape": "chamfer", "material": "rms_log_reflectance"}
WARNINGS = ["the mesh intersects itself (5% of its faces)", "the mesh is inside out"]
KINDS = {"shape": "trajectory", "material": "interpolation"}
ENDS = {"shape": LEVELS[0], "material": LEVELS[-1]}  # levels of the results
NO_METAMER = "vase-shape"
Sensitivity = Mapping[str, Mapping[str, tuple[float, float]]]
SENSITIVITY: Sensitivity = {  # of the two models: to series and to controls of each attribute
    "shapely": {"shape": (0.5, 0.5), "material": (0.05, 0.05)},
    "glossy": {"shape": (0.05, 0.05), "material": (0.5, 0.5)},
}
GROWTH = 1.5  # distance is sensitivity × level to this power
NOISE = 0.004  # of distances between images of equal scenes


def table() -> pd.DataFrame:
    """Give the set's table: a row an image."""
    rows = []
    for target in TARGETS:
        for attribute, measure in MEASURES.items():
            family = f"{target}-{attribute}"
            common = {
                "study": "simulated", "family": family, "target": target, "search": attribute,
                "attribute": attribute, "distance_measure": measure, "light": "own",
                "samples": 16, "exposure": 1.0, "tone_curve": "srgb", "width": SIZE,
                "height": SIZE, "clipped": 0.0, "texture_coordinates": False, "path_depth": 2,
                "matching_gain": 1.0, "matching_offset": 0.0, "held_out": False,
            }  # fmt: skip
            parts: list[tuple[str, float, int]] = [("target", 0.0, 0), ("rerender", 0.0, 0)]
            for number, level in enumerate(LEVELS, start=1):
                role = "result" if level == ENDS[attribute] else "series"
                parts += [(role, level, number), ("control", level, number)]
            for role, level, number in parts:
                own: dict[str, Any] = {"role": role, "level": level, "level_index": number}
                own |= {"physical_distance": level, f"distance_{attribute}": level}
                if role not in ("target", "rerender"):
                    own |= {"run": f"{family}-shapely-s1", "model": "shapely", "layer": "late"}
                    own |= {"seed": 1, "match": 0.95, "series_kind": KINDS[attribute]}
                    verdict = "result" if family == NO_METAMER else "metamer"
                    own |= {} if role == "control" else {"verdict": verdict}
                for camera in ("c0", "c1"):
                    for n in range(SEEDS):
                        seed = n + SEEDS if role == "rerender" else n
                        name = f"{family}_{role}-{number}_{camera}_own_{seed}"
                        row = {"stimulus_id": name, "camera": camera, "noise_seed": seed}
                        rows.append(common | own | row | {"renderer_seed": len(rows)})
    return pd.DataFrame(rows)


def write(folder: Path, seed: int = 0, sensitivity: Sensitivity = SENSITIVITY) -> Path:
    """Write ``stimuli.h5`` of the study, with the distances of some models."""
    rows = table()
    scene = packed(Scene(name="ball", shape=Sphere(subdivisions=1), material=Material()))
    rows["scene"] = scene.sha256
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 255, (len(rows), SIZE, SIZE, 3)).astype(np.uint8)
    models = {
        name: ModelResults(
            {"network": name},
            {
                "late": {
                    family: _distances(rows, family, sees, rng)
                    for family in rows["family"].unique()
                }
            },
        )
        for name, sees in sensitivity.items()
    }
    path = folder / "stimuli.h5"
    also = {"pixel_metamers": [pixel_metamer(rng)], "findings": findings()}
    write_set(path, rows, images, [scene], models=models, **also)
    return path


def findings() -> Findings:
    """Give a prediction of three parameters, and three reaches: numbers made up."""
    amounts: dict[str, tuple[str, float | None, float | None]] = {
        "roughness": ("material", 0.01, 0.03), "metallic": ("material", 0.002, 0.004),
        "shape.mode1": ("shape", None, None),
    }  # fmt: skip
    parameters = [
        {"name": name, "attribute": attribute, "unit": "of its range, 0 to 1",
         "threshold": threshold, "distance": distance, "measure": MEASURES[attribute],
         "agreement": 0.3 if name == "metallic" else 0.9, "clipped": False}
        for name, (attribute, threshold, distance) in amounts.items()
    ]  # fmt: skip
    settings = {"rerenders": 8, "samples": 144, "derivative_samples": 256, "floor": 0.1}
    predicted = {
        "names": {"study": "simulated", "target": "bunny", "model": "shapely"},
        "layers": ["late"], "cameras": ["c0", "c1"], "asked": {"fisher": settings},
        "parameters": parameters, "fisher_information": np.eye(3).tolist(), "sha256": "a" * 64,
    }  # fmt: skip
    starts = [{"distance": 1.0, "match": 0.95, "verdict": "metamer"}] * 2
    starts += [{"distance": 0.6, "match": 0.85, "verdict": "result"}]
    control = {"distance": 0.25, "match": 0.93, "failed_at": 0.26, "judged": 10}
    reach: dict[str, Any] = {"distance": 1.0, "bound": "lower", "starts": starts}
    changes: dict[str, dict[str, Any]] = {
        "bunny-material": {"control": control},
        "vase-material": {"control": control | {"failed_at": None}},
        "vase-shape": {"distance": None, "starts": starts[2:]},
    }
    reaches = {
        f"{family}-shapely-s1": {
            "target": family.split("-")[0], "attribute": family.split("-")[1], "model": "shapely",
            "layer": "late", "sha256": "b" * 64,
            "reach": reach | {"measure": MEASURES[family.split("-")[1]]} | change,
        }
        for family, change in changes.items()
    }  # fmt: skip
    recovered = {
        "target": "vase", "search": "shape", "attribute": "shape", "model": "shapely",
        "layer": "late", "sha256": "c" * 64, "verdict": "recovered",
        "recovery": {
            "recovered": True, "errors": {"shape": {"chamfer": 0.004, "volume_iou": 0.97}},
            "units": {"shape": {"chamfer": "radii", "volume_iou": ""}},
        },
    }  # fmt: skip
    return Findings(
        {"bunny-shapely-01234567": predicted},
        reaches,
        {"vase-shape-shapely-s2": recovered},
        {"vase-shape-shapely-s1": {"warnings": WARNINGS, "sha256": "b" * 64}},
    )


def pixel_metamer(rng: np.random.Generator) -> PixelMetamer:
    """Give a pixel metamer beside one of the runs: numbers and pictures made up."""
    row = {"scene_match": 0.95, "pixel_match": 0.951, "scene_rms": 0.0321, "pixel_rms": 0.2345}
    record = {
        "run": "bunny-shape-shapely-s1", "target": "bunny", "attribute": "shape",
        "model": "shapely", "layer": "late", "scene_verdict": "metamer",
        "pixel_verdict": "result",
        "cameras": [
            row | {"camera": "c0", "step": 120, "reached": True},
            row | {"camera": "c1", "step": 2000, "reached": False, "pixel_match": 0.9},
        ],
    }  # fmt: skip
    pictures = rng.integers(0, 255, (3, 2, SIZE, SIZE, 3)).astype(np.uint8)
    return PixelMetamer(str(record["run"]), record, *pictures)


def _distances(
    rows: pd.DataFrame,
    family: str,
    sees: Mapping[str, tuple[float, float]],
    rng: np.random.Generator,
) -> FamilyDistances:
    """Return distances that grow with the difference of levels; controls have the other sign."""
    own = compared(rows, family)
    series, controls = sees[str(own["attribute"].iloc[0])]
    control = (own["role"] == "control").to_numpy()
    level = own["level"].to_numpy(float) * np.where(control, -1, 1)
    gain = np.where(control[:, None] | control, controls, series)
    between = gain * np.abs(level[:, None] - level) ** GROWTH
    noise = NOISE * rng.random(between.shape)
    between = between + noise + noise.T + 0.01
    np.fill_diagonal(between, 0)
    return FamilyDistances(between.astype(np.float32))


class Group:
    """Simulated people: a threshold for each attribute, spread between people."""

    def __init__(self, thresholds: Mapping[str, float], spread: float, rng: np.random.Generator):
        shift = spread * rng.standard_normal()
        self.observers = {
            attribute: Psychometric(float(threshold * 2.0**shift), width=1.5, lapse=0.01)
            for attribute, threshold in thresholds.items()
        }


class SimulatedPerson:
    """One observer of the real session loop, with its own function for each attribute."""

    def __init__(self, group: Group, task: Any, rng: np.random.Generator) -> None:
        self._each = {
            attribute: SimulatedObserver(function, task, rng)
            for attribute, function in group.observers.items()
        }

    def answer(self, trial: Trial) -> Any:
        return self._each[trial.condition.attribute].answer(trial)

    def begin(self, trial: Trial, before: Trial | None) -> None:
        """Need no instruction."""

    def rest(self, trial: Trial, done: int) -> None:
        """Need no rest."""

    def give_feedback(self, trial: Trial, answer: Any) -> None:
        """Learn nothing."""

    def end(self) -> None:
        """Need no thanks."""


def answer(
    folder: Path,
    people: int,
    *,
    task: str = "oddity",
    trials: int = 12,
    thresholds: Mapping[str, float] | None = None,
    spread: float = 0.3,
    seed: int = 1,
    attributes: Sequence[str] | None = None,
) -> Path:
    """Let simulated people do the experiment; their sessions go to ``data-simulated/``."""
    made = _prepared(folder, task, trials, seed, attributes)
    rng = np.random.default_rng(seed)
    wanted = thresholds or {"shape": 0.3, "material": 0.3}
    groups = [Group(wanted, spread, rng) for _ in range(people)]
    return _sit(
        made,
        folder,
        [lambda _, own, g=group: SimulatedPerson(g, made.task, own) for group in groups],
    )


def answer_by_distances(
    folder: Path,
    people: int,
    model: str,
    *,
    noise: float,
    task: str = "oddity",
    trials: int = 12,
    spread: float = 0.0,
    seed: int = 1,
) -> Path:
    """Let people answer who see as a model does: by its distances, with noise.

    Their noise differs by a factor of 2 to the power of a normal of standard deviation `spread`.
    """
    made = _prepared(folder, task, trials, seed)
    shift = spread * np.random.default_rng(seed).standard_normal(people)
    families = {condition.family for condition in made.conditions}
    distances = {name: made.stimuli.distances(model, "late", name) for name in families}
    return _sit(
        made,
        folder,
        [
            lambda _, own, s=float(noise * 2**each): ModelObserver(
                distances, made.task, noise=s, lapse=0.02, criterion=0.0, rng=own
            )
            for each in shift
        ],
    )


def _prepared(
    folder: Path, task: str, trials: int, seed: int, attributes: Sequence[str] | None = None
) -> experiment.Experiment:
    config = ExperimentConfig(
        task=task,
        procedure=ConstantStimuliConfig(trials=trials),
        practice={"trials": 0},
        catch=8,
        attributes=attributes,
    )
    return experiment.prepare("simulated", seed, config, folder / "stimuli.h5")


def _sit(made: experiment.Experiment, folder: Path, observers: Sequence[Any]) -> Path:
    """Run a session of each observer."""
    data = folder / "data-simulated"
    with made.stimuli:
        for number, observer in enumerate(observers, start=1):
            seat = experiment.seat(made, data, f"{number:02d}", "01", "simulated")
            experiment.run(made, seat, data, observer, {}, durable=False)
    return data
