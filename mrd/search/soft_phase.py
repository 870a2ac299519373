"""The first phases of a search of a shape, in which target and render are matte in soft light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrd.criterion.bench import Bench
from mrd.criterion.null_and_ceiling import target_activations
from mrd.rendering.representation import as_map, mean_radiance
from mrd.rendering.to_mitsuba import pixels_of
from mrd.search.loss import check_targets
from mrd.search.step import Activations, LazyActivations
from mrd.study.search_section import SearchConfig
from mrd.study.shape_section import soft_ends
from scenes.arrays import Picture
from scenes.camera import Camera
from scenes.lamps import LAMPS
from scenes.lighting import Constant, EnvironmentMap
from scenes.material import Material
from scenes.scene import Light, Scene

ROWS = 16  # of the map of a soft light: pixels of 11 degrees
SAMPLES = 36  # of the target in a soft phase if it is matte: there is little noise
EVEN = 0.8  # share of the mean radiance in it; with .5, one search of four lost an ear


@dataclass(frozen=True)
class SoftPhase:
    """Sections of the scene that target and render have until step `end` of every start.

    `targets` is layer → activations (V, …) of the target with these sections.
    """

    look: Mapping[str, Any]
    targets: Activations
    end: int


def search_targets(
    target: Scene, config: SearchConfig, bench: Bench, views: Sequence[Camera]
) -> LazyActivations:
    """Return the activations that a search moves toward, rendered and checked when first read."""

    def computed() -> Activations:
        found = target_activations(target, config, bench, views)
        check_targets(config.loss, found)
        return found

    return LazyActivations(computed)


def matte(material: Material) -> Material:
    """Return a material with roughness 1 and without clearcoat; all else is unchanged."""
    roughness = material.roughness
    rough = Picture(np.ones_like(roughness.pixels)) if isinstance(roughness, Picture) else 1.0
    return material.model_copy(
        update={"roughness": rough, "clearcoat": 0.0, "clearcoat_gloss": 0.0, "anisotropic": 0.0}
    )


def soft(lighting: Light) -> Light:
    """Return a light of the same mean radiance: mostly even, with the coarse part of the light.

    A lamp is returned unchanged.
    """
    if isinstance(lighting, (Constant, *LAMPS)):
        return lighting
    coarse = as_map(lighting, ROWS)
    pixels = (1 - EVEN) * pixels_of(coarse) + EVEN * mean_radiance(coarse)
    return EnvironmentMap(radiance=Picture(pixels.astype(np.float32)))


def soft_phases(
    target: Scene, config: SearchConfig, bench: Bench, views: Sequence[Camera]
) -> tuple[SoftPhase, ...]:
    """Return the soft phases of a search, those that change something, in their order.

    In the first half, target and render are matte and in soft light; in the second, matte only.
    """
    light_end, end = soft_ends(config.soft_start, config.steps)
    material, lighting = {"material": matte(target.material)}, {"lighting": soft(target.lighting)}
    looks: dict[int, dict[str, Any]] = {}  # the last step of a look → the look
    for last, sections in ((light_end, material | lighting), (end, material)):
        looks[last] = {
            section: value
            for section, value in sections.items()
            if section not in config.attributes and value != getattr(target, section)
        }
    if light_end != end and looks[light_end] == looks[end]:
        del looks[light_end]
    is_matte = "material" not in config.attributes
    score = min(SAMPLES, config.samples.score) if is_matte else config.samples.score
    samples = config.samples.model_copy(update={"score": score})
    coarse = config.model_copy(update={"samples": samples})

    def phase(look: Mapping[str, Any], end: int) -> SoftPhase:
        scene = target.model_copy(update=look)
        return SoftPhase(look, search_targets(scene, coarse, bench, views), end)

    return tuple(phase(look, last) for last, look in looks.items() if last and look)
