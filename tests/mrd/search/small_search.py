"""A search on pixels of a small target, for tests of the loop and its modes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mrd.criterion.bench import Bench, display_images
from mrd.models import registry
from mrd.rendering.representation import form_of_family, represented, start_scene
from mrd.search.loop import Search
from mrd.search.match import Match
from mrd.search.soft_phase import soft_phases
from mrd.study.checkpoint import read_state, write_state
from mrd.study.model_section import ModelConfig
from mrd.study.search_groups import Samples
from mrd.study.search_section import SearchConfig
from scenes.camera import Ring, cameras
from scenes.film import Film
from scenes.material import Material
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Sphere

TARGET = {
    "material": Material(base_color=(0.7, 0.25, 0.4), roughness=0.5),
    "shape": Sphere(subdivisions=2, radius=0.9),
    "film": Film(exposure=0.6, background=0.3),
    "cameras": Ring(count=3, resolution=24),
    "pose": Pose(rotation=(0, 20, 0), translation=(0.1, 0, 0)),
}


def small_search(
    small: Callable[..., Scene],
    attributes: tuple[str, ...],
    seed: int = 1,
    steps: int = 40,
    target: dict[str, Any] | None = None,
    match: Callable[[float], float] = float,
    **changes: Any,
) -> tuple[Search, Scene]:
    """Return a search at its start, and its represented target."""
    defaults = {
        "loss": "l2",
        "environment_height": 8,
        "samples": Samples(primal=16, adjoint=4, boundary=2048),
    }
    config = SearchConfig(attributes=attributes, steps=steps, **(defaults | changes))
    scene = represented(small(**(TARGET | (target or {}))), config)
    model = registry.create(ModelConfig(network="pixels"))
    bench = Bench(model, form_of_family(config, scene))
    views = cameras(scene.cameras)
    images = display_images(bench.stage(scene), views, 144, noise=0)
    start = start_scene(scene, config.starts(), config)
    search = Search(
        start,
        model.activations(images),
        views,
        bench,
        config,
        np.random.default_rng(seed),
        Match(match),
        soft=soft_phases(scene, config, bench, views),
    )
    return search, scene


def saved(search, tmp_path):
    """Return a search's state, written to a file and read again."""
    path = tmp_path / "state.npz"
    write_state(search.state(), path)
    return read_state(path)
