"""Every family of models: real images in, activations and gradients out."""

import json

import pytest
import torch

from mrd.models import registry
from mrd.study.model_section import FrontEnd, ModelConfig

# Network, weights, size. Trained weights come from packages; twins stand for those that do not.
NETWORKS = [
    ("efficientnet_lite0", "default", 128),
    ("efficientnet_lite1", "default", 128),
    ("efficientnet_lite2", "default", 128),
    ("resnet18", "none", 128),
    ("squeezenet1_1", "none", 128),
    ("timm/resnet18", "none", 128),
    ("timm/vit_tiny_patch16_224@128", "none", 128),
    ("timm/vit_small_patch14_dinov2.lvd142m@126", "none", 126),
    ("lpips/alex", "none", 128),
    ("lpips/squeeze", "none", 128),
]
OTHERS = [
    ("pixels", "default", 128),
    ("plenoptic/LinearNonlinear", "default", 128),
    ("plenoptic/LuminanceContrastGainControl", "default", 128),
    ("plenoptic/LuminanceGainControl", "default", 128),
    ("plenoptic/OnOff", "default", 128),
    ("plenoptic/PortillaSimoncelli", "default", 128),
    ("plenoptic/SteerablePyramidFreq", "default", 128),
]


def made(network, weights, **changes):
    return registry.create(ModelConfig(network=network, weights=weights, **changes))


@pytest.fixture(scope="module", params=NETWORKS + OTHERS, ids=lambda each: each[0])
def subject(request):
    """Give a model of each family, its name, and two images of a size that it takes."""
    network, weights, size = request.param
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(size))
    return made(network, weights), network, images


def test_gradients_reach_the_image_alone_and_are_finite(subject):
    model, network, images = subject
    images = images.clone().requires_grad_()
    read = model.activations(images)
    assert tuple(read) == model.layers == registry.default_layers(ModelConfig(network=network))
    sum(value.square().mean() for value in read.values()).backward()
    assert images.grad.isfinite().all()
    assert (images.grad.abs().amax(dim=(1, 2, 3)) > 0).all(), "every view has a gradient"
    assert all(weight.grad is None and not weight.requires_grad for weight in model.parameters())
    assert not any(module.training for module in model.modules())


@torch.no_grad()
def test_images_are_independent_and_have_the_listed_shapes(subject):
    model, network, images = subject
    both, second = model.activations(images), model.activations(images[1:])
    shapes = registry.layer_shapes(ModelConfig(network=network), images.shape[-1])
    for layer, value in both.items():
        assert tuple(value.shape[1:]) == shapes[layer]
        scale = value.abs().max().item()
        torch.testing.assert_close(value[1:], second[layer], rtol=1e-3, atol=1e-4 * scale)


# What the others see is looked at in test_pixels and test_from_plenoptic.
@pytest.mark.parametrize(
    "subject", NETWORKS, indirect=True, scope="module", ids=lambda each: each[0]
)
@torch.no_grad()
def test_a_red_square_at_top_left_arrives_in_channel_0_at_top_left(subject):
    model, _, images = subject
    image = torch.zeros_like(images[:1])
    image[0, 0, :40, :40] = 1.0
    given = []
    handle = model.network.register_forward_pre_hook(lambda _module, args: given.append(args[0]))
    model.activations(image)
    handle.remove()
    torch.testing.assert_close(
        given[0] * model.std + model.mean, model.front_end(image), rtol=0, atol=1e-6
    )


def test_the_record_is_json_and_names_weights_by_their_hash(subject):
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
    model = made("resnet18", "none", layers={"layer2": 0.5, "avgpool": 2})
    assert model.layer_weights == {"layer2": 0.5, "avgpool": 2.0}
    assert model.layers == ("layer2", "avgpool")
    assert made("resnet18", "none", layers=("layer2",)).layer_weights == {"layer2": 1.0}
    assert made("resnet18", "none").layer_weights == {"avgpool": 1.0}
    assert made("pixels", "default").layer_weights == {"pixels": 1.0}


def test_the_front_end_is_part_of_the_name_of_every_family():
    front_end = FrontEnd(blur=0.5, grey=True, contrast=0.5)
    for network, weights in [("resnet18", "none"), ("pixels", "default"), ("lpips/alex", "none")]:
        name = made(network, weights, front_end=front_end).name
        assert name.startswith(network)
        assert name.endswith("+blur0.5+grey+contrast0.5")
    assert made("plenoptic/OnOff", "default").name == "plenoptic/OnOff+blur1"
