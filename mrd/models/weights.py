"""Weights of networks: read them from files without running code, load them, hash them."""

import hashlib
import pickle
import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mrd.models import stored_weights
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError

UNTRAINED_SEED = 0
"""Seed of the weights of an untrained network."""

Built = TypeVar("Built")


# Exceptions that the readers raise for files that are cut short, changed, or of another kind.
_UNREADABLE = (
    pickle.UnpicklingError,
    SafetensorError,
    struct.error,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def untrained(build: Callable[[], Built]) -> Built:
    """Call `build` with a fixed seed, so that the initial weights of a network are always the same.

    The random state of the process does not change.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(UNTRAINED_SEED)
        return build()


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors from a safetensors file or a PyTorch state dict.

    PyTorch files are read with ``weights_only=True``, which runs no code. Checkpoints of training
    scripts are unwrapped (`state_dict`, `model`, `model_ema`), and the prefixes of `DataParallel`
    and `torch.compile` are removed.
    """
    if path.is_dir():
        raise InputError(f"weights: {path} is a folder; give the file of the weights")
    if not path.is_file():
        raise InputError(f"weights: no file {path}; give 'default', 'none' or an existing file")
    if wrong := stored_weights.no_weights(path):
        raise InputError(f"weights: {path} {wrong}")
    try:
        with warnings.catch_warnings():
            # PyTorch warns of unusual pickles, but it may still be able to read them.
            warnings.simplefilter("ignore")
            content: Any = (
                load_file(path)
                if stored_weights.is_safetensors(path)
                else torch.load(path, map_location="cpu", weights_only=True)
            )
    except _UNREADABLE as error:
        raise InputError(
            f"weights: {path} cannot be read as weights ({type(error).__name__}); save them "
            "as .safetensors, or with torch.save(network.state_dict(), …)"
        ) from error
    weights = stored_weights.unwrapped(content, path)
    check_numbers(weights, f"weights: {path}")
    return weights


def check_numbers(weights: Mapping[str, Tensor], origin: str) -> None:
    """Raise InputError for NaN, infinity, a negative variance, or weights that are all 0.

    `origin` begins the message, such as "weights: FILE".
    """
    for name, value in weights.items():
        if kind := stored_weights.kind_of(value):
            raise InputError(
                f"{origin}: the tensor '{name}' is {kind}; save it as plain floating-point numbers"
            )
        if fault := stored_weights.fault_of(name, value):
            raise InputError(
                f"{origin}: the tensor '{name}' {fault}; use weights of a successful training, "
                "or an earlier checkpoint"
            )
    matrices = [value for value in weights.values() if value.is_floating_point() and value.ndim > 1]
    if matrices and not any(bool(value.any()) for value in matrices):
        raise InputError(
            f"{origin}: every weight is 0, so all images have equal activations; save the weights "
            "after training"
        )


def load_weights(network: nn.Module, path: Path, name: str) -> nn.Module:
    """Load a weights file into a network and return it; raise InputError if they do not fit."""
    own = network.state_dict()
    if not own:
        raise InputError(
            f"weights: {path} cannot be loaded into {name}, which has no weights; leave the key out"
        )
    weights = read_weights(path)
    # Older files lack the counter of batches in batch norms, which is not used after training.
    missing = [key for key in own if key not in weights and not key.endswith("num_batches_tracked")]
    unknown = [key for key in weights if key not in own]
    reshaped = [key for key in own if key in weights and own[key].shape != weights[key].shape]
    faults = []
    if missing:
        faults.append(f"{len(missing)} of {len(own)} tensors are missing (first {missing[0]})")
    if unknown:
        faults.append(f"{len(unknown)} are unknown (first {unknown[0]})")
    if reshaped:
        key = reshaped[0]
        faults.append(
            f"{len(reshaped)} have another shape (first {key}: {tuple(weights[key].shape)}, "
            f"needed {tuple(own[key].shape)})"
        )
    if faults:
        raise InputError(
            f"weights: {path} does not fit {name}: {', '.join(faults)}; "
            f"{_advice(own, weights, missing, unknown, reshaped)}"
        )
    for key, value in own.items():
        if value.is_floating_point() and not weights.get(key, value).is_floating_point():
            raise InputError(
                f"weights: {path}: the tensor '{key}' holds {weights[key].dtype} numbers, needed "
                f"{value.dtype}; save the weights before they are quantised"
            )
    network.load_state_dict(weights, strict=False)
    return network


def _advice(
    own: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    missing: Sequence[str],
    unknown: Sequence[str],
    reshaped: Sequence[str],
) -> str:
    """Return advice, for the message, about a file whose tensors do not fit the network."""
    prefix = stored_weights.shared_prefix(list(weights), list(own))
    if prefix:
        return f"remove '{prefix}' from the beginning of its tensor names, and save it again"
    if not missing and not unknown and len({key.rpartition(".")[0] for key in reshaped}) == 1:
        return "if it has another number of classes, use your own network (docs/models.md)"
    return "name the network that these weights were trained for"


def file_record(source: str, path: Path) -> dict[str, Any]:
    """Return the record of a weights file: `source`, file name and SHA-256."""
    return {"source": source, "file": path.name, "sha256": file_sha256(path)}


def tensors_sha256(network: nn.Module) -> str:
    """Return the SHA-256 of the names and values of all weights, for networks without a file."""
    digest = hashlib.sha256()
    for key, value in network.state_dict().items():
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
