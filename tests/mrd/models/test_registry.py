"""Names of networks, and models built from them."""

import json
import subprocess
import sys

import pytest
import torch
import torchvision

from mrd.models import registry
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError


def test_listing_imports_neither_torch_nor_networks():
    script = (
        "import sys; from mrd.models import registry; registry.descriptions(); "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert "scenes" in loaded
    assert loaded.isdisjoint(
        {"torch", "torchvision", "efficientnet_lite_pytorch", "mitsuba", "drjit"}
    )


def test_an_unknown_network_is_named_with_the_nearest_and_the_list():
    with pytest.raises(
        InputError,
        match=r"no network is called 'efficientnet-lite0'; did you mean 'efficientnet_lite0'\? "
        r"`mrd models` lists all networks, `mrd models effi` those whose name contains 'effi'",
    ):
        registry.create(ModelConfig(network="efficientnet-lite0"))


@pytest.mark.parametrize(
    ("network", "weights"),
    [
        ("efficientnet_lite0", "default"),
        ("efficientnet_lite0", "none"),
        ("resnet18", "none"),
        ("pixels", "default"),
    ],
)
def test_create_keeps_the_random_state_and_the_record_is_json(network, weights):
    before = torch.get_rng_state()
    model = registry.create(ModelConfig(network=network, weights=weights))
    assert torch.equal(torch.get_rng_state(), before)
    assert json.loads(json.dumps(model.record()))["name"] == model.name


@pytest.mark.parametrize("network", ["efficientnet_lite0", "pixels"])
def test_layer_shapes_are_those_of_the_activations(network):
    shapes = registry.layer_shapes(ModelConfig(network=network), 64)
    model = registry.create(ModelConfig(network=network, layers=tuple(shapes)))
    read = model.activations(torch.zeros(2, 3, 64, 64))
    assert {layer: tuple(value.shape[1:]) for layer, value in read.items()} == shapes
    assert set(registry.default_layers(ModelConfig(network=network))) <= set(shapes)


def test_networks_are_found_by_a_part_of_their_name():
    assert "timm/vit_small_patch14_dinov2.lvd142m" in registry.matching("timm/dino")
    assert all("dino" in name for name in registry.matching("timm/dino"))
    found = registry.matching("resnet50")
    assert {"resnet50", "resnet50_stylized", "timm/resnet50.a1_in1k"} <= set(found)
    assert registry.matching("plenoptic/On") == ["plenoptic/OnOff"]
    assert registry.matching("torchvision/resnet18") == ["resnet18"]
    assert registry.matching("no such thing") == []


def test_the_torchvision_prefix_is_optional():
    with_prefix = registry.create(ModelConfig(network="torchvision/resnet18", weights="none"))
    assert with_prefix.name == "resnet18+untrained+blur1"


def test_a_full_name_is_distinguished_from_a_part():
    whole = ["pixels", "resnet50", "timm/resnet18", "timm/resnet18.a1_in1k", "lpips/alex"]
    assert all(registry.exists(name) for name in [*whole, "timm/vit_tiny_patch16_224@128"])
    assert not any(registry.exists(name) for name in ["resnet", "timm/resnet18.", "lpips/"])


def test_weights_of_stylized_imagenet_come_from_a_file(tmp_path):
    with pytest.raises(
        InputError,
        match=r"download resnet50_train_60_epochs-c8e5653e\.pth\.tar .*rgeirhos/texture-vs-shape"
        r".* set weights to resnet50_train_60_epochs-c8e5653e\.pth\.tar",
    ):
        registry.create(ModelConfig(network="resnet50_stylized"))
    # The authors trained in parallel: every name starts with `module.`.
    state = torchvision.models.resnet50(weights=None).state_dict()
    state["fc.bias"][7] = 1e6
    parallel = {f"module.{name}": value for name, value in state.items()}
    name = "resnet50_train_60_epochs-c8e5653e.pth.tar"
    torch.save({"epoch": 60, "arch": "resnet50", "state_dict": parallel}, tmp_path / name)
    model = registry.create(ModelConfig(network="resnet50_stylized", weights=name), folder=tmp_path)
    assert model.layers == ("avgpool",)
    assert model.labels(torch.zeros(2, 3, 64, 64)).tolist() == [7, 7]
    assert model.record()["weights"]["file"] == name


def test_untrained_network_differs_and_is_reproducible():
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    trained = registry.create(ModelConfig(network="efficientnet_lite0")).activations(images)
    config = ModelConfig(network="efficientnet_lite0", weights="none")
    first, second = registry.create(config), registry.create(config)
    assert torch.equal(first.activations(images)["pool"], second.activations(images)["pool"])
    assert not torch.allclose(first.activations(images)["pool"], trained["pool"])
    assert first.record() == second.record()


def test_class_names_are_in_the_order_of_outputs():
    lite, torchvisions, timms = (
        registry.class_names(ModelConfig(network=network))
        for network in ("efficientnet_lite0", "resnet18", "timm/resnet18.a1_in1k")
    )
    assert len(lite) == 1000
    assert lite == timms
    for number, word in ((0, "tench"), (281, "tabby"), (602, "horizontal bar"), (999, "toilet")):
        assert word in lite[number].lower()
        assert word in torchvisions[number].lower()


@pytest.mark.parametrize(
    "network", ["pixels", "plenoptic/OnOff", "timm/vit_small_patch14_dinov2.lvd142m"]
)
def test_networks_without_classes_have_no_class_names(network):
    assert registry.class_names(ModelConfig(network=network)) == ()
