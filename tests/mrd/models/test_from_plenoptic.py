"""Models of plenoptic: input, layers, and image sizes."""

import numpy as np
import plenoptic
import pytest
import torch

from mrd.models import registry
from mrd.models.from_plenoptic import grey
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes.base.errors import InputError
from scenes.film import LUMINANCE, srgb_decode, srgb_encode

WEIGHTS = torch.tensor(LUMINANCE).view(1, 3, 1, 1)


def created(name, **changes):
    return registry.create(
        ModelConfig(network=f"plenoptic/{name}", front_end=FrontEnd(blur=0.0), **changes)
    )


@pytest.fixture
def images(seed):
    return torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(seed))


def test_grey_has_the_luminance_of_the_colour(images):
    linear = srgb_decode(images.numpy().astype(np.float64))
    luminance = 0.2126 * linear[:, 0] + 0.7152 * linear[:, 1] + 0.0722 * linear[:, 2]
    expected = srgb_encode(luminance)[:, None]
    np.testing.assert_allclose(grey(images, WEIGHTS).numpy(), expected, atol=1e-6)


def test_greys_of_known_colours():
    # Red: Y = .2126, 1.055 · .2126^(1/2.4) − .055 = .49844; greys stay themselves.
    colours = torch.tensor([[1.0, 0, 0], [0.3, 0.3, 0.3], [1, 1, 1], [0, 0, 0]]).view(4, 3, 1, 1)
    values = grey(colours, WEIGHTS).flatten()
    torch.testing.assert_close(values, torch.tensor([0.49844, 0.3, 1, 0]), rtol=0, atol=2e-5)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_gradients_of_black_and_white_are_finite(level):
    image = torch.full((1, 3, 4, 4), level, requires_grad=True)
    grey(image, WEIGHTS).sum().backward()
    assert image.grad.isfinite().all()


@torch.no_grad()
def test_response_is_only_at_the_position_of_a_red_square():
    image = torch.zeros(1, 3, 128, 128)
    image[0, 0, :40, :40] = 1.0
    model = created("LinearNonlinear")
    answer = (model.activations(image) | {})["response"] - model.activations(image * 0)["response"]
    assert answer[0, 0, :50, :50].abs().max() > 0.1
    assert answer[0, 0, 60:].abs().max() < 1e-4
    assert answer[0, 0, :, 60:].abs().max() < 1e-4


@torch.no_grad()
def test_activations_agree_with_the_library(images):
    original = plenoptic.models.OnOff(31, pretrained=True, cache_filt=True)
    expected = original(grey(images, WEIGHTS))
    torch.testing.assert_close(created("OnOff").activations(images)["response"], expected)


@torch.no_grad()
def test_statistics_of_portilla_and_simoncelli_by_scale(images):
    scales = [f"scale_{scale}" for scale in range(4)]
    parts = ("pixel_statistics", "residual_lowpass", *scales, "residual_highpass")
    read = created("PortillaSimoncelli", layers=("statistics", *parts)).activations(images)
    assert read["statistics"].shape == (2, 710)
    assert sum(read[part].shape[1] for part in parts) == 710
    # The first statistics are the mean and the variance of the image.
    mean = grey(images, WEIGHTS).mean(dim=(1, 2, 3))
    torch.testing.assert_close(read["pixel_statistics"][:, 0], mean)


@torch.no_grad()
def test_energy_does_not_depend_on_phase():
    x = torch.arange(128) / 128 * 2 * torch.pi * 16
    gratings = [0.5 + 0.2 * torch.sin(x + phase) for phase in (0.0, torch.pi / 2)]
    images = torch.stack([g.expand(3, 128, 128) for g in gratings])
    read = created("SteerablePyramidFreq", layers=("scale_1", "energy_1")).activations(images)
    first, second = read["energy_1"]
    largest = first.max()
    assert (first - second).abs().max() < 0.02 * largest
    phases = read["scale_1"]
    assert phases.shape == (2, 8, 64, 64)
    assert (phases[0] - phases[1]).abs().max() > 0.5 * largest


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("PortillaSimoncelli", 136, r"at least 128×128 pixels in multiples of 16, not 136×136"),
        ("PortillaSimoncelli", 64, r"at least 128×128 pixels in multiples of 16, not 64×64"),
        ("SteerablePyramidFreq", 100, r"at least 64×64 pixels in multiples of 16, not 100×100"),
        ("OnOff", 30, r"plenoptic/OnOff takes images of at least 31×31 pixels, not 30×30"),
    ],
)
def test_an_invalid_image_size_is_refused(name, size, message):
    with pytest.raises(InputError, match=message):
        created(name).activations(torch.zeros(1, 3, size, size))
    with pytest.raises(InputError, match=message):
        registry.layer_shapes(ModelConfig(network=f"plenoptic/{name}"), size)


def test_smallest_sizes_are_accepted(seed):
    generator = torch.Generator().manual_seed(seed)
    for name, size in [("PortillaSimoncelli", 128), ("SteerablePyramidFreq", 64), ("OnOff", 31)]:
        image = torch.rand(1, 3, size, size, generator=generator)
        for value in created(name).activations(image).values():
            assert value.isfinite().all()


def test_unknown_models_layers_and_weights_are_refused():
    with pytest.raises(InputError, match=r"OnOff has no layer 'respons'; did you mean 'response'"):
        created("OnOff", layers=("respons",))
    with pytest.raises(InputError, match=r"'none' is not allowed for plenoptic/OnOff"):
        created("OnOff", weights="none")
    with pytest.raises(InputError, match=r"'plenoptic/OnOf'; did you mean 'plenoptic/OnOff'"):
        registry.create(ModelConfig(network="plenoptic/OnOf"))
    model = created("OnOff")
    assert not model.has_labels
    assert model.labels(torch.zeros(1, 3, 64, 64)) is None
