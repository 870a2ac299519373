"""Smooth changes of a shape that a model notices least, with activations that are linear."""

import numpy as np
import pytest
import torch

from mrd.search import insensitive
from mrd.search.directions import MODES
from mrd.search.insensitive import change_of_start, distance_matrix, least_noticed
from mrd.search.smooth_modes import smooth_modes
from scenes.shape import Blob, geometry

CAMERAS, UNITS = 3, 60
ROOM = np.array([0.5, 0.4, 0.3])


class Linear:
    """Activations of two layers that are linear in the vertices; odd seeds add no noise."""

    def __init__(self, rng):
        self.mesh = geometry(Blob(seed=3, subdivisions=2))
        size = self.mesh.vertices.size
        self.weights = rng.normal(size=(2, CAMERAS, UNITS, size)) / np.sqrt(size)
        self.bias = rng.normal(size=(2, CAMERAS, UNITS))

    def respond(self, vertices, seeds):
        rows = self.weights @ (vertices - self.mesh.vertices).ravel() + self.bias
        return {name: torch.tensor(each) for name, each in zip("ab", rows, strict=True)}

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
    modes = smooth_modes(model.mesh, MODES)
    metric = distance_matrix(model.mesh, modes)
    basis = np.stack([change.displacements.ravel() for change in changes])
    for mix in rng.normal(size=(50, MODES)):
        displacement = (mix @ basis).reshape(-1, 3)
        # The changes are orthogonal and of distance 1.
        loss = model.loss(model.mesh.vertices + 1e-3 * displacement) / (1e-3**2 * mix @ mix)
        assert loss >= 0.98 * losses[0]
    assert np.all(np.linalg.eigvalsh(metric) > 0)


def test_a_shift_has_no_distance(model):
    """Modes are of distance 1, apart from the first, which mostly move the whole shape."""
    modes = smooth_modes(model.mesh, MODES)
    squares = np.diag(distance_matrix(model.mesh, modes))
    assert squares[:3].max() < 0.7
    np.testing.assert_allclose(squares[3:], 1, atol=0.05)


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
