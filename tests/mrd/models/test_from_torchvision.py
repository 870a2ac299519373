"""Networks of torchvision: normalisation, layers, and missing weights."""

import urllib.request
from pathlib import Path

import pytest
import torch
import torchvision

from mrd.models import from_torchvision, registry
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes.base.errors import InputError


@pytest.fixture(scope="module")
def resnet18():
    return registry.create(
        ModelConfig(
            network="resnet18",
            weights="none",
            layers=("layer1.0.conv2", "layer1.0.bn2", "layer4", "avgpool"),
            front_end=FrontEnd(blur=0.0),
        )
    )


@pytest.fixture(scope="module")
def original():
    """Return torchvision's network with the weights of our untrained one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torchvision.models.resnet18(weights=None).eval()


@pytest.fixture
def images(seed):
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Return an empty cache of weights, with a proxy that answers no request.

    Port 9 of this very machine is closed, so that a connection is refused at once.
    """
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    # Python keeps the way out that it found first.
    monkeypatch.setattr(urllib.request, "_opener", None)
    return tmp_path / "hub" / "checkpoints"


def test_untrained_network_agrees_with_torchvision_and_its_normalisation(
    resnet18, original, images
):
    # ImageNet's mean and standard deviation, as torchvision states them for resnet18.
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    pooled = resnet18.activations(images)["avgpool"]
    assert pooled.shape == (2, 512, 1, 1)
    logits = original((images - mean) / std)
    torch.testing.assert_close(original.fc(pooled.flatten(1)), logits, rtol=1e-4, atol=1e-4)


def test_in_place_sums_do_not_change_a_recorded_layer(resnet18, images):
    read = resnet18.activations(images)
    expected = resnet18.network.layer1[0].bn2(read["layer1.0.conv2"])
    torch.testing.assert_close(read["layer1.0.bn2"], expected)


def test_only_the_image_has_gradients(resnet18, images):
    images.requires_grad_()
    resnet18.activations(images)["layer1.0.bn2"].square().sum().backward()
    assert images.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in resnet18.parameters())


def test_untrained_network_has_no_classes_and_a_suffix(resnet18, images):
    assert resnet18.name == "resnet18+untrained"
    assert resnet18.labels(images) is None
    assert not resnet18.has_labels
    weights = resnet18.record()["weights"]
    assert weights["source"] == "none"
    assert weights["seed"] == 0


def test_a_module_that_runs_twice_is_refused(images):
    model = registry.create(
        ModelConfig(network="resnet18", weights="none", layers=("layer1.0.relu",))
    )
    with pytest.raises(InputError, match=r"'layer1\.0\.relu' of resnet18 runs 2 times"):
        model.activations(images)


# One of each family: the pooled activation that the classifier is given, where there is one.
@pytest.mark.parametrize(
    ("network", "shape"),
    [
        ("resnet50", (2048, 1, 1)),
        ("vgg19", (4096,)),
        ("convnext_tiny", (768, 1, 1)),
        ("efficientnet_b0", (1280, 1, 1)),
        ("regnet_y_400mf", (440, 1, 1)),
        ("densenet121", (1024,)),
        ("googlenet", (1024, 1, 1)),
        ("inception_v3", (2048, 1, 1)),
        ("maxvit_t", (512,)),
        ("mnasnet0_5", (1280,)),
        ("mobilenet_v2", (1280,)),
        ("shufflenet_v2_x0_5", (1024,)),
        ("squeezenet1_1", (512, 13, 13)),
        ("swin_t", (768, 1, 1)),
        ("vit_b_16", (768,)),
    ],
)
def test_default_layer_of_every_family(network, shape):
    config = ModelConfig(network=f"{network}")
    (layer,) = registry.default_layers(config)
    assert registry.layer_shapes(config, 224)[layer] == shape


def test_a_transformer_accepts_only_one_size():
    with pytest.raises(
        InputError, match=r"vit_b_16 takes images of 224×224 pixels only, not 128×128"
    ):
        registry.layer_shapes(ModelConfig(network="vit_b_16"), 128)


def test_an_unknown_network_is_named_with_the_nearest():
    with pytest.raises(
        InputError, match=r"no classification network 'resnet5O'; did you mean 'resnet50'\?"
    ):
        registry.create(ModelConfig(network="torchvision/resnet5O"))


def test_missing_weights_are_named_with_their_cache_path(cache):
    with pytest.raises(
        InputError,
        match=r"those of resnet18 are not at .*/hub/checkpoints/resnet18-f37072fd\.pth "
        r"and cannot be downloaded .*: save https://\S+/resnet18-f37072fd\.pth as this file",
    ) as caught:
        registry.create(ModelConfig(network="resnet18"))
    assert str(cache / "resnet18-f37072fd.pth") in str(caught.value)
    assert not any(cache.iterdir())


def test_a_cached_file_with_a_wrong_hash_is_refused(cache):
    cache.mkdir(parents=True)
    (cache / "resnet18-f37072fd.pth").write_bytes(b"half a download")
    with pytest.raises(InputError, match=r"does not start with f37072fd\): delete it"):
        registry.create(ModelConfig(network="resnet18"))


def test_a_cached_file_is_used(cache, original):
    # The hash of published weights cannot be forged, so this enters after the check.
    weights = torchvision.models.get_model_weights("resnet18").DEFAULT
    cache.mkdir(parents=True)
    path = Path(cache / "resnet18-f37072fd.pth")
    state = {key: value + 1 for key, value in original.state_dict().items()}
    torch.save(state, path)
    loaded = from_torchvision.from_cache("resnet18", weights, path).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_a_file_of_the_study_is_loaded_and_becomes_part_of_the_name(original, tmp_path, images):
    state = {key: value.clone() for key, value in original.state_dict().items()}
    state["fc.bias"][7] = 1e6
    torch.save(state, tmp_path / "mine.pth")
    config = ModelConfig(network="resnet18", weights="mine.pth")
    model = registry.create(config, folder=tmp_path)
    assert model.name == "resnet18+mine+blur1"
    assert model.labels(images).tolist() == [7, 7]
    assert model.record()["weights"]["source"] == "file"
    assert len(model.record()["weights"]["sha256"]) == 64


def test_weights_of_another_architecture_are_refused(original, tmp_path):
    torch.save(original.state_dict(), tmp_path / "resnet18.pth")
    config = ModelConfig(network="efficientnet_lite0", weights="resnet18.pth")
    with pytest.raises(
        InputError,
        match=r"resnet18\.pth does not fit efficientnet_lite0: \d+ of 296 tensors are missing "
        r"\(first _conv_stem\.weight\), 122 are unknown \(first conv1\.weight\)",
    ):
        registry.create(config, folder=tmp_path)
