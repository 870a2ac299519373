"""The front end, against hand-computed numbers and SciPy."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from mrd.models.front_end import FrontEndModule, blur_matrix, gaussian
from mrd.study.model_section import FrontEnd


def test_gaussian_of_one_pixel():
    # exp(−k²/2) for k = 0 … 4 is 1, .60653066, .13533528, .01110900, .00033546;
    # the nine of them sum to 2.50662080.
    expected = [0.39894347, 0.24197144, 0.05399112, 0.00443186, 0.00013383]
    weights = gaussian(1.0)
    assert weights[4:].tolist() == pytest.approx(expected, abs=1e-8)
    assert torch.equal(weights, weights.flip(0))


def test_impulse_response_is_the_gaussian():
    image = torch.zeros(1, 3, 21, 21)
    image[0, 1, 10, 10] = 1.0
    blurred = FrontEndModule(FrontEnd(blur=1.0))(image)
    assert blurred[0, 1, 10, 10].item() == pytest.approx(0.39894347**2, abs=1e-7)
    assert blurred[0, 1, 11, 8].item() == pytest.approx(0.24197144 * 0.05399112, abs=1e-7)
    assert blurred[0, 1, 10, 15].item() == 0, "five pixels away, past the cut"
    assert blurred[0, 0].abs().max() == 0
    assert blurred[0, 2].abs().max() == 0


def test_image_is_mirrored_at_its_edge():
    # Three pixels: −1 and −2 are 0 and 1 again, 3 and 4 are 2 and 1.
    matrix = blur_matrix(3, 0.6)
    a, b, c = gaussian(0.6)[:3].float()  # radius int(4·0.6 + 0.5) = 2
    expected = torch.tensor(
        [
            [c + b, b + a, a],
            [b + a, c, b + a],
            [a, b + a, c + b],
        ]
    )
    torch.testing.assert_close(matrix, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5, 20.0])
@pytest.mark.parametrize("shape", [(8, 8), (31, 12), (128, 128)])
def test_blur_agrees_with_scipy_and_keeps_the_mean(sigma, shape, rng):
    images = torch.from_numpy(rng.random((2, 3, *shape), dtype=np.float32))
    blurred = FrontEndModule(FrontEnd(blur=sigma))(images)
    expected = gaussian_filter(images.numpy(), sigma, mode="reflect", axes=(2, 3))
    np.testing.assert_allclose(blurred.numpy(), expected, atol=2e-6)
    torch.testing.assert_close(blurred.mean(dim=(2, 3)), images.mean(dim=(2, 3)), rtol=0, atol=2e-6)


def test_blur_keeps_a_constant_image():
    grey = torch.full((1, 3, 17, 40), 0.4)
    torch.testing.assert_close(FrontEndModule(FrontEnd(blur=3.0))(grey), grey, rtol=0, atol=1e-6)


def test_zero_blur_returns_the_same_image():
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert FrontEndModule(FrontEnd(blur=0.0))(image) is image


def test_grey_is_the_luma_of_the_encoded_channels_in_all_three():
    colour = torch.tensor([0.2, 0.6, 1.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    # .2126 · .2 + .7152 · .6 + .0722 · 1
    seen = FrontEndModule(FrontEnd(blur=0.0, grey=True))(colour)
    torch.testing.assert_close(seen, torch.full((1, 3, 4, 4), 0.54384))


def test_contrast_is_about_display_grey():
    image = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1)
    seen = FrontEndModule(FrontEnd(blur=0.0, contrast=0.25))(image)
    torch.testing.assert_close(seen.flatten(), torch.tensor([0.375, 0.5, 0.625]))


def test_operations_commute_and_keep_display_grey(rng):
    image = torch.from_numpy(rng.random((1, 3, 16, 16), dtype=np.float32))
    parts = [{"blur": 2.0}, {"grey": True, "blur": 0.0}, {"contrast": 0.5, "blur": 0.0}]
    one_by_one = image
    for part in reversed(parts):
        one_by_one = FrontEndModule(FrontEnd(**part))(one_by_one)
    whole = FrontEndModule(FrontEnd(blur=2.0, grey=True, contrast=0.5))
    torch.testing.assert_close(whole(image), one_by_one, rtol=0, atol=1e-6)
    grey = torch.full((1, 3, 16, 16), 0.5)
    torch.testing.assert_close(whole(grey), grey, rtol=0, atol=1e-6)


def test_all_settings_are_in_name_and_record():
    module = FrontEndModule(FrontEnd(blur=1.0, grey=True, contrast=0.5))
    assert module.suffix == "+blur1+grey+contrast0.5"
    assert module.record() == {"blur": 1.0, "grey": True, "contrast": 0.5}
    assert FrontEndModule(FrontEnd(blur=0.0)).suffix == ""


@pytest.mark.parametrize(
    ("blur", "suffix"), [(0.0, ""), (1.0, "+blur1"), (0.5, "+blur0.5"), (12.0, "+blur12")]
)
def test_blur_is_part_of_the_name(blur, suffix):
    assert FrontEndModule(FrontEnd(blur=blur)).suffix == suffix
