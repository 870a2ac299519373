"""Networks of users: from a file of the study, from a package, and with broken code."""

import sys
from pathlib import Path

import pytest
import torch

from mrd.models import registry
from mrd.study import own_network
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes.base.errors import InputError

GOOD = """
import torch
from torch import nn

import beside


class Mine(nn.Module):
    mean, std = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
    labelled = True

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, beside.CHANNELS, 3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(beside.CHANNELS, 4)

    def forward(self, x):
        return self.fc(self.pool(self.features(x)).flatten(1))


def mine(pretrained=True):
    network = Mine()
    if pretrained:
        with torch.no_grad():
            network.fc.bias[2] = 1e6
    return network


def plain():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "my_network.py").write_text(GOOD)
    (tmp_path / "beside.py").write_text("CHANNELS = 6\n")
    yield tmp_path
    sys.modules.pop("beside", None)


@pytest.fixture
def images(seed):
    return torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(seed))


def created(folder, network="my_network:mine", **changes):
    config = ModelConfig(network=network, front_end=FrontEnd(blur=0.0), **changes)
    return registry.create(config, folder=folder)


def test_a_factory_beside_the_study_makes_a_model(study, images):
    model = created(study)
    assert model.name == "my_network:mine"
    assert model.layers == ("pool",)
    assert model.labels(images).tolist() == [2, 2]
    images.requires_grad_()
    read = model.activations(images)["pool"]
    expected = model.network.features((images - 0.5) / 0.25).mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(read, expected)
    read.sum().backward()
    assert images.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in model.parameters())


def test_record_has_the_hashes_of_weights_and_code(study):
    record = created(study).record()
    assert record["network"] == "my_network:mine"
    assert len(record["weights"]["tensors_sha256"]) == 64
    (study / "my_network.py").write_text(GOOD + "\n# another thought\n")
    changed = created(study).record()
    assert changed["weights"] == record["weights"]
    assert changed["parts"] != record["parts"]


def test_untrained_network_if_the_factory_has_the_parameter(study, images):
    twin = created(study, weights="none")
    assert twin.name == "my_network:mine+untrained"
    assert twin.labels(images) is None
    with pytest.raises(InputError, match=r"'none' is not allowed for my_network:plain, whose"):
        created(study, "my_network:plain", weights="none", layers=("0",))


def test_a_weights_file_is_loaded(study, images):
    state = created(study).network.state_dict()
    state["fc.bias"][:] = torch.tensor([0.0, 1e7, 0.0, 0.0])
    torch.save(state, study / "w.pth")
    model = created(study, weights="w.pth")
    assert model.name == "my_network:mine+w"
    assert model.labels(images).tolist() == [1, 1]


def test_layers_are_required_without_a_classifier(study, images):
    with pytest.raises(InputError, match=r"my_network:plain has no classifier .*name layers"):
        created(study, "my_network:plain")
    assert created(study, "my_network:plain", layers=("output",)).activations(images)[
        "output"
    ].shape == (2, 4, 126, 126)


def test_a_name_with_a_path_needs_no_folder(study):
    found = own_network.located("my_network:mine", study)
    assert found == f"{study / 'my_network.py'}:mine"
    assert created(None, found).name == "my_network:mine"
    assert own_network.located("not_here:mine", study) == "not_here:mine"


def test_a_factory_of_an_installed_package_works():
    model = created(None, "torchvision.models:squeezenet1_1", layers=("features.2",))
    assert model.name == "torchvision.models:squeezenet1_1"


BAD = {
    "raises": ("def f(): return 1 / 0", r"own:f\(\) raised ZeroDivisionError: division by zero"),
    "no module": ("def f(): return [1]", r"own:f\(\) returned a list, not a torch\.nn\.Module"),
    "no function": ("def g(): pass", r"has no function 'f'; did you mean 'g'|has no function 'f'"),
    "broken": ("def f(:", r"importing own\.py raised SyntaxError"),
    "import": ("import not_there", r"importing own\.py raised ModuleNotFoundError: No module"),
    "mean": (
        "from torch import nn\ndef f():\n    n = nn.Identity(); n.mean = (1, 2); return n",
        r"the module that own:f\(\) returned has mean = \(1, 2\); use three numbers",
    ),
    "std": (
        "from torch import nn\ndef f():\n    n = nn.Identity(); n.std = (1, 0, 1); return n",
        r"has std = \(1, 0, 1\); use three numbers above 0",
    ),
    "layers": (
        "from torch import nn\ndef f():\n    n = nn.Identity(); n.default_layers = 'a'; return n",
        r"has default_layers = 'a'; use a list of names of layers",
    ),
    "size": (
        "from torch import nn\ndef f():\n    n = nn.Identity(); n.only_size = 1.5; return n",
        r"has only_size = 1\.5; use a whole number of pixels",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_broken_factory_is_named_in_one_line(fault, tmp_path):
    code, message = BAD[fault]
    (tmp_path / "own.py").write_text(code)
    with pytest.raises(InputError, match=message):
        created(tmp_path, "own:f", layers=("output",))


WRONG_SHAPES = {
    "raises": (
        "x.reshape(7, -1)",
        r"own:f: calling the network with images of \(1, 3, 128, 128\) raised RuntimeError: shape",
    ),
    "one for all": ("x.mean()", r"'output' of own:f returns \(\), which is not one row per"),
    "rows": ("x.flatten(0, 1)", r"'output' of own:f returns \(6, 128, 128\), which is not one row"),
    "tuple": ("(x, x)", r"'output' of own:f returns a tuple, not a tensor"),
}


@pytest.mark.parametrize("fault", WRONG_SHAPES)
def test_a_network_with_output_of_a_wrong_shape_is_refused(fault, tmp_path, images):
    code, message = WRONG_SHAPES[fault]
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "class N(nn.Module):\n"
        f"    def forward(self, x): return {code}\n"
        "def f(): return N()\n"
    )
    model = created(tmp_path, "own:f", layers=("output",))
    with pytest.raises(InputError, match=message):
        model.activations(images)


def test_classes_of_the_wrong_shape_are_refused(tmp_path, images):
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "class N(nn.Module):\n"
        "    labelled = True\n"
        "    def forward(self, x): return x\n"
        "def f(): return N()\n"
    )
    model = created(tmp_path, "own:f", layers=("output",))
    with pytest.raises(
        InputError, match=r"with 2 images returned \(2, 3, 128, 128\), not \(2, classes\)"
    ):
        model.labels(images)


def test_a_missing_module_is_named():
    with pytest.raises(
        InputError, match=r"no module 'not_there': put not_there\.py into the study's folder"
    ):
        created(None, "not_there:f")


def test_networks_of_other_packages_are_found_by_their_entry_points(study, monkeypatch, images):
    information = study / "labs_network-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: labs-network\nVersion: 1\n")
    (information / "entry_points.txt").write_text(
        "[mrd.models]\nlabs_own = my_network:mine\nlabs_broken = my_network:nothing\n"
    )
    monkeypatch.syspath_prepend(str(study))
    try:
        assert registry.descriptions()["labs_own"] == "from my_network:mine"
        model = created(Path("elsewhere"), "labs_own")
        assert model.name == "labs_own"
        assert model.labels(images).tolist() == [2, 2]
        with pytest.raises(InputError, match=r"loading labs_broken \(my_network:nothing\) raised"):
            created(None, "labs_broken")
    finally:
        sys.modules.pop("my_network", None)
