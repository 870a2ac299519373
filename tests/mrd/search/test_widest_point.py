"""The widest point of a case that is solved by hand: its colour, its distance, its multipliers.

A constant light of radiance exp(l) is seen directly, in a pixel past the object, so that a model
knows u, the change of l, in each channel and without noise. The model gives each camera v the match

    match_v = exp(−Σ_c K_vc u_c²),

so match_v ≥ m is Σ_c K_vc u_c² ≤ L, with L = −log m, and the distance is D = √(Σ_c u_c² / 3). In
w = u² this is a linear programme: with K = `CURVATURE`, `SCALE` × [[1, 3, 9], [4, 1, 9]], both
cameras bind at w = (2, 3, 0) L / (11 `SCALE`), for the dual y = (3, 2) / (11 `SCALE`) is positive,
solves y'K = 1 in the first two channels, and has 9 · 5/11 > 1 in the third. So the widest point has

    D = √(5 L / (33 `SCALE`)).

Where the gradients balance (Karush, Kuhn and Tucker), u_c / (3 D) = Σ_v λ_v m 2 K_vc u_c in the
first two channels: the multipliers are λ = y / (6 m D).
"""

import numpy as np
import pytest
import torch

from mrd.criterion.bench import Bench, display_images
from mrd.models.base import Model
from mrd.rendering.representation import form_of_family, represented, start_scene
from mrd.rendering.srgb import decoded
from mrd.rendering.stage import display
from mrd.search.diverge import STEP_MARGIN, Diverge
from mrd.search.loop import Search
from mrd.search.step import StepActivations
from mrd.study.search_groups import Samples
from mrd.study.search_section import MARGIN, SearchConfig
from scenes.camera import Ring, cameras
from scenes.film import Film
from scenes.lighting import Constant
from scenes.shape import Sphere

SCALE = 0.1
CURVATURE = SCALE * torch.tensor([[1.0, 3.0, 9.0], [4.0, 1.0, 9.0]])
RADIANCE = (0.3, 0.25, 0.2)  # so that twice as much is not clipped
FLOOR = 0.9
MATCH = FLOOR + MARGIN + STEP_MARGIN  # what the multipliers aim at
# Of length 1, at right angles and of mean 0: a Pearson r with one of them is a share of it.
AXES = torch.tensor([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 2


def widest(match):
    """Return the largest distance at which both cameras have a match."""
    return np.sqrt(5 * -np.log(match) / (33 * SCALE))


class Lamp(Model):
    """A model of the light in the first pixel: its activation has length 1.

    Its share of the axis of camera v is exp(−Σ_c K_vc u_c²) / 2.
    """

    has_labels = False
    name = "lamp"

    def __init__(self):
        super().__init__()
        self.layer_weights = {"light": 1.0}

    def activations(self, images):
        u = torch.log(decoded(images[:, :, 0, 0]) / torch.tensor(RADIANCE))
        shares = torch.exp(-(u**2) @ CURVATURE.T) / 2
        rest = (1 - (shares**2).sum(dim=1, keepdim=True)).sqrt()
        return {"light": torch.cat([shares, rest], dim=1) @ AXES}

    def logits(self, images):
        return None

    def record(self):
        return {"name": self.name}


class ExactSearch(Search):
    """A search whose every step goes to the minimum of the objective; nothing is rendered."""

    def step(self):
        light = self.moving.variables[0].tensors["log_radiance"]
        minimiser = torch.optim.LBFGS(
            [light], max_iter=100, tolerance_change=1e-9, line_search_fn="strong_wolfe"
        )
        violations = [list(each) for each in self.mode._violations]

        def objective():
            self.mode._violations = [list(each) for each in violations]  # of the last call only
            pixel = display(light.exp().expand(2, 3)[:, :, None, None], self.start.film)
            activations = self.bench.model.activations(pixel)
            step = StepActivations(activations, self.targets, None, [0, 1])
            return self.mode.objective(self, step) + self.mode.distance_term(self)

        def closure():
            minimiser.zero_grad()
            value = objective()
            value.backward()
            return value

        minimiser.step(closure)
        loss = float(objective().detach())
        self.finished += 1
        self.mode.end_step(self, loss, 0.0)
        return loss, 0.0


def search(small, kind, steps):
    """Return a search of a kind away from the lamp, with a seed."""
    config = SearchConfig(
        mode="diverge",
        attributes=("lighting",),
        steps=steps,
        restarts=1,
        views_per_step=2,
        samples=Samples(primal=1, adjoint=1),
        criterion={"floor": FLOOR},
    )
    plain = small(
        shape=Sphere(subdivisions=1),
        lighting=Constant(radiance=RADIANCE),
        cameras=Ring(count=2, resolution=8),
        film=Film(exposure=1.0, background="environment"),
    )
    target = represented(plain, config)
    return kind(
        start_scene(target, {}, config),
        {"light": AXES[:2]},
        cameras(target.cameras),
        Bench(Lamp(), form_of_family(config, target)),
        config,
        np.random.default_rng(1),
        Diverge(np.zeros(2), np.full(2, 0.5), [None, None]),
    )


def changed(found):
    """Return the log change u of the light, by channel."""
    light = found.moving.variables[0].tensors["log_radiance"].detach().numpy()
    return light - np.log(RADIANCE)


def test_the_multipliers_lead_to_the_widest_point(small):
    exact = search(small, ExactSearch, 30)
    for _ in exact.steps():
        pass
    expected = np.sqrt(np.array([2, 3, 0]) * -np.log(MATCH) / (11 * SCALE))
    np.testing.assert_allclose(np.abs(changed(exact)), expected, atol=2e-3)
    assert exact.mode.distance() == pytest.approx(widest(MATCH), rel=1e-3)
    multipliers = np.array([3, 2]) / (11 * SCALE) / (6 * MATCH * widest(MATCH))
    found = exact.state().header["constrained"]["multipliers"]
    np.testing.assert_allclose(found, multipliers, rtol=5e-3)


def test_a_rendered_search_comes_near_the_widest_point(small):
    rendered = search(small, Search, 120)
    for _ in rendered.steps():
        pass
    place = rendered.mode.places[0]
    reached = place.distance
    assert 0.8 * widest(MATCH) < reached <= widest(FLOOR)
    scene = rendered.mode.scene_at(rendered, place)
    stage = rendered.bench.stage(scene)
    with torch.no_grad():
        images = display_images(stage, cameras(scene.cameras), 1, noise=0)
        matches = 2 * (Lamp().activations(images)["light"] @ AXES[:2].T).diagonal()
    u = np.log(np.array(scene.lighting.radiance) / RADIANCE)
    np.testing.assert_allclose(matches, np.exp(-CURVATURE.numpy() @ u**2), atol=1e-5)
