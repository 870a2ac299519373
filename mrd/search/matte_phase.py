"""The first part of a search of a shape, in which target and render are matte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mrd.criterion.bench import Bench
from mrd.criterion.null_and_ceiling import target_activations
from mrd.study.search_section import SearchConfig
from scenes.arrays import Picture
from scenes.camera import Camera
from scenes.material import Material
from scenes.scene import Scene


@dataclass(frozen=True)
class MattePhase:
    """The material of target and render in the first `steps` of every start, and its target.

    `targets` is layer → activations (V, …) of the target with this material.
    """

    material: Material
    targets: dict[str, torch.Tensor]
    steps: int


def matte(material: Material) -> Material:
    """Return a material with roughness 1 and without clearcoat; all else is unchanged."""
    roughness = material.roughness
    rough = Picture(np.ones_like(roughness.pixels)) if isinstance(roughness, Picture) else 1.0
    return material.model_copy(
        update={"roughness": rough, "clearcoat": 0.0, "clearcoat_gloss": 0.0, "anisotropic": 0.0}
    )


def matte_phase(
    target: Scene, config: SearchConfig, bench: Bench, views: Sequence[Camera]
) -> MattePhase | None:
    """Return the matte phase of a search, or None if it has none or its target is matte."""
    steps = round(config.matte_first * config.steps)
    material = matte(target.material)
    if not steps or target.material.roughness == 1.0 or material == target.material:
        return None
    modified = target.model_copy(update={"material": material})
    return MattePhase(material, target_activations(modified, config, bench, views), steps)
