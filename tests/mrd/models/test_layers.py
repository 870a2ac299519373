"""Names of layers, and the layer before the classifier, on small networks."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from mrd.models.layers import check_layers, names, penultimate, recorded
from scenes.base.errors import InputError


def classifier_of(network, images, classifier=None):
    return penultimate(network.eval(), lambda: network(images), classifier)


@pytest.fixture
def images():
    return torch.zeros(2, 3, 8, 8)


class Functional(nn.Module):
    """Pools in its own code, so that no module returns the input of the classifier."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 10)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean(dim=(2, 3)))


class Flattened(nn.Module):
    """Flattens the pooled activation in its own code, as torchvision's ResNets do."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(self.conv(x)), 1))


def test_a_flattened_activation_belongs_to_its_layer(images):
    assert classifier_of(Flattened(), images) == "pool"


def test_an_activation_of_no_module_is_the_classifier_input(images):
    network = Functional().eval()
    assert classifier_of(network, images) == "fc.input"
    with torch.no_grad(), recorded(network, ["fc.input", "output"]) as outputs:
        network(images)
    torch.testing.assert_close(network.fc(outputs["fc.input"][0]), outputs["output"][0])


def test_a_layer_changed_in_place_is_skipped(images):
    parts = OrderedDict(
        flat=nn.Flatten(), first=nn.Linear(192, 5), relu=nn.ReLU(inplace=True), drop=nn.Dropout(0.5)
    )
    network = nn.Sequential(OrderedDict(parts, last=nn.Linear(5, 2)))
    # `first`, `relu` and `drop` all give one tensor: it is first's own no more.
    assert classifier_of(network, images) == "relu"


def test_outermost_of_equal_layers_is_named(images):
    inner = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 8), flat=nn.Flatten()))
    network = nn.Sequential(OrderedDict(features=inner, head=nn.Linear(4, 2)))
    assert classifier_of(network, images) == "features"


def test_classifier_is_the_named_or_the_last_linear_layer(images):
    parts = OrderedDict(a=nn.Flatten(), b=nn.Linear(192, 5), c=nn.Linear(5, 5), d=nn.Identity())
    network = nn.Sequential(parts)
    assert classifier_of(network, images) == "b"
    assert classifier_of(network, images, network.d) == "c"


def test_no_default_layer_without_a_classifier(images):
    assert classifier_of(nn.Sequential(nn.Conv2d(3, 4, 3)), images) is None


def test_every_network_has_its_output_as_a_layer():
    network = Flattened()
    assert names(network) == ["conv", "pool", "fc", "output"]
    check_layers(network, ["output", "fc.input"], "toy")
    with pytest.raises(InputError, match=r"toy has no layer 'fd\.input'; .*lists all"):
        check_layers(network, ["fd.input"], "toy")
    with pytest.raises(InputError, match=r"toy has no layer 'output\.input'"):
        check_layers(network, ["output.input"], "toy")
