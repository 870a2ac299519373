"""Measures of likeness against SciPy and against numbers computed by hand."""

import numpy as np
import pytest
import torch
from scipy import stats

from mrd.criterion import similarity

MEASURES = [similarity.pearson, similarity.spearman, similarity.snr_db, similarity.cosine]


@pytest.fixture
def pair(rng):
    """Two activations of four views, correlated, with many ties (as ReLU leaves them)."""
    x = rng.normal(size=(4, 300)).astype(np.float32)
    y = (0.6 * x + 0.8 * rng.normal(size=x.shape)).astype(np.float32)
    return torch.from_numpy(x).clamp(min=0), torch.from_numpy(y).clamp(min=0)


@pytest.mark.parametrize(
    ("measure", "reference"),
    [(similarity.pearson, stats.pearsonr), (similarity.spearman, stats.spearmanr)],
)
def test_correlations_agree_with_scipy_view_by_view(measure, reference, pair):
    x, y = pair
    expected = [reference(a, b).statistic for a, b in zip(x.double(), y.double(), strict=True)]
    result = measure(x, y)
    assert result.shape == (4,)
    assert result.dtype == torch.float64
    np.testing.assert_allclose(result, expected, rtol=1e-10)


def test_pearson_by_hand():
    # Centred: (−1, 0, 1) and (−1, −1, 2): r = 3 / √(2·6).
    x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.0, 0.0, 3.0]])
    assert similarity.pearson(x, y).item() == pytest.approx(3 / np.sqrt(12))


def test_spearman_by_hand_shares_the_ranks_of_ties():
    # Ranks (1.5, 1.5, 3) and (1, 2, 3): centred (−.5, −.5, 1) and (−1, 0, 1): 1.5 / √(1.5·2).
    x, y = torch.tensor([[5.0, 5.0, 90.0]]), torch.tensor([[1.0, 2.0, 3.0]])
    assert similarity.spearman(x, y).item() == pytest.approx(1.5 / np.sqrt(3))


def test_snr_by_hand_is_of_amplitudes_and_of_the_signal():
    # ‖(3, 4)‖ = 5, ‖(3, 4) − (3, 3.5)‖ = .5: 20·log₁₀(10) = 20 dB, not 10.
    signal, other = torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 3.5]])
    assert similarity.snr_db(signal, other).item() == pytest.approx(20)
    swapped = 20 * np.log10(np.hypot(3, 3.5) / 0.5)
    assert similarity.snr_db(other, signal).item() == pytest.approx(swapped)


def test_cosine_by_hand():
    x, y = torch.tensor([[1.0, 0.0], [1.0, 2.0]]), torch.tensor([[1.0, 1.0], [-2.0, -4.0]])
    assert similarity.cosine(x, y).tolist() == pytest.approx([np.sqrt(0.5), -1])


@pytest.mark.parametrize("measure", [similarity.pearson, similarity.spearman])
def test_a_constant_has_no_correlation(measure):
    # The mean of 300 times 0.1 is not 0.1 in floating point: a naive r is a number here.
    constant = torch.full((2, 300), 0.1, dtype=torch.float64)
    varied = torch.arange(600, dtype=torch.float64).reshape(2, 300)
    assert measure(constant, varied).isnan().all()
    assert measure(varied, constant).isnan().all()
    assert measure(constant, constant).isnan().all()


def test_the_limits_of_snr_and_cosine():
    x, zero = torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)
    assert similarity.snr_db(x, x).item() == np.inf
    assert similarity.snr_db(zero, x).item() == -np.inf
    assert similarity.snr_db(zero, zero).isnan().all()
    assert similarity.cosine(zero, x).isnan().all()


@pytest.mark.parametrize("measure", [similarity.pearson, similarity.spearman, similarity.cosine])
def test_a_positive_scale_changes_nothing_and_equals_score_one(measure, pair):
    x, y = pair
    torch.testing.assert_close(measure(x, y), measure(3 * x, y), rtol=1e-6, atol=0)
    torch.testing.assert_close(measure(x, x), torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("measure", MEASURES)
def test_no_graph_is_kept_and_wrong_shapes_are_refused(measure, pair):
    x, y = pair
    assert not measure(x.clone().requires_grad_(), y).requires_grad
    with pytest.raises(ValueError, match=r"two tensors \(V, D\) are compared"):
        measure(x, y[:1])
    with pytest.raises(ValueError, match=r"two tensors \(V, D\) are compared"):
        measure(x[None], y[None])


def test_activations_are_flattened_view_by_view():
    activation = torch.arange(24).reshape(2, 3, 2, 2)
    assert similarity.flattened(activation).tolist() == [list(range(12)), list(range(12, 24))]
