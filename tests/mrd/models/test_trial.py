"""The check of a model before use, with real networks that have errors."""

import pytest
import torch

from mrd.models import registry
from mrd.models.pixels import Pixels
from mrd.models.trial import finite_activations, try_model
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes.base.errors import InputError

NETWORK = """
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    labelled = True

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.mix = nn.Identity()
        self.fc = nn.Linear(4, 5)

    def forward(self, x):
        x = self.norm(self.conv(x))
        x = self.mix({forward})
        return self.fc(x.mean(dim=(2, 3)))

def make():
    net = Net()
    {made}
    return net
"""


@pytest.fixture
def model(tmp_path):
    """Return a function that builds a model from a file in the study's folder."""

    def model(forward="x", made="pass", layers=("mix",), whole=None):
        text = whole or NETWORK.format(forward=forward, made=made)
        (tmp_path / "own.py").write_text(text)
        config = ModelConfig(network="own:make", front_end=FrontEnd(blur=0.0), layers=layers)
        return registry.create(config, folder=tmp_path)

    return model


WRONG = {
    "dropout": ("F.dropout(x)", "'mix' returns different numbers for the same image"),
    "noise": (
        "x + 0.1 * torch.randn_like(x)",
        "'mix' returns different numbers for the same image",
    ),
    "statistics of the batch": (
        "(x - x.mean()) / x.std()",
        "'mix' returns different numbers for an image alone and in a batch",
    ),
    "train mode": (
        "F.batch_norm(x, None, None, training=True)",
        "for an image alone and in a batch",
    ),
    "NaN": (
        "x / 0 * 0",
        "'mix' returns NaN or infinite numbers for an image of noise and",
    ),
    "infinity": ("x.abs() / 0", "'mix' returns NaN or infinite numbers"),
    "detached": ("x.detach()", "'mix' has no derivative with respect to the image"),
    "through NumPy": (
        "torch.from_numpy(x.detach().numpy().copy())",
        "'mix' has no derivative with respect to the image",
    ),
    "whole numbers": (
        "x.round().int()",
        "returns torch.int32 numbers, and a search needs floating",
    ),
    "a derivative that is none": (
        "(x * 0).sqrt() + x",
        "the derivative of its layers mix with respect to an image of noise is NaN or infinite",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_unusable_networks_are_refused_with_the_layer(case, model):
    forward, message = WRONG[case]
    text = NETWORK
    if case == "whole numbers":  # which the classifier could not read
        text = text.replace("self.fc(x.mean(dim=(2, 3)))", "torch.zeros(len(x), 5)")
    own = model(whole=text.format(forward=forward, made="pass"))
    with pytest.raises(InputError, match=r"own:make: ") as refused:
        try_model(own, 16)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


class Elsewhere(Pixels):
    """A model whose activations are on another device."""

    def activations(self, images):
        return {name: each.to("meta") for name, each in super().activations(images).items()}


def test_activations_on_another_device_are_named():
    message = r"the layer 'pixels' returns a tensor on meta for images on cpu; keep tensors"
    with pytest.raises(InputError, match=message):
        try_model(Elsewhere(ModelConfig(network="pixels")), 16)


@pytest.mark.parametrize("made", ["pass", "net.train()", "net.double().float()"])
def test_a_usable_network_passes_in_any_mode(made, model):
    try_model(model(made=made), 16)


def test_logits_that_are_nan_are_refused(model):
    text = NETWORK.replace("return self.fc", "return float('nan') * self.fc")
    with pytest.raises(InputError, match=r"the layer 'output' returns NaN"):
        try_model(model(whole=text.format(forward="x", made="pass")), 16)


def test_nan_weights_of_a_users_network_are_named(model):
    with pytest.raises(InputError, match=r"network: own:make: the tensor 'conv\.bias' holds NaN"):
        model(made="net.conv.bias.data[0] = float('nan')")
    with pytest.raises(InputError, match=r"'norm\.running_var' holds a negative variance, -1"):
        model(made="net.norm.running_var[1] = -1")


def test_the_image_with_nan_is_named_with_model_and_layer(model):
    """Divides each image by its standard deviation, which is 0 for a uniform image."""
    spread = model("x / x.std(dim=(1, 2, 3), keepdim=True, correction=0).mul(1e30).round()")
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    spread.activations(images)
    images[1] = 0.5
    net = spread.network
    with torch.no_grad():
        net.conv.weight[:] = net.conv.weight[:1]
        net.conv.bias.zero_()
    message = r"model own:make: the layer 'mix' returns NaN or infinite numbers for camera c1; read"
    with pytest.raises(InputError, match=message):
        finite_activations(spread, images, ["camera c0", "camera c1", "camera c2"])


@pytest.mark.parametrize("network", ["efficientnet_lite0", "squeezenet1_1", "lpips/squeeze"])
def test_library_networks_pass(network):
    try_model(registry.create(ModelConfig(network=network, weights="none")), 64)


def test_pixels_pass():
    try_model(registry.create(ModelConfig(network="pixels")), 16)
