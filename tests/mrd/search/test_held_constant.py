"""A search leaves all attributes that it does not search bit for bit the target's.

Real searches of every attribute, of pairs, of all together. Two things are compared: scenes (each
part as canonical JSON, arrays by their hash), and the parameters in Mitsuba: those of other
attributes hold the same numbers after the steps as before.
"""

import json

import mitsuba as mi
import numpy as np
import pytest
import torch

from mrd.criterion.bench import Bench, display_images
from mrd.models import registry
from mrd.rendering.representation import form_of_family, represented, start_scene
from mrd.rendering.to_mitsuba import NORMALS, VERTICES
from mrd.search.loop import Search
from mrd.search.match import Match
from mrd.search.variables.base import mitsuba_values
from mrd.study.model_section import ModelConfig
from mrd.study.search_groups import Samples, StartConfig
from mrd.study.search_section import Regularisers, SearchConfig
from scenes.arrays import Picture
from scenes.camera import Ring, cameras
from scenes.film import Film
from scenes.lighting import Constant, EnvironmentMap, SunSky, map_directions
from scenes.material import Material
from scenes.pose import Pose
from scenes.shape import Blob, Sphere

PARTS = ("shape", "material", "pose", "lighting", "cameras", "film")
SKY = EnvironmentMap(radiance=Picture(1 + map_directions(8, 16) * 0.5))
STARTS = {
    "shape": Sphere(subdivisions=2),
    "material": Material(base_color=0.4, roughness=0.6),
    "lighting": Constant(radiance=(0.7, 0.8, 0.9)),
    "pose": Pose(rotation=(5, 30, 0), translation=(0.05, 0, 0)),
}
# Mitsuba's parameters that may change, for each attribute.
MOVES = {
    "shape": {VERTICES, NORMALS},
    "material": {"object.bsdf.base_color.value", "object.bsdf.roughness.value"},
    "lighting": {"light.data"},
    "pose": {VERTICES, NORMALS},
}
TEXTURES = {"object.bsdf.base_color.data", "object.bsdf.roughness.data"}

SEARCHES = {
    "shape": {},
    "shape-regularised": {"regularisers": Regularisers(edge_length=0.1, area=0.1, laplacian=0.1)},
    "material": {},
    "material-textures": {
        "texture_resolution": 4,
        "textured_parameters": ("base_color", "roughness"),
    },
    "lighting": {},
    "lighting-sky": {"sky_parameters": ("sun_scale", "sky_scale", "sun_azimuth", "turbidity")},
    "pose": {},
    "shape+pose": {},
    "pose+material": {},
    "pose+lighting": {},
    "material+lighting": {},
    "shape+lighting": {},
    "shape+material+lighting+pose": {},
}


def begun(small, name):
    """Return a search at its start, and its represented target."""
    attributes = tuple(name.split("-")[0].split("+"))
    starts = STARTS | ({"lighting": SunSky(level=5)} if "sky" in name else {})
    config = SearchConfig(
        attributes=attributes,
        start=StartConfig(**{each: starts[each] for each in attributes}),
        material_parameters=("base_color", "roughness"),
        steps=2,
        environment_height=8,
        samples=Samples(primal=4, adjoint=1, boundary=512),
        **SEARCHES[name],
    )
    target = represented(
        small(
            shape=Blob(seed=3, subdivisions=2),
            material=Material(base_color=(0.6, 0.3, 0.2), roughness=0.3, sheen=0.2),
            lighting=SKY,
            pose=Pose(rotation=(10, 20, 30), translation=(0.1, 0, 0)),
            film=Film(exposure=1.0, background=0.3),
            cameras=Ring(count=2, resolution=16),
        ),
        config,
    )
    views = cameras(target.cameras)
    model = registry.create(ModelConfig(network="pixels"))
    bench = Bench(model, form_of_family(config, target))
    activations = model.activations(display_images(bench.stage(target), views, 16, noise=0))
    start = start_scene(target, config.starts(), config)
    rng = np.random.default_rng(1)
    return Search(start, activations, views, bench, config, rng, Match()), target


def canonical(scene):
    """Return each part of a scene as canonical JSON."""
    content = json.loads(scene.canonical_json())
    return {part: json.dumps(content[part], sort_keys=True) for part in PARTS}


def in_mitsuba(search):
    """Return every parameter of the rendered scene as bytes."""
    parameters = mi.traverse(search.moving.stage._mitsuba)
    # A transformation shows its numbers by its matrix alone.
    numbers = {key: np.array(getattr(value, "matrix", value)) for key, value in parameters.items()}
    assert not any(value.dtype.hasobject for value in numbers.values())
    return {key: value.tobytes() for key, value in numbers.items()}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_changes_only_its_attributes(small, name):
    search, target = begun(small, name)
    attributes = search.config.attributes
    search.moving.stage.move({k: v.detach() for k, v in _values(search).items()})
    before, start = in_mitsuba(search), canonical(search.scene())
    assert [step.step for step in search.steps()] == [1, 2]
    search.moving.stage.move({k: v.detach() for k, v in _values(search).items()})

    found, own = canonical(search.scene()), canonical(target)
    for part in PARTS:
        assert (found[part] == own[part]) == (part not in attributes), part
        assert (found[part] == start[part]) == (part not in attributes), part

    after = in_mitsuba(search)
    assert set(after) == set(before)
    moved = {key for key in after if after[key] != before[key]}
    allowed = set().union(*(MOVES[attribute] for attribute in attributes))
    if "textures" in name:
        allowed = TEXTURES
    assert moved == allowed


def _values(search):
    with torch.no_grad():
        return mitsuba_values(search.moving.variables)
