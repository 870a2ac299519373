"""Fisher information and its predictions, on cases that are worked out by hand."""

import numpy as np
import pytest

from mrd.measures.fisher.information import floored_variance, information, prediction


def test_a_linear_toy_has_the_answer_of_the_formula():
    """Activations a = (3p, 4p + 2q), variances 1 and 4: F = [[9 + 4, 2], [2, 1]]."""
    derivative = np.array([[[3.0, 4.0]], [[0.0, 2.0]]])
    fisher = information(derivative, np.array([[1.0, 4.0]]))
    np.testing.assert_allclose(fisher, [[13, 2], [2, 1]])
    found = prediction(fisher)
    np.testing.assert_allclose(found.thresholds, [13**-0.5, 1])
    # In threshold units the matrix is [[1, c], [c, 1]], c = 2 / √13: eigenvalues 1 ± c.
    c = 2 / 13**0.5
    np.testing.assert_allclose(found.eigenvalues, [1 + c, 1 - c])
    for step in found.steps:
        assert step @ fisher @ step == pytest.approx(1)


def test_the_information_is_the_mean_over_cameras():
    derivative = np.array([[[1.0], [3.0]]])
    np.testing.assert_allclose(information(derivative, np.ones((2, 1))), [[5.0]])


def test_predictions_do_not_depend_on_units(rng):
    root = rng.normal(size=(3, 5))
    scale = np.array([1.0, 100.0, 0.01])
    plain, scaled = (prediction(s[:, None] * (root @ root.T) * s) for s in (np.ones(3), scale))
    np.testing.assert_allclose(scaled.thresholds, plain.thresholds / scale)
    np.testing.assert_allclose(scaled.eigenvalues, plain.eigenvalues)


def test_a_parameter_without_a_response_has_no_threshold():
    found = prediction(np.diag([4.0, 0.0]))
    assert found.thresholds.tolist() == [0.5, np.inf]
    assert found.steps[0].tolist() == [0.5, 0.0]
    assert np.isnan(found.steps[1]).all()


def test_the_variance_has_a_floor():
    """Of five, s² is 1 and 0, enlarged by 4/2: 2 and 0, mean 1. A floor of 0.1 lifts the second."""
    rerenders = np.array([[0.0, 5.0], [2.0, 5.0], [0.0, 5.0], [2.0, 5.0], [1.0, 5.0]])
    np.testing.assert_allclose(floored_variance(rerenders, 0.1), [2, 0.1])
    with pytest.raises(ValueError, match="do not vary"):
        floored_variance(np.ones((4, 2)), 0.1)


@pytest.mark.parametrize("count", [8, 16])
def test_few_rerenders_give_the_thresholds_of_many(rng, count):
    """The mean of 1/variance over 10⁵ units of variance 1 is 1.

    Of ν = N − 1 its standard deviation is √(2 / (ν − 4)); the test allows 4 standard errors: false
    alarms 6e-5. Uncorrected, it would be 1.4 of eight.
    """
    units = 100_000
    found = 1 / floored_variance(rng.normal(size=(count, units)), 1e-9)
    assert abs(found.mean() - 1) < 4 * (2 / (count - 5) / units) ** 0.5


def test_simulated_thresholds_are_at_d_prime_one(rng, count):
    """An ideal observer of a Gaussian with this J and Σ discriminates one threshold at d′ = 1.

    d′ is estimated from n = 4000 (40 000) draws each; its standard error is about √(3 / n), and
    the test allows 4 of them: false alarms 6e-5.
    """
    n = count(4000, 40_000)
    derivative, variance = rng.normal(size=(1, 1, 6)), rng.uniform(0.5, 2, size=(1, 6))
    threshold = prediction(information(derivative, variance)).thresholds[0]
    weights = (derivative / variance).ravel()
    draws = rng.normal(size=(2, n, 6)) * np.sqrt(variance)
    projected = (draws + np.array([0, threshold])[:, None, None] * derivative) @ weights
    d = np.diff(projected.mean(axis=1))[0] / projected.std(axis=1).mean()
    assert abs(d - 1) < 4 * (3 / n) ** 0.5
