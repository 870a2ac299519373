"""LPIPS as a model: its distances agree with the library."""

import lpips
import pytest
import torch

from mrd.models import registry
from mrd.search import loss
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes.base.errors import InputError


@pytest.fixture
def images(seed):
    return torch.rand(2, 2, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def created(name, **changes):
    return registry.create(
        ModelConfig(
            network=f"lpips/{name}", weights="none", front_end=FrontEnd(blur=0.0), **changes
        )
    )


# torchvision's constructors warn of the way in which lpips calls them.
@pytest.mark.filterwarnings("ignore:The parameter 'pretrained' is deprecated:UserWarning")
@pytest.mark.filterwarnings("ignore:Arguments other than a weight enum:UserWarning")
@pytest.mark.parametrize("name", ["alex", "squeeze"])
def test_l2_of_the_layers_is_the_lpips_distance(name, images):
    model = created(name)
    library = lpips.LPIPS(net=name, pnet_rand=True, verbose=False)
    for index, part in enumerate(model.network.slices, start=1):
        theirs = getattr(library.net, f"slice{index}")
        # Both cut the network in the same places, and differ in how they count the parts.
        theirs.load_state_dict(
            dict(zip(theirs.state_dict(), part.state_dict().values(), strict=True))
        )
    x, y = images
    with torch.no_grad():
        distance, parts = library(x, y, normalize=True, retPerLayer=True)
        read, target = model.activations(x), model.activations(y)
    torch.testing.assert_close(
        loss.per_view("l2", read, target), distance.flatten(), rtol=1e-5, atol=1e-7
    )
    for part, (layer, value) in zip(parts, read.items(), strict=True):
        own = loss.per_view("l2", {layer: value}, {layer: target[layer]})
        torch.testing.assert_close(own, part.flatten(), rtol=1e-5, atol=1e-7)


def test_gradient_is_finite_if_all_features_are_zero():
    model = created("alex", layers=("lin0",))
    first = model.network.slices[0]
    for name, weight in first.named_parameters():
        weight.data.fill_(-1.0 if name.endswith("bias") else 0.0)
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    model.activations(image)["lin0"].sum().backward()
    assert image.grad.isfinite().all()


def test_lpips_has_no_classes_and_records_both_sets_of_weights(images):
    model = created("alex")
    assert not model.has_labels
    assert model.labels(images[0]) is None
    record = model.record()
    assert set(record["libraries"]) == {"torch", "torchvision", "lpips"}
    assert list(record["parts"]) == ["alex.pth"]
    assert len(record["parts"]["alex.pth"]) == 64


def test_an_unknown_network_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"'lpips/alexnet'; did you mean 'lpips/alex'\? known:"):
        registry.create(ModelConfig(network="lpips/alexnet"))
