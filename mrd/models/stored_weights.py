"""Checks of weights files: file type, checkpoint layout, invalid numbers."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scenes.base.errors import InputError

# Keys of the weights, and of their moving averages, in the checkpoints of training scripts.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net", "weights", "params")
_AVERAGES = ("state_dict_ema", "ema_state_dict", "model_ema", "ema", "params_ema")

# Prefixes that DataParallel and torch.compile add to every name.
_ADDED = ("module.", "_orig_mod.")

_BEGINNINGS = {
    b"version https://git-lfs": (
        "is a pointer of Git LFS and not the file itself; run git lfs pull in its folder"
    ),
    b"<": "is a web page and not weights; download the file itself, not the page that shows it",
    b"\x89HDF": "is HDF5, as Keras writes it; save the weights with PyTorch or as .safetensors",
    b"\x1f\x8b": "is compressed with gzip; unpack it",
}


def no_weights(path: Path) -> str:
    """Return why a file cannot hold weights, by its first bytes; "" if it may."""
    try:
        with path.open("rb") as file:
            first = file.read(512)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if not first:
        return "is empty; fetch or save it again"
    begins = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _is_torchscript(path):
        return (
            "is a TorchScript archive, which holds code; save its weights alone, with "
            "torch.save(torch.jit.load(…).state_dict(), …)"
        )
    return next((what for magic, what in _BEGINNINGS.items() if begins.startswith(magic)), "")


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def is_safetensors(path: Path) -> bool:
    """Return whether a file is safetensors, by its name or first bytes."""
    if path.suffix == ".safetensors":
        return True
    with path.open("rb") as file:
        length, brace = file.read(8), file.read(1)
    return brace == b"{" and 0 < int.from_bytes(length, "little") < path.stat().st_size


def unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    """Return the named tensors in a file's content; raise InputError unless there is one set."""
    while isinstance(content, Mapping):
        found = [key for key in (*_WRAPPERS, *_AVERAGES) if _holds_weights(content.get(key))]
        if len(found) > 1:
            raise InputError(
                f"weights: {path} holds {len(found)} sets of weights ({', '.join(found)}); save "
                f"the one that is meant alone, such as torch.save(content['{found[0]}'], …)"
            )
        if not found:
            break
        content = content[found[0]]
    if isinstance(content, Mapping) and content:
        # torch.optim.swa_utils stores the number of averaged models beside the weights.
        content = {str(name): value for name, value in content.items() if name != "n_averaged"}
        wrong = [name for name, value in content.items() if not isinstance(value, Tensor)]
        if not wrong:
            return {_plain(name): value for name, value in content.items()}
        held = f", but {', '.join(content) if len(content) < 6 else f'{wrong[0]} among others'}"
    else:
        held = f", but a {type(content).__name__}"
    raise InputError(
        f"weights: {path} holds no state dict (names of weights → tensors){held}; save it with "
        "torch.save(network.state_dict(), …)"
    )


def _holds_weights(content: Any) -> bool:
    """Return whether a value is named tensors, or contains them under a known key."""
    return isinstance(content, Mapping) and any(
        isinstance(value, Tensor) or (key in (*_WRAPPERS, *_AVERAGES) and _holds_weights(value))
        for key, value in content.items()
    )


def _plain(name: str) -> str:
    """Return a weight's name without prefixes added by training."""
    while begun := next((each for each in _ADDED if name.startswith(each)), None):
        name = name.removeprefix(begun)
    return name


def kind_of(value: Tensor) -> str:
    """Return "quantised", "sparse" or "complex"; "" for plain tensors."""
    if value.is_quantized:
        return "quantised"
    if value.layout != torch.strided:
        return "sparse"
    return "complex" if value.is_complex() else ""


def fault_of(name: str, value: Tensor) -> str:
    """Return why a tensor's numbers cannot be weights; "" if they can."""
    if not value.is_floating_point():
        return ""
    numbers = value.float()
    bad = ~torch.isfinite(numbers)
    if "mask" in name.rpartition(".")[2]:  # attention is switched off by minus infinity
        bad &= numbers != -torch.inf
    if count := int(bad.sum()):
        where = tuple(int(k) for k in bad.nonzero()[0])
        what = "NaN" if bool(numbers[where].isnan()) else "an infinite number"
        return f"holds {what} at {list(where)} ({count} of {numbers.numel()} are not finite)"
    if name.endswith("running_var") and bool((numbers < 0).any()):
        return f"holds a negative variance, {float(numbers.min()):.3g}"
    return ""


def shared_prefix(names: Sequence[str], wanted: Sequence[str]) -> str:
    """Return the prefix that a file adds to every wanted name; "" if there is none."""
    known = set(names)
    for name in names:
        if name.endswith(f".{wanted[0]}"):
            prefix = name.removesuffix(wanted[0])
            needed = [each for each in wanted if not each.endswith("num_batches_tracked")]
            if all(f"{prefix}{each}" in known for each in needed):
                return prefix
    return ""
