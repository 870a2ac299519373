"""Derivatives by finite differences of renders, on functions whose derivatives are known."""

import torch

from mrd.search.differences import STEP, differences


class Numbers:
    """Variables with one tensor that has finite differences and one that has not."""

    attribute = "lighting"
    differenced = frozenset({"place"})

    def __init__(self):
        self.tensors = {
            "place": torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64),
            "log_strength": torch.zeros(3, dtype=torch.float64),
        }


def test_the_gradient_of_a_quadratic_image_is_exact_and_tensors_are_restored():
    numbers = Numbers()
    place = numbers.tensors["place"]
    basis = torch.randn(3, 2, 3, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    weights = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(2)).double()

    def radiance():
        return torch.einsum("k,kvchw->vchw", place**2, basis)

    found = differences([numbers], weights, radiance)
    assert list(found) == [place]
    expected = 2 * place * torch.einsum("kvchw,vchw->k", basis, weights)
    torch.testing.assert_close(found[place], expected)
    assert place.tolist() == [1.0, -2.0, 0.5]


def test_each_number_is_rendered_at_both_sides():
    numbers, seen = Numbers(), []

    def radiance():
        seen.append(numbers.tensors["place"].tolist())
        return torch.zeros(1)

    differences([numbers], torch.ones(1), radiance)
    assert len(seen) == 6
    assert seen[0] == [1 + STEP, -2.0, 0.5]
    assert seen[5] == [1.0, -2.0, 0.5 - STEP]


def test_nothing_is_rendered_for_other_variables():
    numbers = Numbers()
    numbers.differenced = frozenset()
    assert differences([numbers], torch.ones(1), lambda: 1 / 0) == {}
