"""Folding of batch norms into convolutions: activations and read layers do not change."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from mrd.models import network as networks
from mrd.models import registry
from mrd.models.folding import fold
from mrd.study.model_section import FrontEnd, ModelConfig


def lively(network, seed):
    """Give batch norms other statistics than those of a new network, 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                values.data = torch.rand(values.shape, generator=generator) + 0.5
    return network.eval().requires_grad_(False)


@pytest.fixture
def images(seed):
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def plain():
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4), last=nn.Conv2d(4, 2, 1))
    )


def test_folding_keeps_the_output(images, seed):
    network = lively(plain(), seed)
    before = network(images)
    assert fold(network, ["norm", "last"], images) == 1
    assert isinstance(network.norm, nn.Identity)
    torch.testing.assert_close(network(images), before, rtol=1e-4, atol=1e-5)


def test_a_convolution_that_is_read_is_not_folded(images, seed):
    network = lively(plain(), seed)
    before = network.conv(images)
    assert fold(network, ["conv"], images) == 0
    assert torch.equal(network.conv(images), before)


class Shared(nn.Module):
    """Uses a convolution's output twice: beside the batch norm as well as through it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return self.norm(y) + y


class Twice(nn.Module):
    """Runs one convolution with two batch norms."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.first = nn.BatchNorm2d(3)
        self.second = nn.BatchNorm2d(3)

    def forward(self, x):
        return self.second(self.conv(self.first(self.conv(x))))


@pytest.mark.parametrize("build", [Shared, Twice])
def test_modules_used_elsewhere_are_not_folded(build, images, seed):
    network = lively(build(), seed)
    before = network(images)
    kept = dict(network.named_modules())
    assert fold(network, [], images) == 0
    assert dict(network.named_modules()) == kept
    assert torch.equal(network(images), before)
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(
    ("name", "weights", "layers"),
    [
        ("efficientnet_lite0", "default", ("blocks.0", "blocks.2", "blocks.15", "head", "pool")),
        ("resnet18", "none", ("layer1.0.conv1", "layer1.0.bn1", "layer3", "avgpool")),
    ],
)
def test_activations_and_gradients_of_real_networks_agree(name, weights, layers, monkeypatch, seed):
    config = ModelConfig(network=name, weights=weights, layers=layers, front_end=FrontEnd(blur=0.0))
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(seed))
    folded = registry.create(config)
    read, gradient = read_and_gradient(folded, images)
    count = sum(type(module) is nn.BatchNorm2d for module in folded.network.modules())
    monkeypatch.setattr(networks, "fold", lambda *_: 0)
    whole = registry.create(config)
    expected, expected_gradient = read_and_gradient(whole, images)
    assert count < sum(type(module) is nn.BatchNorm2d for module in whole.network.modules()) / 4
    for layer in layers:
        largest = expected[layer].abs().max()
        assert (read[layer] - expected[layer]).abs().max() <= 1e-4 * largest, layer
    difference = (gradient - expected_gradient).norm()
    assert difference <= 1e-3 * expected_gradient.norm()


def read_and_gradient(model, images):
    images = images.clone().requires_grad_()
    read = model.activations(images)
    sum(value.square().mean() for value in read.values()).backward()
    return {layer: value.detach() for layer, value in read.items()}, images.grad
