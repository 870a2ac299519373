"""Models are tried before they are used: real networks of one's own that go wrong."""

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
    """Give a function that makes a model of a file in the study's folder."""

    def model(forward="x", made="pass", layers=("mix",), whole=None):
        text = whole or NETWORK.format(forward=forward, made=made)
        (tmp_path / "own.py").write_text(text)
        config = ModelConfig(network="own:make", front_end=FrontEnd(blur=0.0), layers=layers)
        return registry.create(config, folder=tmp_path)

    return model


WRONG = {
    "dropout": ("F.dropout(x)", "'mix' gives other numbers each time that it sees the same image"),
    "noise": ("x + 0.1 * torch.randn_like(x)", "'mix' gives other numbers each time"),
    "statistics of the batch": (
        "(x - x.mean()) / x.std()",
        "'mix' gives other numbers for an image alone than for the same image beside another",
    ),
    "train mode": ("F.batch_norm(x, None, None, training=True)", "for an image alone than for"),
    "NaN": (
        "x / 0 * 0",
        "'mix' gives NaN or infinite numbers for an image of noise and",
    ),
    "infinity": ("x.abs() / 0", "'mix' gives NaN or infinite numbers"),
    "detached": ("x.detach()", "'mix' passes no derivative on to the image"),
    "through NumPy": (
        "torch.from_numpy(x.detach().numpy().copy())",
        "'mix' passes no derivative on to the image",
    ),
    "whole numbers": ("x.round().int()", "gives torch.int32 numbers, and a search needs floating"),
    "a derivative that is none": (
        "(x * 0).sqrt() + x",
        "the derivative of its layers mix by an image of noise is NaN or infinite",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_network_that_cannot_be_searched_with_is_refused_by_layer(case, model):
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
    """A model that gives its activations on another device."""

    def activations(self, images):
        return {name: each.to("meta") for name, each in super().activations(images).items()}


def test_activations_on_another_device_are_named():
    message = r"the layer 'pixels' gives a tensor on meta for images on cpu; leave tensors"
    with pytest.raises(InputError, match=message):
        try_model(Elsewhere(ModelConfig(network="pixels")), 16)


@pytest.mark.parametrize("made", ["pass", "net.train()", "net.double().float()"])
def test_a_sound_network_passes_in_whatever_mode_it_is_made(made, model):
    try_model(model(made=made), 16)


def test_classes_that_are_no_numbers_are_refused(model):
    text = NETWORK.replace("return self.fc", "return float('nan') * self.fc")
    with pytest.raises(InputError, match=r"the layer 'output' gives NaN"):
        try_model(model(whole=text.format(forward="x", made="pass")), 16)


def test_weights_that_are_none_in_a_network_of_ones_own_are_named(model):
    with pytest.raises(InputError, match=r"network: own:make: the tensor 'conv\.bias' holds NaN"):
        model(made="net.conv.bias.data[0] = float('nan')")
    with pytest.raises(InputError, match=r"'norm\.running_var' holds a negative variance, -1"):
        model(made="net.norm.running_var[1] = -1")


def test_one_image_of_several_is_named_with_model_and_layer(model):
    """Each image divided by its own spread: one of a single colour has none."""
    spread = model("x / x.std(dim=(1, 2, 3), keepdim=True, correction=0).mul(1e30).round()")
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    spread.activations(images)
    images[1] = 0.5
    net = spread.network
    with torch.no_grad():
        net.conv.weight[:] = net.conv.weight[:1]
        net.conv.bias.zero_()
    message = r"model own:make: the layer 'mix' gives NaN or infinite numbers for camera c1; read"
    with pytest.raises(InputError, match=message):
        finite_activations(spread, images, ["camera c0", "camera c1", "camera c2"])


@pytest.mark.parametrize("network", ["efficientnet_lite0", "squeezenet1_1", "lpips/squeeze"])
def test_networks_of_libraries_pass(network):
    try_model(registry.create(ModelConfig(network=network, weights="none")), 64)


def test_pixels_pass():
    try_model(registry.create(ModelConfig(network="pixels")), 16)
