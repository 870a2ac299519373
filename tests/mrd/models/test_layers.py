"""Names of layers, and the one that a classifier is given, on networks made for the purpose."""

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
    """Pools in its own code, so that no module gives what the classifier is given."""

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


def test_what_is_flattened_on_its_way_is_still_that_layer(images):
    assert classifier_of(Flattened(), images) == "pool"


def test_what_no_module_gives_is_the_classifiers_input(images):
    network = Functional().eval()
    assert classifier_of(network, images) == "fc.input"
    with torch.no_grad(), recorded(network, ["fc.input", "output"]) as outputs:
        network(images)
    torch.testing.assert_close(network.fc(outputs["fc.input"][0]), outputs["output"][0])


def test_a_layer_that_is_overwritten_on_its_way_is_passed_over(images):
    parts = OrderedDict(
        flat=nn.Flatten(), first=nn.Linear(192, 5), relu=nn.ReLU(inplace=True), drop=nn.Dropout(0.5)
    )
    network = nn.Sequential(OrderedDict(parts, last=nn.Linear(5, 2)))
    # `first`, `relu` and `drop` all give one tensor: it is first's own no more.
    assert classifier_of(network, images) == "relu"


def test_the_outermost_of_layers_that_give_the_same_is_named(images):
    inner = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 8), flat=nn.Flatten()))
    network = nn.Sequential(OrderedDict(features=inner, head=nn.Linear(4, 2)))
    assert classifier_of(network, images) == "features"


def test_the_last_linear_layer_that_runs_counts_or_the_one_that_is_named(images):
    parts = OrderedDict(a=nn.Flatten(), b=nn.Linear(192, 5), c=nn.Linear(5, 5), d=nn.Identity())
    network = nn.Sequential(parts)
    assert classifier_of(network, images) == "b"
    assert classifier_of(network, images, network.d) == "c"


def test_without_a_classifier_there_is_none(images):
    assert classifier_of(nn.Sequential(nn.Conv2d(3, 4, 3)), images) is None


def test_every_network_has_its_output_as_a_layer():
    network = Flattened()
    assert names(network) == ["conv", "pool", "fc", "output"]
    check_layers(network, ["output", "fc.input"], "toy")
    with pytest.raises(InputError, match=r"toy has no layer 'fd\.input'; .*lists all"):
        check_layers(network, ["fd.input"], "toy")
    with pytest.raises(InputError, match=r"toy has no layer 'output\.input'"):
        check_layers(network, ["output.input"], "toy")
