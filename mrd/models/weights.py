"""Weights of networks: read from a file without running anything in it, checked, hashed."""

import hashlib
import pickle
import struct
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from scenes.digest import file_sha256
from scenes.errors import InputError

UNTRAINED_SEED = 0
"""Seed of the weights of an untrained network."""

Built = TypeVar("Built")

# Keys under which training scripts put the weights beside the optimiser and the epoch.
_WRAPPERS = ("state_dict", "model_state_dict", "model")

# What the readers raise on files that are cut short, altered, or of another kind.
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
    """Build a network with its library's initialisation, always the same one.

    The weights depend on `UNTRAINED_SEED` and the version of the library alone; the process's
    random state is as before.

    Parameters
    ----------
    build
        Makes the network, on the CPU.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(UNTRAINED_SEED)
        return build()


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors from a safetensors file or a PyTorch state dict.

    PyTorch files are read with ``weights_only=True``: nothing in them is run. Checkpoints of
    training scripts are unwrapped (`state_dict`, `model`), and the `module.` that
    `DataParallel` puts before every name is dropped.

    Parameters
    ----------
    path
        A file that ends in .safetensors, .pth, .pt, .bin or .tar.

    Raises
    ------
    InputError
        Where the file is missing, broken, or holds something other than tensors.
    """
    if not path.is_file():
        raise InputError(f"weights: no file {path}; give 'default', 'none' or an existing file")
    try:
        with warnings.catch_warnings():
            # PyTorch warns of unusual pickles; whether it can read this one is all that matters.
            warnings.simplefilter("ignore")
            content: Any = (
                load_file(path)
                if path.suffix == ".safetensors"
                else torch.load(path, map_location="cpu", weights_only=True)
            )
    except _UNREADABLE as error:
        raise InputError(
            f"weights: {path} cannot be read as weights alone ({type(error).__name__}); save them "
            "as .safetensors, or with torch.save(network.state_dict(), …)"
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(
        isinstance(value, Tensor) for value in content.values()
    ):
        raise InputError(
            f"weights: {path} holds no state dict (names of weights → tensors); save it with "
            "torch.save(network.state_dict(), …)"
        )
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def load_weights(network: nn.Module, path: Path, name: str) -> nn.Module:
    """Put the weights of a file into a network, all of them or none.

    Parameters
    ----------
    network
        Changed in place, and returned.
    path
        See `read_weights`.
    name
        The network's name, for the message.

    Raises
    ------
    InputError
        Where the file is of another architecture: the number and the first name of tensors that
        are missing, unknown, or of another shape.
    """
    weights = read_weights(path)
    own = network.state_dict()
    # Batch norm counts its training batches; older files leave that out and nothing here uses it.
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
            "name the network that these weights were trained for"
        )
    network.load_state_dict(weights, strict=False)
    return network


def file_record(source: str, path: Path) -> dict[str, Any]:
    """Say which weights those of a file are: where they come from, name and hash of the file."""
    return {"source": source, "file": path.name, "sha256": file_sha256(path)}


def tensors_sha256(network: nn.Module) -> str:
    """Hash the weights themselves, names and all: for networks that come from no file."""
    digest = hashlib.sha256()
    for key, value in network.state_dict().items():
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
