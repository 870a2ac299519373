import numpy as np
import pandas as pd

from analysis import mixed_models


def test_the_same_answers_give_the_same_fit_to_the_last_bit(rng):
    """statsmodels draws what a fit is not given to start from, with entropy of the system."""
    rows = pd.MultiIndex.from_product(
        [["shape", "material"], ["01", "02", "03"], ["bunny", "vase"], range(20)],
        names=["condition", "observer", "target", "trial"],
    ).to_frame(index=False)
    frame = rows.assign(correct=(rng.random(len(rows)) < 0.7).astype(int), n=1)
    first, *others = (mixed_models.fit(frame) for _ in range(3))
    assert np.isfinite(first["logit"]).all()
    for other in others:
        pd.testing.assert_frame_equal(first, other, check_exact=True)
