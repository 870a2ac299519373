"""Losses, computed by hand for two views of three numbers."""

import math

import pytest
import torch

from mrd.search import loss
from scenes.base.errors import InputError

# View 0: (1, 2, 2) against (1, 0, 2); view 1: (0, 3, 4) against (0, 6, 8).
X = torch.tensor([[1.0, 2.0, 2.0], [0.0, 3.0, 4.0]])
Y = torch.tensor([[1.0, 0.0, 2.0], [0.0, 6.0, 8.0]])
BY_HAND = {
    "l1": [2 / 3, 7 / 3],
    "l2": [4 / 3, 25 / 3],
    # Cosines 5/(3·√5) and 50/(5·10).
    "cosine": [1 - math.sqrt(5) / 3, 0.0],
    # Σ(x − y)² is 4 and 25, Σy² is 5 and 100.
    "relative_squared_error": [0.8, 0.25],
}


@pytest.mark.parametrize("name", loss.LOSSES)
def test_each_view_is_as_computed_by_hand(name):
    assert loss.LOSSES[name](X, Y).tolist() == pytest.approx(BY_HAND[name], abs=1e-6)


@pytest.mark.parametrize("name", loss.LOSSES)
def test_the_shape_of_a_layer_does_not_matter(name):
    x, y = X.reshape(2, 3, 1, 1), Y.reshape(2, 3, 1, 1)
    assert loss.LOSSES[name](x, y).tolist() == pytest.approx(BY_HAND[name], abs=1e-6)


@pytest.mark.parametrize("name", loss.LOSSES)
def test_layers_are_added_and_views_averaged(name):
    activations, target = {"a": X, "b": 2 * X}, {"a": Y, "b": Y}
    twice = loss.LOSSES[name](2 * X, Y)
    expected = torch.tensor(BY_HAND[name]) + twice
    torch.testing.assert_close(loss.per_view(name, activations, target), expected)
    torch.testing.assert_close(loss.total(name, activations, target), expected.mean())


@pytest.mark.parametrize("name", loss.LOSSES)
def test_equal_activations_cost_nothing(name):
    assert loss.total(name, {"a": Y}, {"a": Y}).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", loss.LOSSES)
def test_the_gradient_is_the_mean_of_the_gradients_of_single_views(name):
    together = X.clone().requires_grad_()
    loss.total(name, {"a": together}, {"a": Y}).backward()
    for view in range(2):
        alone = X[view : view + 1].clone().requires_grad_()
        loss.total(name, {"a": alone}, {"a": Y[view : view + 1]}).backward()
        torch.testing.assert_close(together.grad[view], alone.grad[0] / 2)


@pytest.mark.parametrize("name", loss.LOSSES)
def test_gradients_agree_with_finite_differences(name, seed):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.rand(2, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda each: loss.LOSSES[name](each, y), x)


@pytest.mark.parametrize("target", [{"a": Y[:1]}, {"b": Y}, {"a": Y, "b": Y}, {"a": Y[:, :1]}])
def test_activations_that_would_broadcast_is_refused(target):
    with pytest.raises(ValueError, match="cannot be compared with a target's"):
        loss.total("l2", {"a": X}, target)


def test_a_zero_layer_has_a_loss_of_one_by_cosine():
    assert loss.cosine(torch.zeros(1, 3), Y[:1]).tolist() == [1.0]


def test_each_layer_has_its_weight_and_loss():
    activations, target = {"a": X, "b": X}, {"a": Y, "b": Y}
    found = loss.per_view({"a": "l1", "b": "l2"}, activations, target, {"a": 2.0, "b": 0.5})
    expected = [2 * a + 0.5 * b for a, b in zip(BY_HAND["l1"], BY_HAND["l2"], strict=True)]
    assert found.tolist() == pytest.approx(expected)


def test_weights_of_guides_fall_linearly_and_those_of_scored_layers_are_constant():
    weights = {"pool": 2.0, "blocks.2": 4.0}
    at = {done: loss.layer_weights_at(done, weights, ("pool",)) for done in (0.0, 0.25, 1.0)}
    assert at[0.0] == weights
    assert at[0.25] == {"pool": 2.0, "blocks.2": 3.0}
    assert at[1.0] == {"pool": 2.0, "blocks.2": 0.0}


def test_a_zero_target_layer_is_refused_if_its_loss_is_in_its_units():
    target = {"a": torch.tensor([[1.0, 0.0], [0.0, 0.0]]), "b": torch.ones(2, 3)}
    with pytest.raises(InputError, match=r"layer 'a' is zero everywhere in a view of the target"):
        loss.check_targets("relative_squared_error", target)
    loss.check_targets("l2", target)
    loss.check_targets({"a": "l2", "b": "relative_squared_error"}, target)


def test_the_dual_buffer_needs_a_second_render():
    with pytest.raises(ValueError, match="compares two renders, but there is one"):
        loss.total("dual_buffer", {"a": X}, {"a": Y})


def test_the_dual_buffer_is_as_computed_by_hand_and_may_be_negative():
    # View 0: (1·2 + 0·1 + 2·1)/3; view 1: (1·(−1) + 0 + 0)/3.
    first = torch.tensor([[2.0, 1.0, 4.0], [1.0, 0.0, 0.0]])
    second = torch.tensor([[3.0, 2.0, 3.0], [-1.0, 0.0, 5.0]])
    target = torch.tensor([[1.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    assert loss.dual_buffer(first, second, target).tolist() == pytest.approx([4 / 3, -1 / 3])
    with pytest.raises(ValueError, match=r"two renders and a target of one shape are needed"):
        loss.dual_buffer(first, second, target[:1])


def test_the_dual_buffer_is_unbiased_under_independent_noise(seed, count):
    """The mean of n draws is within 5 standard errors: wrong once in 1.7 million runs."""
    generator = torch.Generator().manual_seed(seed)
    scene, target = torch.rand(2, 1, 50, generator=generator, dtype=torch.float64)
    n = count(4000, 100_000)
    scene.requires_grad_()
    # Noise in proportion to the light, as that of a renderer.
    noise = 1 + 0.5 * torch.randn(2, n, 50, generator=generator, dtype=torch.float64)
    first, second = scene * noise[0], scene * noise[1]
    draws = loss.dual_buffer(first, second, target.expand(n, -1))
    expected = loss.l2(scene, target)
    standard_error = draws.std() / math.sqrt(n)
    assert abs(draws.mean() - expected) < 5 * standard_error
    # A single render's error is larger by the noise's variance, (scene / 2)².
    biased = loss.l2(first, target.expand(n, -1)).mean()
    assert biased - expected > 10 * standard_error
    (gradient,) = torch.autograd.grad(draws.mean(), scene, retain_graph=True)
    (exact,) = torch.autograd.grad(expected.sum(), scene, retain_graph=True)
    (wrong,) = torch.autograd.grad(biased, scene)
    assert (gradient - exact).norm() < 0.2 * (wrong - exact).norm()
