"""Derivatives by differences, between bounds and on them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrd.rendering.representation import represented
from mrd.search.distance_from_target import distance_from_target
from mrd.search.finite_difference import derivative
from mrd.search.variables.build import build_variables
from mrd.study.search_section import SearchConfig
from scenes.differences import material_difference
from scenes.material import RANGES, Material

STEP = 1e-3
FUNCTIONS = {"sine": (np.sin, np.cos), "exponential": (np.exp, np.exp), "cubic": (
    lambda x: x**3, lambda x: 3 * x**2)}  # fmt: skip


@given(
    name=st.sampled_from(list(FUNCTIONS)),
    low=st.floats(-2, 1.9),
    width=st.floats(0.01, 3),
    share=st.floats(0, 1) | st.sampled_from([0.0, 1.0, 1e-9, 1e-4, 1 - 1e-4]),
)
def test_it_is_of_second_order_everywhere_and_stays_within_the_bounds(name, low, width, share):
    function, expected = FUNCTIONS[name]
    high = low + width
    here = min(max(low + share * width, low), high)
    asked = []

    def of(value):
        asked.append(value)
        return float(function(value))

    found = derivative(of, here, STEP, low, high)
    # A one-sided difference would be off by half a step of the second derivative, up to 0.07.
    # A parabola is off by a third of the third derivative, and by rounding.
    bound = 2 * STEP**2 * max(1.0, float(np.exp(high)), abs(6 * high)) + 1e-10
    assert found == pytest.approx(float(expected(here)), abs=bound)
    assert low <= min(asked)
    assert max(asked) <= high


def test_arrays_and_endless_ranges_are_taken():
    found = derivative(lambda x: np.array([x, x**2]), 3.0, STEP, -np.inf, np.inf)
    np.testing.assert_allclose(found, [1, 6], rtol=1e-9)


# ---- Materials ----------------------------------------------------------------------------------

TARGET = Material(base_color=(0.7, 0.25, 0.4), roughness=0.5, eta=1.5, spec_tint=0.3, sheen=0.2)


def reliable(name, here):
    """Derivative from steps a hundred times smaller, extrapolated to none at all."""
    low, high = RANGES[name]

    def far(value):
        other = TARGET.model_copy(update={name: value})
        return material_difference(TARGET, other)["rms_log_reflectance"]

    step = 1e-5
    inward = step if here - low < high - here else -step
    return (-3 * far(here) + 4 * far(here + inward) - far(here + 2 * inward)) / (2 * inward)


@pytest.mark.parametrize(
    ("name", "here"),
    [
        *[("eta", value) for value in (1.02, 1.05, 1.2, 1.49, 1.6, 3.9995, 4.0)],
        *[("roughness", value) for value in (0.05, 0.3, 0.9995, 1.0)],
        *[("metallic", value) for value in (0.0005, 0.5, 0.9995, 1.0)],
        *[("clearcoat", value) for value in (0.0005, 0.5, 1.0)],
    ],
)
def test_the_derivative_of_a_materials_distance_is_right_near_bounds_too(small, name, here):
    config = SearchConfig(mode="diverge", attributes=("material",), material_parameters=(name,))
    target = represented(small(material=TARGET), config)
    (variables,) = build_variables(target, config)
    distance = distance_from_target(target, variables)
    tensor = variables.tensors[name]
    with torch.no_grad():
        tensor.fill_(here)
    (found,) = torch.autograd.grad(distance(), [tensor])
    # The number of a tensor is rounded to float32.
    assert float(found) == pytest.approx(reliable(name, float(tensor.detach())), rel=4e-4)
