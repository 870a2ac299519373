"""Smooth changes of a shape that a model notices least, with activations that are linear."""

import numpy as np
import pytest
import torch

from mrd.search import insensitive
from mrd.search.directions import MODES
from mrd.search.distance_from_target import distance_from_target
from mrd.search.insensitive import change_of_start, distance_matrix, least_noticed
from mrd.search.smooth_modes import smooth_modes
from mrd.search.variables.build import build_variables
from mrd.study.search_section import SearchConfig
from scenes.geometry.areas import vertex_areas
from scenes.geometry.normals import vertex_normals
from scenes.shape import Blob, Sphere, bounding_sphere, geometry
from tests.statistical.bands import Bias

CAMERAS, UNITS = 3, 40
ROOM = np.array([0.5, 0.4, 0.3])


class Linear:
    """Activations of two layers that are linear in the vertices; their noise is too."""

    def __init__(self, rng):
        self.mesh = geometry(Blob(seed=3, subdivisions=2))
        size = self.mesh.vertices.size
        self.weights = rng.normal(size=(2, CAMERAS, UNITS, size)) / np.sqrt(size)
        self.bias = rng.normal(size=(2, CAMERAS, UNITS))
        self.noise = 0.0  # relative to the weights
        self._noisy = {}

    def respond(self, vertices, seeds):
        weights = self._weights(tuple(seeds)) if self.noise else self.weights
        rows = weights @ (vertices - self.mesh.vertices).ravel() + self.bias
        return {name: torch.tensor(each) for name, each in zip("ab", rows, strict=True)}

    def _weights(self, seeds):
        """Return the weights with the noise of a seed for each camera."""
        if seeds not in self._noisy:
            size = self.weights[:, 0].shape
            drawn = [np.random.default_rng(each).normal(size=size) for each in seeds]
            drawn = np.stack(drawn, axis=1) / np.sqrt(size[-1])
            self._noisy[seeds] = self.weights + self.noise * drawn
        return self._noisy[seeds]

    def loss(self, vertices):
        """Return 1 − match, averaged over the cameras."""
        now, target = (self.respond(v, None) for v in (vertices, self.mesh.vertices))
        r = np.mean(
            [
                [np.corrcoef(x, y)[0, 1] for x, y in zip(now[k], target[k], strict=True)]
                for k in "ab"
            ],
            axis=0,
        )
        return float(np.mean((1 - r) / ROOM))


@pytest.fixture
def model(rng):
    return Linear(rng)


@pytest.fixture
def changes(model, rng):
    target = model.respond(model.mesh.vertices, None)
    return least_noticed(model.mesh, model.respond, target, ROOM, rng, MODES)


def test_predicted_match_is_that_of_a_small_change(model, changes):
    for change in changes:
        vertices = model.mesh.vertices + 0.01 * change.displacements
        assert model.loss(vertices) == pytest.approx(0.01**2 * change.loss, rel=0.02)


def test_no_mix_of_smooth_modes_is_noticed_less(model, changes, rng):
    losses = [change.loss for change in changes]
    assert losses == sorted(losses)
    assert losses[-1] > 3 * losses[0]
    basis = np.stack([change.displacements.ravel() for change in changes])
    for mix in rng.normal(size=(50, MODES)):
        displacement = (mix @ basis).reshape(-1, 3)
        # The distance of a mix is its length (next test).
        loss = model.loss(model.mesh.vertices + 1e-3 * displacement) / (1e-3**2 * mix @ mix)
        assert loss >= 0.98 * losses[0]


def test_changes_are_orthogonal_and_of_distance_1(model, changes):
    modes, areas = smooth_modes(model.mesh, MODES), vertex_areas(model.mesh)
    displacements = np.stack([change.displacements for change in changes])
    along = np.einsum("kvi,vi->kv", displacements, vertex_normals(model.mesh))
    mixes = (along * areas / areas.sum()) @ modes.T / bounding_sphere(model.mesh)[1]
    products = mixes @ distance_matrix(model.mesh, modes) @ mixes.T
    np.testing.assert_allclose(products, np.eye(MODES), atol=1e-5)


def test_modes_that_shift_a_sphere_have_a_smaller_distance():
    """Of u = √3 x with normals x, the mean displacement is x/√3; 4/9 of the square remains."""
    mesh = geometry(Sphere(subdivisions=4))
    metric = distance_matrix(mesh, smooth_modes(mesh, MODES))
    np.testing.assert_allclose(
        np.linalg.eigvalsh(metric), [4 / 9] * 3 + [1] * (MODES - 3), atol=2e-3
    )


def test_distance_matrix_has_the_distances_of_a_search(small, rng):
    config = SearchConfig(mode="diverge", attributes=("shape",))
    target = small(shape=Blob(seed=3, subdivisions=2))
    mesh = geometry(target.shape)
    modes = smooth_modes(mesh, MODES)
    (shape,) = build_variables(target, config)
    distance = distance_from_target(target, shape)
    radius = bounding_sphere(mesh)[1]
    for mix in 0.01 * rng.normal(size=(5, MODES)):
        shape.set_vertices(mesh.vertices + radius * (mix @ modes)[:, None] * vertex_normals(mesh))
        expected = np.sqrt(mix @ distance_matrix(mesh, modes) @ mix)
        assert float(distance().detach()) == pytest.approx(expected, rel=1e-3)


class EqualNoise:
    """A generator that gives both derivatives the same seeds."""

    def __init__(self, rng):
        self._rng = rng

    def integers(self, most, size):
        return np.repeat(self._rng.integers(most, size=(1, *size[1:])), size[0], axis=0)


def test_losses_are_unbiased_with_two_noises_and_only_with_two(model, changes, rng):
    """The sum of all losses is the trace of M⁻¹ G, which is linear in the estimate of G.

    With one noise, it is about 40 standard deviations too large.
    """
    truth, target = sum(each.loss for each in changes), model.respond(model.mesh.vertices, None)
    model.noise, check = 1.0, Bias(30, fault=1.0)

    def errors(noise):
        found = [
            least_noticed(model.mesh, model.respond, target, ROOM, noise, MODES)
            for _ in range(check.n)
        ]
        return np.array([sum(change.loss for change in each) for each in found]) - truth

    check.check(errors(rng))
    with pytest.raises(AssertionError, match="bias"):
        check.check(errors(EqualNoise(rng)))


def test_amount_is_limited_where_a_change_is_not_noticed(changes):
    change = changes[0]
    loss = change.loss * 0.02**2
    assert change.amount(loss) == pytest.approx(0.02)
    assert change.amount(1e6) == insensitive.MOST
    unnoticed = insensitive.SmoothChange(change.displacements, -0.1)
    assert unnoticed.amount(0.05) == insensitive.MOST


def test_starts_use_each_change_in_both_directions(changes):
    assert insensitive.number_of_changes(3) == 2
    found = [change_of_start(changes[:2], start) for start in range(5)]
    assert [sign for _, sign in found] == [1, -1, 1, -1, 1]
    assert [change is changes[0] for change, _ in found] == [True, True, False, False, True]


def test_shortened_rows_keep_their_products(rng):
    """Of unit vectors, to five standard errors, 1/√LENGTH each."""
    rows = torch.tensor(rng.normal(size=(2, 6, 200_000))).float()
    rows = torch.nn.functional.normalize(rows, dim=2)
    first, second = rows[0], 0.5 * rows[0] + 0.5 * rows[1]
    short = [insensitive._shortened(each) for each in (first, second)]
    assert short[0].shape == (6, insensitive.LENGTH)
    error = short[0] @ short[1].T - first @ second.T
    assert error.abs().max() < 5 / np.sqrt(insensitive.LENGTH)
