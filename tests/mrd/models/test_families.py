"""Every family of models: activations and gradients of real images."""

import json

import pytest
import torch

from mrd.models import registry
from mrd.study.model_section import FrontEnd, ModelConfig


def case(network, weights="none", size=128, full=False):
    marks = [pytest.mark.full] if full else []
    return pytest.param((network, weights, size), id=network, marks=marks)


# Untrained where the weights are in no package. Large or similar networks: full run only.
NETWORKS = [
    case("efficientnet_lite0", "default"),
    case("efficientnet_lite1", "default", full=True),
    case("efficientnet_lite2", "default", full=True),
    case("resnet18"),
    case("squeezenet1_1", full=True),
    case("timm/resnet18"),
    case("timm/vit_tiny_patch16_224@128"),
    case("timm/vit_small_patch14_dinov2.lvd142m@126", size=126, full=True),
    case("dinov2_vits14", size=224),
    case("lpips/alex", full=True),
    case("lpips/squeeze"),
]
OTHERS = [
    case("pixels", "default"),
    case("plenoptic/LinearNonlinear", "default"),
    case("plenoptic/LuminanceContrastGainControl", "default"),
    case("plenoptic/LuminanceGainControl", "default"),
    case("plenoptic/OnOff", "default"),
    case("plenoptic/PortillaSimoncelli", "default"),
    case("plenoptic/SteerablePyramidFreq", "default"),
]


def build(network, weights, **changes):
    return registry.create(ModelConfig(network=network, weights=weights, **changes))


@pytest.fixture(scope="module", params=NETWORKS + OTHERS)
def subject(request):
    """Return a model of each family, its name, and two images of an allowed size."""
    network, weights, size = request.param
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(size))
    return build(network, weights), network, images


def test_only_the_image_has_gradients_and_they_are_finite(subject):
    model, network, images = subject
    images = images.clone().requires_grad_()
    activations = model.activations(images)
    assert (
        tuple(activations) == model.layers == registry.default_layers(ModelConfig(network=network))
    )
    sum(value.square().mean() for value in activations.values()).backward()
    assert images.grad.isfinite().all()
    assert (images.grad.abs().amax(dim=(1, 2, 3)) > 0).all(), "every view has a gradient"
    assert all(weight.grad is None and not weight.requires_grad for weight in model.parameters())
    assert not any(module.training for module in model.modules())


@torch.no_grad()
def test_images_are_processed_independently_and_have_the_listed_shapes(subject):
    model, network, images = subject
    both, second = model.activations(images), model.activations(images[1:])
    shapes = registry.layer_shapes(ModelConfig(network=network), images.shape[-1])
    for layer, value in both.items():
        assert tuple(value.shape[1:]) == shapes[layer]
        scale = value.abs().max().item()
        torch.testing.assert_close(value[1:], second[layer], rtol=1e-3, atol=1e-4 * scale)


# For the others, see test_pixels and test_from_plenoptic.
@pytest.mark.parametrize("subject", NETWORKS, indirect=True, scope="module")
@torch.no_grad()
def test_network_input_is_the_normalised_image_in_rgb_order(subject):
    model, _, images = subject
    image = torch.zeros_like(images[:1])
    image[0, 0, :40, :40] = 1.0
    inputs = []
    handle = model.network.register_forward_pre_hook(lambda _module, args: inputs.append(args[0]))
    model.activations(image)
    handle.remove()
    torch.testing.assert_close(
        inputs[0] * model.std + model.mean, model.front_end(image), rtol=0, atol=1e-6
    )


def test_record_is_json_with_the_hash_of_the_weights(subject):
    model, network, _ = subject
    record = model.record()
    assert json.loads(json.dumps(record)) == record
    assert record["network"] == network
    if network in ("pixels", "plenoptic/PortillaSimoncelli", "plenoptic/SteerablePyramidFreq"):
        assert record["weights"] is None
    else:
        digest = record["weights"].get("sha256") or record["weights"]["tensors_sha256"]
        assert len(digest) == 64


def test_layers_keep_the_weights_of_the_study():
    model = build("squeezenet1_1", "none", layers={"features.3": 0.5, "features.5": 2})
    assert model.layer_weights == {"features.3": 0.5, "features.5": 2.0}
    assert model.layers == ("features.3", "features.5")
    assert build("pixels", "default", layers=("pixels",)).layer_weights == {"pixels": 1.0}
    model = build("squeezenet1_1", "none", layers=("features.3",))
    assert model.layer_weights == {"features.3": 1.0}
    assert build("pixels", "default").layer_weights == {"pixels": 1.0}


@pytest.mark.parametrize(
    ("network", "weights"),
    [("squeezenet1_1", "none"), ("pixels", "default"), ("lpips/squeeze", "none")],
)
def test_front_end_is_part_of_the_name_of_every_family(network, weights):
    front_end = FrontEnd(blur=0.5, grey=True, contrast=0.5)
    name = build(network, weights, front_end=front_end).name
    assert name.startswith(network)
    assert name.endswith("+blur0.5+grey+contrast0.5")


def test_a_default_front_end_is_part_of_the_name():
    assert build("plenoptic/OnOff", "default").name == "plenoptic/OnOff+blur1"
