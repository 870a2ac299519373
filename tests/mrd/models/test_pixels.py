"""The image itself as a model."""

import pytest
import torch

from mrd.models import registry
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes.base.errors import InputError


@pytest.fixture
def images(seed):
    return torch.rand(2, 3, 24, 40, generator=torch.Generator().manual_seed(seed))


def test_without_a_front_end_the_activation_is_the_image(images):
    model = registry.create(ModelConfig(network="pixels", front_end=FrontEnd(blur=0.0)))
    assert model.name == "pixels"
    assert model.layers == ("pixels",)
    assert torch.equal(model.activations(images)["pixels"], images)


def test_the_front_end_comes_first_and_passes_gradients(images):
    model = registry.create(ModelConfig(network="pixels"))
    images.requires_grad_()
    seen = model.activations(images)["pixels"]
    assert model.name == "pixels+blur1"
    assert seen.var() < images.var()
    seen.sum().backward()
    # The blur keeps the sum, so every pixel counts once.
    torch.testing.assert_close(images.grad, torch.ones_like(images))


def test_pixels_have_no_classes_and_no_weights(images):
    model = registry.create(ModelConfig(network="pixels"))
    assert not model.has_labels
    assert model.labels(images) is None
    assert list(model.parameters()) == []
    assert model.record()["weights"] is None


def test_another_layer_is_refused():
    with pytest.raises(
        InputError, match=r"pixels has no layer 'pixel'; did you mean 'pixels'\? allowed: pixels"
    ):
        registry.create(ModelConfig(network="pixels", layers=("pixel",)))


def test_weights_are_refused():
    with pytest.raises(InputError, match=r"'none' is not allowed for pixels, which has no weights"):
        registry.create(ModelConfig(network="pixels", weights="none"))
