"""The scene, the model and the score that all benchmarks of the search share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mrd.criterion.bench import Bench, display_images
from mrd.criterion.similarity import cosine, flattened
from mrd.models import registry
from mrd.models.base import Model
from mrd.rendering.representation import represented, start_scene
from mrd.rendering.stage import Stage, exposed
from mrd.rendering.to_mitsuba import form_of
from mrd.search.loop import Search
from mrd.search.match import Match
from mrd.study.model_section import ModelConfig
from mrd.study.search_groups import StartConfig
from mrd.study.search_section import SearchConfig
from scenes import library
from scenes.camera import Camera, Ring, cameras
from scenes.scene import Scene
from scenes.shape import Sphere

SCORING_LAYER = "head"  # EfficientNet-Lite0's last feature map
SCORING_SAMPLES = 144
VIEWS = 4
RESOLUTION = 128


def shape_search(radius: float = 1.0, **changes: Any) -> SearchConfig:
    """Return the default search of a shape, from a sphere of 2562 vertices."""
    start = StartConfig(shape=Sphere(subdivisions=4, radius=radius))
    return SearchConfig(attributes=("shape",), start=start, **changes)


def scenes_of(search: SearchConfig) -> tuple[Scene, Scene]:
    """Return the bunny under the studio light, and the start of the search."""
    scene = library.scene("bunny").model_copy(
        update={"cameras": Ring(count=VIEWS, resolution=RESOLUTION)}
    )
    target = represented(exposed(scene.loaded()), search)
    return target, start_scene(target, search.starts(), search)


def network(layers: tuple[str, ...]) -> Model:
    """Return EfficientNet-Lite0 with ImageNet weights after a blur of 1 pixel."""
    return registry.create(ModelConfig(network="efficientnet_lite0", layers=layers))


def search_by_head(config: SearchConfig) -> Search:
    """Return a search of the bunny's shape by the last feature map, at its start."""
    target, start = scenes_of(config)
    views, model = cameras(target.cameras), network((SCORING_LAYER,))
    bench = Bench(model, form_of(target))
    activations = model.activations(display_images(bench.stage(target), views, 16, noise=0))
    rng = np.random.default_rng(1)
    return Search(start, activations, views, bench, config, rng, Match())


class Score:
    """Mean cosine of the last feature map over the cameras, at scoring quality.

    The score of the scene `start` is progress 0, that of a re-render of `target` progress 1.
    """

    def __init__(self, target: Scene, start: Scene) -> None:
        self._model = network((SCORING_LAYER,))
        self._views: tuple[Camera, ...] = cameras(target.cameras)
        self._target = self._activation(target, index=0)
        self.ceiling = self._similarity(self._activation(target, index=1))
        self.start = self._similarity(self._activation(start, index=0))

    def progress(self, scene: Scene) -> float:
        """Return (s − s_start) / (s_ceiling − s_start)."""
        s = self._similarity(self._activation(scene, index=0))
        return (s - self.start) / (self.ceiling - self.start)

    @torch.no_grad()
    def _activation(self, scene: Scene, index: int) -> torch.Tensor:
        images = display_images(Stage(scene), self._views, SCORING_SAMPLES, index)
        return flattened(self._model.activations(images)[SCORING_LAYER])

    def _similarity(self, activation: torch.Tensor) -> float:
        return float(cosine(activation, self._target).mean())
