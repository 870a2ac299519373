"""Adam: by hand, against PyTorch's, and through a save."""

import numpy as np
import pytest
import torch

from mrd.search.optimiser import Adam


def test_uniform_adam_by_hand():
    tensor = torch.tensor([1.0, 1.0], dtype=torch.float64)
    optimiser = Adam({"x": tensor}, uniform=True)
    tensor.grad = torch.tensor([3.0, 4.0], dtype=torch.float64)
    optimiser.step(0.1)
    # Corrected for bias, the first moments are the gradient and its largest square, 16.
    np.testing.assert_allclose(tensor, [1 - 0.1 * 3 / 4, 1 - 0.1], rtol=1e-6)

    tensor.grad = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    optimiser.step(0.1)
    mean = (0.9 * 0.1 * np.array([3, 4]) + 0.1 * np.array([-1, 2])) / (1 - 0.9**2)
    square = (0.999 * 0.001 * 16 + 0.001 * 4) / (1 - 0.999**2)  # the second entry's is largest
    expected = np.array([0.925, 0.9]) - 0.1 * mean / np.sqrt(square)
    np.testing.assert_allclose(tensor, expected, rtol=1e-6)


def test_uniform_adam_steps_each_tensor_by_its_own_largest_moment():
    tensors = {"a": torch.zeros(2), "b": torch.zeros(2)}
    optimiser = Adam(tensors, uniform=True)
    tensors["a"].grad, tensors["b"].grad = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 100.0])
    optimiser.step(1.0)
    np.testing.assert_allclose(tensors["a"], [-1, 0], atol=1e-5)
    np.testing.assert_allclose(tensors["b"], [0, -1], atol=1e-5)


def test_adam_is_pytorchs(rng):
    start = torch.as_tensor(rng.normal(size=(3, 4)))
    ours, theirs = start.clone(), start.clone().requires_grad_()
    optimiser, reference = Adam({"x": ours}), torch.optim.Adam([theirs], lr=0.05)
    for _ in range(20):
        gradient = torch.as_tensor(rng.normal(size=(3, 4)))
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        optimiser.step(0.05)
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("uniform", [True, False])
def test_what_has_no_gradient_stays(uniform):
    tensor = torch.ones(2)
    Adam({"x": tensor}, uniform=uniform).step(1.0)
    assert tensor.tolist() == [1, 1]


@pytest.mark.parametrize("uniform", [True, False])
def test_restored_moments_go_on_as_if_nothing_had_been(rng, uniform):
    gradients = [torch.as_tensor(rng.normal(size=5)) for _ in range(8)]

    def moved(tensor: torch.Tensor, optimiser: Adam, steps: slice) -> torch.Tensor:
        for gradient in gradients[steps]:
            tensor.grad = gradient.clone()
            optimiser.step(0.1)
        return tensor

    whole = torch.ones(5, dtype=torch.float64)
    moved(whole, Adam({"x": whole}, uniform=uniform), slice(None))

    halves = torch.ones(5, dtype=torch.float64)
    first = Adam({"x": halves}, uniform=uniform)
    moved(halves, first, slice(4))
    second = Adam({"x": halves}, uniform=uniform)
    second.restore(first.arrays())
    moved(halves, second, slice(4, None))
    assert torch.equal(whole, halves)
