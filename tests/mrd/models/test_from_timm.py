"""Networks of timm: normalisation, size, and missing weights."""

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from mrd.models import registry
from mrd.models.weights import untrained
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes.base.errors import InputError


def created(name, weights="none", folder=None, **changes):
    config = ModelConfig(
        network=f"timm/{name}", weights=weights, front_end=FrontEnd(blur=0.0), **changes
    )
    return registry.create(config, folder=folder)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Return an empty cache of the hub, in offline mode."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


@pytest.fixture
def images(seed):
    return torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_transformer_agrees_with_timm_and_its_normalisation(images):
    name = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"
    model = created(f"{name}@128", layers=("fc_norm", "output"))
    original = untrained(lambda: timm.create_model(name, img_size=128)).eval()
    # These weights were trained on (x − .5) / .5, unlike most of timm's.
    expected = original((images - 0.5) / 0.5)
    read = model.activations(images)
    torch.testing.assert_close(read["output"], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(original.head(read["fc_norm"]), expected, rtol=1e-4, atol=1e-5)


def test_normalisation_depends_on_the_weights():
    clip = registry._source("timm/vit_base_patch32_clip_224.openai", None)
    dino = registry._source("timm/vit_small_patch14_dinov2.lvd142m", None)
    assert clip.mean == (0.48145466, 0.4578275, 0.40821073)
    assert dino.mean == (0.485, 0.456, 0.406)
    assert (clip.only_size, dino.only_size) == (224, 518)
    assert not clip.labelled, "a projection into CLIP's space is no class"


def test_transformer_size_is_that_of_its_weights_or_the_requested_one():
    with pytest.raises(
        InputError,
        match=r"takes images of 518×518 pixels only, not 128×128: set the resolution of the "
        r"cameras to 518, or the network to timm/vit_small_patch14_dinov2\.lvd142m@SIZE",
    ):
        registry.layer_shapes(
            ModelConfig(network="timm/vit_small_patch14_dinov2.lvd142m"), resolution=128
        )
    with pytest.raises(InputError, match=r"patches of 14 pixels.* 128: use @126 or @140"):
        created("vit_small_patch14_dinov2@128")
    with pytest.raises(InputError, match=r"timm/resnet18 cannot be built for images of 128"):
        created("resnet18@128")
    with pytest.raises(InputError, match=r"timm/resnet18@x: 'x' is not an image size; use a"):
        created("resnet18@x")


def test_an_unknown_network_or_tag_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"no 'resnet19'; did you mean 'resnet18'\? `mrd models"):
        created("resnet19")
    with pytest.raises(InputError, match=r"no 'resnet18\.tv'; did you mean 'resnet18\.tv_in1k'"):
        created("resnet18.tv")


def test_missing_weights_are_named_with_a_download_command(hub):
    with pytest.raises(
        InputError,
        match=r"those of timm/resnet18\.a1_in1k are not in the Hugging Face cache .* run `hf "
        r"download timm/resnet18\.a1_in1k model\.safetensors` with an internet connection, or set",
    ):
        created("resnet18.a1_in1k", weights="default")


@torch.no_grad()
def test_cached_weights_need_no_network_access(hub, images):
    network = timm.create_model("resnet10t")
    network.fc.bias[7] = 1e6
    folder = hub / "models--timm--resnet10t.c3_in1k"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("1234")
    snapshot = folder / "snapshots" / "1234"
    snapshot.mkdir(parents=True)
    save_file(network.state_dict(), snapshot / "model.safetensors")
    model = created("resnet10t", weights="default")
    assert model.has_labels
    assert model.labels(images).tolist() == [7, 7]
    assert model.record()["weights"]["file"] == "model.safetensors"
    assert len(model.record()["weights"]["sha256"]) == 64


@torch.no_grad()
def test_a_file_for_another_size_has_its_positions_interpolated(tmp_path, images):
    trained = timm.create_model("vit_tiny_patch16_224").eval()
    save_file(trained.state_dict(), tmp_path / "mine.safetensors")
    model = created("vit_tiny_patch16_224@128", weights="mine.safetensors", folder=tmp_path)
    assert model.name == "timm/vit_tiny_patch16_224@128+mine"
    assert model.network.pos_embed.shape == (1, 65, 192)
    torch.testing.assert_close(model.network.pos_embed[:, 0], trained.pos_embed[:, 0])
    torch.testing.assert_close(model.network.head.weight, trained.head.weight)


def test_a_file_of_another_architecture_is_refused(tmp_path):
    save_file(timm.create_model("resnet10t").state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"w\.safetensors does not fit timm/resnet18: \d+ of 122"):
        created("resnet18", weights="w.safetensors", folder=tmp_path)
