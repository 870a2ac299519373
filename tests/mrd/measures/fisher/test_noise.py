"""Effect of noise in a derivative on a threshold, compared with the estimator."""

import re

import numpy as np
import pytest

from mrd.measures.fisher.information import information, prediction
from mrd.measures.fisher.noise import samples_for, share_of_threshold, warning


@pytest.mark.parametrize("noise", [0.1, 1.0, 3.0])
def test_a_threshold_shrinks_as_its_agreement_says(rng, noise):
    """Over 200,000 units the figure has an sd below 0.3 % at N² = 3: 3 % are ten of them."""
    true = rng.normal(size=(1, 1, 200_000))
    halves = [true + np.sqrt(noise) * rng.normal(size=true.shape) for _ in range(2)]
    agreement = float((halves[0] * halves[1]).sum() / np.prod([np.linalg.norm(h) for h in halves]))
    found, meant = (
        prediction(information(each, np.ones(each.shape[1:]))).thresholds[0]
        for each in (sum(halves) / 2, true)
    )
    assert found / meant == pytest.approx(share_of_threshold(agreement), rel=0.03)


def test_figures_worked_out_by_hand():
    assert share_of_threshold(1.0) == 1
    assert share_of_threshold(0.28) == pytest.approx(np.sqrt(0.56 / 1.28))  # .661
    assert samples_for(0.5, 100) == 400  # N²/S² from 1 to a quarter
    assert samples_for(0.8, 100) == 100


@pytest.mark.parametrize(
    ("agreement", "samples", "expected"),
    [
        (0.28, 256, r"agree by 0\.28: the threshold is about 34% too small; raise "
         r"fisher\.derivative_samples from 256 toward 2633$"),
        (0.01, 4096, r"toward 65536$"),
        (-0.02, 256, r"agree by -0\.02: the threshold is noise alone; raise .* toward 65536$"),
        (0.3, 65536, r"this is the largest number of samples: leave this parameter out$"),
    ],
)  # fmt: skip
def test_a_low_agreement_is_a_warning_with_advice(agreement, samples, expected):
    assert re.search(expected, warning({"agreement": agreement}, samples))


@pytest.mark.parametrize("agreement", [None, 0.5, 0.97])
def test_a_good_agreement_is_no_warning(agreement):
    assert warning({"agreement": agreement}, 256) is None
