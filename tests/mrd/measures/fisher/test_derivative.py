"""Forward-mode derivatives against central differences, and the stored predictions of a study.

The figure compared is a fixed weighting of the derivative image, rendered with 3 seeds each way. A
case fails where the means differ by more than 8 standard errors and 5 % of the value: false alarms
are below 2 % a case (Student's t, 2 degrees of freedom at worst). It also fails where 8 standard
errors exceed half of the value, since such a test would have no power.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mrd.measures.fisher.derivative import activation_derivative, image_derivative, image_difference
from mrd.measures.fisher.parameters import (
    LightLevel,
    LightRotation,
    MaterialParameter,
    parameters_of,
)
from mrd.measures.fisher.record import fisher
from mrd.models import registry
from mrd.rendering.stage import Stage, display
from mrd.study.model_section import ModelConfig
from mrd.study.study import read_study
from scenes.camera import cameras
from scenes.film import Film
from scenes.lighting import Constant
from scenes.material import Material
from tests.small_study import SMALL, write_study


@pytest.mark.parametrize(
    "parameter",
    [MaterialParameter("base_color", 1), MaterialParameter("metallic"), LightLevel()],
    ids=lambda each: each.name,
)
def test_an_image_derivative_agrees_with_central_differences(small, parameter):
    scene = small(material=Material(base_color=(0.6, 0.4, 0.3), roughness=0.5, metallic=0.3))
    views, weight = cameras(scene.cameras), torch.linspace(-1, 2, 32)

    def figures(derivative, samples, first):
        return [float((derivative(samples, [first + seed]) * weight).sum()) for seed in range(3)]

    forward = figures(lambda n, s: image_derivative(scene, parameter, views, n, s, "cpu"), 256, 10)
    differences = figures(
        lambda n, s: image_difference(scene, parameter, views, n, s, "cpu"), 256, 20
    )
    error = np.sqrt((np.var(forward, ddof=1) + np.var(differences, ddof=1)) / 3)
    gap = abs(np.mean(forward) - np.mean(differences))
    assert gap < 8 * error + 0.05 * abs(np.mean(differences))
    assert 8 * error < 0.5 * abs(np.mean(differences))


@pytest.mark.parametrize(
    ("network", "weights"),
    [("efficientnet_lite0", "default"), ("timm/vit_tiny_patch16_224@32", "none")],
)
def test_a_network_derivative_agrees_with_central_differences(small, rng, network, weights):
    """On a fixed image there is no Monte Carlo noise: the bound is float32's rounding."""
    scene = small(film=Film(exposure=0.5))  # white at exposure 1 is on the edge of clipping
    model = registry.create(ModelConfig(network=network, layers=("blocks.0",), weights=weights))
    radiance = Stage(scene).radiance(cameras(scene.cameras), 16, [1])
    tangent = torch.tensor(rng.normal(size=radiance.shape), dtype=torch.float32) * 0.1
    found = activation_derivative(model, scene.film, radiance, tangent)["blocks.0"]
    sides = [
        model.activations(display(radiance + h * tangent, scene.film))["blocks.0"].flatten(1)
        for h in (-1e-3, 1e-3)
    ]
    expected = (sides[1] - sides[0]) / 2e-3
    assert float((found - expected).norm() / expected.norm()) < 0.02


def test_parameters_are_those_of_the_target(small):
    names = [each.name for each in parameters_of(small(lighting=Constant()), 1)]
    assert names == [
        "base_color.red", "base_color.green", "base_color.blue", "roughness", "metallic",
        "light.level", "shape.mode1",
    ]  # fmt: skip


def test_a_move_stops_at_the_bounds(small):
    parameter = MaterialParameter("roughness")
    scene = small(material=Material(roughness=0.9))
    assert parameter.moved(scene, 0.5).material.roughness == pytest.approx(1.0)
    turned = LightRotation().moved(scene, 10.0)
    assert turned.lighting.rotation == scene.lighting.rotation + 10


def test_a_study_is_predicted_once(tmp_path):
    ball = SMALL["targets"]["ball"] | {"film": {"exposure": 1.0}}
    settings = {"rerenders": 8, "samples": 16, "derivative_samples": 16, "shape_modes": 0}
    study = read_study(write_study(tmp_path, targets={"ball": ball}, fisher=settings))
    (first,) = fisher(study, "cpu")
    assert first.why == "new"
    files = [".fisher.json.lock", "derivative.npz", "fisher.json", "thresholds.png"]
    assert sorted(path.name for path in first.folder.iterdir()) == files
    record = json.loads((first.folder / "fisher.json").read_text())
    matrix = np.array(record["fisher_information"])
    level = [each["name"] for each in record["parameters"]].index("light.level")
    assert record["parameters"][level]["threshold"] == pytest.approx(matrix[level, level] ** -0.5)
    (again,) = fisher(study, "cpu")
    assert replace(first, why=None) == again
    (first.folder / "fisher.json").unlink()
    (first.folder / ".derivative-abcd1234.npz").touch()  # as a kill leaves it
    (mended,) = fisher(study, "cpu")
    assert mended.why == "gone: fisher.json"
    assert sorted(path.name for path in first.folder.iterdir()) == files
