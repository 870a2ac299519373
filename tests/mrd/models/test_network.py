"""A network as a model: input, layers, gradients, and memory."""

import gc
import weakref
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mrd.models.layers import recorded
from mrd.models.network import Network, Recipe
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes.base.errors import InputError


class Toy(nn.Module):
    """A network from three channels to two, with everything that makes reading layers difficult."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, padding=1)
        self.clip = nn.ReLU(inplace=True)
        self.twice = nn.Identity()
        self.idle = nn.Identity()
        self.pair = nn.MaxPool2d(2, return_indices=True)
        self.rows = nn.Flatten(0, 2)

    def forward(self, x):
        x = self.clip(self.conv(x))
        x = self.twice(self.twice(x))
        self.pair(x)
        self.rows(x)
        return x.mean(dim=(2, 3))


@pytest.fixture
def toy():
    return Recipe(
        name="toy",
        build=Toy,
        trained=lambda: (Toy(), {}),
        default=("clip",),
        mean=(0.5, 0.25, 0.0),
        std=(0.5, 0.25, 2.0),
    )


def made(recipe, *layers, blur=0.0):
    config = ModelConfig(
        network="toy", weights="none", layers=layers or None, front_end=FrontEnd(blur=blur)
    )
    return Network(recipe, config, Path())


@pytest.fixture
def images(seed):
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("blur", [0.0, 1.0])
def test_network_input_keeps_position_and_channel_order(toy, blur):
    image = torch.zeros(1, 3, 32, 32)
    image[0, 0, :12, :12] = 1.0
    model = made(toy, blur=blur)
    model.activations(image)  # the first image of a size is preceded by a trial
    given = []
    model.network.conv.register_forward_pre_hook(lambda _module, inputs: given.append(inputs[0]))
    model.activations(image)
    received = given[0][0]
    assert received.shape == (3, 32, 32)
    # Inside the square, five pixels from its edges: (1 − .5)/.5; elsewhere (0 − mean)/std.
    torch.testing.assert_close(received[0, :7, :7], torch.ones(7, 7))
    torch.testing.assert_close(received[0, 17:, :], torch.full((15, 32), -1.0))
    torch.testing.assert_close(received[0, :, 17:], torch.full((32, 15), -1.0))
    torch.testing.assert_close(received[1], torch.full((32, 32), -1.0))
    torch.testing.assert_close(received[2], torch.zeros(32, 32))


def test_a_layer_is_recorded_before_in_place_changes(toy, images):
    model = made(toy, "conv", "clip")
    read = model.activations(images)
    given = (images - model.mean) / model.std
    expected = torch.conv2d(given, model.network.conv.weight, model.network.conv.bias, padding=1)
    assert (expected < 0).any()
    torch.testing.assert_close(read["conv"], expected)
    torch.testing.assert_close(read["clip"], expected.clamp(min=0))
    assert list(read) == ["conv", "clip"]


def test_gradients_pass_a_layer_changed_in_place(toy, images):
    model = made(toy, "conv")
    images.requires_grad_()
    model.activations(images)["conv"].sum().backward()
    # d(sum)/d(image), inside: the sum of the weights of a channel over outputs and places.
    inside = model.network.conv.weight.sum(dim=(0, 2, 3)) / model.std.flatten()
    torch.testing.assert_close(images.grad[0, :, 8, 8], inside)
    assert all(weight.grad is None for weight in model.parameters())
    assert not any(weight.requires_grad for weight in model.parameters())


def test_images_are_processed_independently(toy, images):
    model = made(toy, "conv", blur=1.0)
    both = model.activations(images)["conv"]
    torch.testing.assert_close(both[1:], model.activations(images[1:])["conv"])


def test_training_mode_is_never_set(toy):
    model = made(toy)
    model.train()
    assert not any(module.training for module in model.modules())


def test_no_memory_is_kept_between_calls(toy, images):
    model = made(toy, "conv", "clip", blur=1.0)
    images.requires_grad_()
    model.activations(images)

    def tensors():
        gc.collect()
        return sum(type(each) is torch.Tensor for each in gc.get_objects())

    before = tensors()
    gc.disable()
    try:
        for _ in range(20):
            read = model.activations(images)
            read["clip"].sum().backward()
            last = weakref.ref(read["conv"])
            del read
            assert last() is None, "freed at once, not by the garbage collector"
    finally:
        gc.enable()
    images.grad = None
    assert tensors() == before
    assert not any(module._forward_hooks for module in model.modules())


def test_hooks_are_removed_after_a_failure(toy, images):
    network = Toy()
    with (
        pytest.raises(RuntimeError, match="expected input"),
        recorded(network, ["conv"]),
    ):
        network(images[:, :2])
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("twice", r"'twice' of toy runs 2 times for one image"),
        ("idle", r"'idle' of toy does not run"),
        ("pair", r"'pair' of toy returns a tuple, not a tensor"),
        ("rows", r"'rows' of toy returns \(64, 16\), which is not one row per image"),
    ],
)
def test_a_layer_without_a_usable_activation_is_refused(toy, images, layer, message):
    model = made(toy, layer)
    with pytest.raises(InputError, match=message):
        model.activations(images)


def test_a_layer_that_does_not_exist_is_named_with_the_nearest_and_the_list(toy):
    with pytest.raises(
        InputError,
        match=r"toy has no layer 'conw'; did you mean 'conv'\? its outer layers: conv, clip, "
        r"twice, idle, pair, rows, output; `mrd models toy` lists all",
    ):
        made(toy, "clip", "conw")


def test_an_invalid_image_size_is_refused(toy, images):
    with pytest.raises(InputError, match=r"toy takes images of 32×32 pixels only, not 16×16"):
        made(replace(toy, only_size=32)).activations(images)
    with pytest.raises(InputError, match=r"toy takes images of at least 20×20 pixels, not 16×16"):
        made(replace(toy, smallest=20)).activations(images)


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(3, 16, 16),
        torch.zeros(1, 16, 16, 3),
        torch.zeros(1, 3, 16, 16, dtype=torch.float64),
    ],
)
def test_input_that_is_no_batch_of_images_is_refused(toy, wrong):
    with pytest.raises(ValueError, match=r"images must be \(V, 3, H, W\) float32"):
        made(toy).activations(wrong)


def test_layer_shapes_are_of_one_image_and_only_readable_layers(toy):
    assert toy.layer_shapes(16) == {"conv": (2, 16, 16), "clip": (2, 16, 16), "output": (2,)}


def test_nested_layers_have_names(images):
    nested = Recipe(
        name="nested",
        build=lambda: nn.Sequential(
            OrderedDict(a=nn.Sequential(nn.Identity(), nn.ReLU()), b=nn.Flatten())
        ),
        trained=lambda: (nn.Identity(), {}),
        default=("a.1",),
        mean=(0.5, 0.5, 0.5),
        std=(1.0, 1.0, 1.0),
    )
    read = made(nested, "a.0", "a.1").activations(images)
    torch.testing.assert_close(read["a.0"], images - 0.5)
    torch.testing.assert_close(read["a.1"], (images - 0.5).clamp(min=0))
