"""Networks with NaN weights or activations: the errors of ``mrd generate``."""

import pytest
import torch

from mrd.cli.main import run
from mrd.study import own_network
from tests.end_to_end.tiny import run_directories, study_in

NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        # Finite for noise; 0 / 0 for a picture whose neighbouring pixels are alike.
        steps = (x[..., 1:] - x[..., :-1]).abs().mean(dim=(1, 2, 3), keepdim=True)
        rough = (steps > 0.2).float()
        return self.conv(x) * (rough / rough)

def make():
    return Net()
"""


@pytest.fixture
def study(tmp_path):
    """Return a function that writes a study with a user's network."""

    def study(more=""):
        folder = study_in(tmp_path / "tiny", steps=1)
        (folder / "own.py").write_text(NETWORK)
        path = folder / "study.yaml"
        own = f"{{network: 'own:make', layers: [output], front_end: {{blur: 0}}{more}}}"
        path.write_text(path.read_text().replace("{network: pixels}", own))
        return folder

    return study


def test_nan_in_a_weights_file_is_named_before_anything_is_rendered(study, capfd):
    folder = study(", weights: w.pth")
    state = own_network.load(own_network.located("own:make", folder))().state_dict()
    state["conv.weight"][2, 1, 0, 2] = torch.nan
    torch.save(state, folder / "w.pth")
    for words in (["generate"], ["generate", "--dry-run"]):
        with pytest.raises(SystemExit, match=r"^2$"):
            run([*words, str(folder)])
        out, err = capfd.readouterr()
        assert out == ""
        assert err == (
            f"error: models.eye: weights: {folder}/w.pth: the tensor 'conv.weight' holds NaN at "
            "[2, 1, 0, 2] (1 of 108 are not finite); use weights of a successful training, or "
            "an earlier checkpoint\n"
        )
    assert not (folder / "runs").exists()


def test_an_image_without_activations_is_named_with_model_layer_and_camera(study, capfd):
    folder = study()
    with pytest.raises(SystemExit, match=r"^2$"):
        run(["generate", str(folder)])
    printed = " ".join(capfd.readouterr().out.split())
    assert (
        "model own:make: the layer 'output' returns NaN or infinite numbers for the image of "
        "target 'ball' at camera c0 and for 2 more images; read another layer, or correct "
        "the network"
    ) in printed
    (directory,) = run_directories(folder)
    assert directory.status() == "failed"
    assert "resumes" not in printed
