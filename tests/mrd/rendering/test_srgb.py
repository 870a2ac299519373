"""The sRGB curve in torch: values as in NumPy, and finite slopes."""

import numpy as np
import torch

from mrd.rendering import srgb
from scenes.film import LINEAR_LIMIT, srgb_decode, srgb_encode


def test_both_directions_agree_with_the_film(rng):
    values = np.concatenate([[0, LINEAR_LIMIT, 0.04045, 1], rng.random(200)])
    tensor = torch.tensor(values)
    np.testing.assert_allclose(srgb.encoded(tensor), srgb_encode(values), rtol=1e-12)
    np.testing.assert_allclose(srgb.decoded(tensor), srgb_decode(values), rtol=1e-12)
    # The two parts of the curve of IEC 61966-2-1 meet but for the last digits of its constants.
    torch.testing.assert_close(srgb.decoded(srgb.encoded(tensor)), tensor, rtol=1e-6, atol=1e-9)


def test_slopes_at_black_and_white():
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    srgb.encoded(ends).sum().backward()
    # 12.92 at black; 1.055 / 2.4 at white.
    np.testing.assert_allclose(ends.grad, [12.92, 1.055 / 2.4], rtol=1e-12)
    ends.grad = None
    srgb.decoded(ends).sum().backward()
    np.testing.assert_allclose(ends.grad, [1 / 12.92, 2.4 / 1.055], rtol=1e-12)
