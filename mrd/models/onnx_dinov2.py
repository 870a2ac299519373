"""Weights of a DINOv2 backbone in an ONNX file, with the names and shapes of timm."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scenes.base.errors import needs

_BACKBONE = "backbone."
# Parts of the names in the ONNX file (those of Hugging Face's Dinov2Model) → parts of timm's names.
_RENAMED = {
    "embeddings.cls_token": "cls_token",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "encoder.layer.": "blocks.",
    "attention.output.dense": "attn.proj",
    "layer_scale1.lambda1": "ls1.gamma",
    "layer_scale2.lambda1": "ls2.gamma",
    "layernorm": "norm",
}
_QKV = ("query", "key", "value")


def weights(path: Path) -> dict[str, Tensor]:
    """Return name → weight of timm's ``vit_small_patch14_dinov2``, read from an ONNX file.

    Matrices have no names in the file: each is found by the bias that is added to its product.
    """
    with needs("dinov2"):
        import onnx
    graph = onnx.load(path).graph
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    backbone = {
        name.removeprefix(_BACKBONE): value
        for name, value in stored.items()
        if name.startswith(_BACKBONE)
    }
    for bias, matrix in _matrices(graph, stored).items():
        if bias.startswith(_BACKBONE):
            # torch's linear layers store the transpose: (outputs, inputs).
            name = bias.removeprefix(_BACKBONE).replace(".bias", ".weight")
            backbone[name] = stored[matrix].T
    named = {_renamed(name): value for name, value in _joined(backbone).items()}
    named["pos_embed"] = _positions(stored)
    return {
        name: torch.from_numpy(np.array(value, np.float32, order="C"))
        for name, value in named.items()
    }


def _matrices(graph: Any, stored: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return bias → matrix, the names of two stored arrays, for each linear layer."""
    factors = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    sums = [tuple(node.input) for node in graph.node if node.op_type == "Add"]
    return {
        bias: factors[product]
        for one, other in sums
        for bias, product in ((one, other), (other, one))
        if bias in stored and factors.get(product) in stored
    }


def _joined(backbone: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights with query, key and value of each block joined, as timm has them."""
    found = {name: value for name, value in backbone.items() if ".attention.attention." not in name}
    for name in backbone:
        block, _, part = name.partition(".attention.attention.query.")
        if part:
            parts = [backbone[f"{block}.attention.attention.{each}.{part}"] for each in _QKV]
            found[f"{block}.attn.qkv.{part}"] = np.concatenate(parts)
    return found


def _positions(stored: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the position embeddings, (1, 1 + patches, 384): class token first."""
    # They are the only arrays without a name that have three axes.
    parts = [
        value for name, value in stored.items() if name.startswith("onnx::") and value.ndim == 3
    ]
    return np.concatenate(sorted(parts, key=lambda part: part.shape[1]), axis=1)


def _renamed(name: str) -> str:
    """Return timm's name of a weight."""
    for old, new in _RENAMED.items():
        name = name.replace(old, new)
    return name
