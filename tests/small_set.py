"""A tiny but complete stimulus set: two families, every role, two models' distances.

Images are a pattern that changes with the level, and noise; "distances" are those of two simple
models (a blurred image, and its rows' means), so that they grow with the level.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scenes.camera import Ring
from scenes.film import Film
from scenes.material import Material
from scenes.scene import Scene
from scenes.shape import Sphere
from stimuli.model_results import FamilyDistances, ModelResults, compared, nulls, targets_by_view
from stimuli.packed_scene import PackedScene, packed
from stimuli.writing import write_set

SIZE, SEEDS, NULLS = 16, 3, 4
CAMERAS = {"c0": False, "c1": False, "h0": True}
FAMILIES = {  # name → target, search, attribute, distance measure
    "vase-material": ("vase", "material", "material", "rms_log_reflectance"),
    "vase-shape": ("vase", "shape", "shape", "chamfer"),
}


STUDY = {
    "name": "small",
    "models": {"net": {"network": "pixels"}},
    "searches": {search: {"criterion": {"floor": 0.9}} for _, search, _, _ in FAMILIES.values()},
}


def small_table() -> pd.DataFrame:
    """Give the table of the set, without the scenes' hashes."""
    rows = []
    for family, (target, search, attribute, measure) in FAMILIES.items():
        common = {
            "study": "small", "family": family, "target": target, "search": search,
            "attribute": attribute, "distance_measure": measure, "light": "own", "samples": 256,
            "exposure": 1.0, "tone_curve": "srgb", "width": SIZE, "height": SIZE,
            "clipped": 0.0, "texture_coordinates": False, "path_depth": 2,
            "matching_gain": 1.0, "matching_offset": 0.0,
        }  # fmt: skip
        parts = [("target", 0.0, 0), ("rerender", 0.0, 0)]
        parts += [("series", 0.5, 1), ("result", 1.0, 2)]
        parts += [
            (role, level, i) for role in ("control", "pixel") for i, level in ((1, 0.5), (2, 1.0))
        ]
        parts += [("null", None, n) for n in range(NULLS)]
        for role, level, index in parts:
            own = {"role": role, "level": level, "level_index": index}
            own |= {"physical_distance": 2.0 if level is None else 0.4 * level}
            own[f"distance_{attribute}"] = own["physical_distance"]
            if role not in ("target", "rerender", "null"):
                model = "pixels" if role == "pixel" else "net"
                own |= {"run": f"{family}-{model}-s1", "model": model, "seed": 1, "match": 0.95}
                own |= {"layer": "pixels" if role == "pixel" else "early;late"}
                own |= {"series_kind": "interpolation"}
                own |= {} if role == "control" else {"verdict": "metamer"}
            for camera, held_out in CAMERAS.items():
                for n in range(1 if role == "null" else SEEDS):
                    seed = n + SEEDS if role == "rerender" else n  # the target's scene again
                    name = f"{family}_{role}-{index}_{camera}_own_{seed}"
                    rows.append(
                        common | own
                        | {"stimulus_id": name, "camera": camera, "held_out": held_out,
                           "noise_seed": seed, "renderer_seed": _number(name)}
                    )  # fmt: skip
    return pd.DataFrame(rows)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def small_scene(row: Any) -> Scene:
    """Give the scene of a row: a sphere whose colour is its own."""
    shade = _number(f"{row.family}{row.role}{row.level_index}") / 2**32
    if row.role in ("target", "rerender"):
        shade = 0.5
    return Scene(
        name="vase",
        shape=Sphere(subdivisions=1),
        material=Material(base_color=(shade, 0.5, 0.5)),
        cameras=Ring(count=2, held_out=1, resolution=SIZE),
        film=Film(exposure=1.0, background=0.5),
    )


def small_image(row: Any, bits: int = 8) -> np.ndarray:
    """Give the image of a row: the camera's pattern, moved by the level, with its own noise."""
    base = np.random.default_rng(_number(row.family + row.camera)).normal(size=(SIZE, SIZE, 3))
    who = f"{row.role}{row.level_index}" if row.role == "null" else str(row.model)
    who = "control" if row.role == "control" else who
    other = np.random.default_rng(_number(row.family + row.camera + who)).normal(size=base.shape)
    amount = 2.0 if row.role == "null" else 0.6 * row.level
    noise = 0.05 * np.random.default_rng(int(row.renderer_seed)).normal(size=base.shape)
    top = 2**bits - 1
    values = np.clip(0.5 + 0.1 * (base + amount * other + noise), 0, 1)
    return np.round(values * top).astype(np.uint8 if bits == 8 else np.uint16)


def small_results(table: pd.DataFrame, images: np.ndarray) -> dict[str, ModelResults]:
    """Give the distances of two models: pooled images (two layers), and means of rows."""
    flat = images.astype(float)
    pooled = flat.reshape(len(flat), SIZE // 2, 2, SIZE // 2, 2, 3).mean(axis=(2, 4))
    layers = {
        "net": {"early": flat, "late": pooled},
        "other": {"rows": flat.mean(axis=2)},
    }
    return {
        model: ModelResults(
            {"network": model},
            {
                layer: {family: _distances(table, family, values) for family in FAMILIES}
                for layer, values in activations.items()
            },
        )
        for model, activations in layers.items()
    }


def _distances(table: pd.DataFrame, family: str, activations: np.ndarray) -> FamilyDistances:
    rows = activations.reshape(len(activations), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    own = rows[compared(table, family).index]
    between = 1 - own @ own.T
    np.fill_diagonal(between, 0)
    targets = targets_by_view(table, family)
    against = [
        1 - rows[targets[null.camera, null.light].index] @ rows[null.Index]
        for null in nulls(table, family).itertuples()
    ]
    return FamilyDistances(
        ((between + between.T) / 2).astype(np.float32), np.array(against, np.float32)
    )


@cache
def _parts() -> tuple[pd.DataFrame, np.ndarray, list[PackedScene], dict[str, ModelResults]]:
    table = small_table()
    rows = list(table.itertuples())
    scenes = [packed(small_scene(row)) for row in rows]
    table["scene"] = [scene.sha256 for scene in scenes]
    images = np.array([small_image(row) for row in rows])
    return table, images, scenes, small_results(table, images)


def small_parts() -> tuple[pd.DataFrame, np.ndarray, list[PackedScene]]:
    """Give the table, images and scenes of the set, to be changed."""
    table, images, scenes, _ = _parts()
    return table.copy(), images.copy(), list(scenes)


def write_small_set(path: Path, rows: Any = None, **changes: object) -> Path:
    """Write the set, or some `rows` of it without models; `changes` replace other arguments."""
    table, images, scenes, models = _parts()
    arguments = {
        "table": table, "images": images, "scenes": scenes,
        "provenance": {"study": STUDY}, "models": models,
    }  # fmt: skip
    if rows is not None:
        kept = {"table": table[rows].reset_index(drop=True), "images": images[rows], "models": {}}
        arguments |= kept
    write_set(path, **(arguments | changes))
    return path
