"""Networks of timm, such as DINOv2 and CLIP's image encoders."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import timm
from huggingface_hub import hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from timm.data import infer_imagenet_subset, resolve_data_config
from torch import nn

from mrd.models import imagenet
from mrd.models.network import Recipe
from mrd.models.prefixes import TIMM
from mrd.models.weights import file_record, load_weights, read_weights
from scenes.base.errors import InputError, nearest, one_line

# Names of weights files on the Hugging Face hub, safetensors first.
_FILES = ("model.safetensors", "pytorch_model.bin")


def names() -> list[str]:
    """Return the names of timm's networks without the prefix, one for each set of weights."""
    trained = timm.list_pretrained()
    architectures = {name.partition(".")[0] for name in trained}
    return sorted([*trained, *(name for name in timm.list_models() if name not in architectures)])


def source(name: str) -> Recipe:
    """Return the recipe of a timm network.

    `name` is timm's name, or ``NAME@SIZE`` for images of another size in pixels. Normalisation and
    size follow timm's `resolve_data_config`, also for untrained networks. Nothing is resized or
    cropped.
    """
    network, _, size = name.partition("@")
    cfg = _configuration(network)
    keywords: dict[str, Any] = {"img_size": _pixels(name, size)} if size else {}
    data = resolve_data_config(pretrained_cfg=cfg.to_dict(), use_test_size=False)
    fixed = data["input_size"][1] if cfg.fixed_input_size else None
    build = partial(_build, network, keywords)
    subset = infer_imagenet_subset(cfg)
    return Recipe(
        name=f"{TIMM}{name}",
        build=build,
        trained=partial(_trained, name, cfg, keywords),
        mean=tuple(data["mean"]),
        std=tuple(data["std"]),
        smallest=max(cfg.min_input_size[1:]) if cfg.min_input_size else 1,
        only_size=keywords.get("img_size", fixed),
        size_advice="" if size else f", or the network to {TIMM}{network}@SIZE",
        # CLIP's image encoders end in a projection, not in classes.
        labelled=subset is not None,
        classes=partial(imagenet.class_names, subset) if subset else tuple,
        libraries=("timm",),
        classifier=lambda built: built.get_classifier(),  # type: ignore[operator]
        load=partial(_load, name, keywords),
    )


def _configuration(network: str) -> Any:
    """Return timm's configuration of a network and its weights."""
    try:
        cfg = timm.get_pretrained_cfg(network)
    except RuntimeError as error:  # the network exists, but has no weights with this tag
        architecture = network.partition(".")[0]
        raise _unknown(network, timm.list_pretrained(f"{architecture}.*")) from error
    if cfg is None:
        raise _unknown(network, timm.list_models())
    return cfg


def _unknown(network: str, valid: list[str]) -> InputError:
    return InputError(
        f"network: timm has no '{network}'; {nearest(network, valid)} "
        f"`mrd models {TIMM}{network[:4]}` lists some"
    )


def _pixels(name: str, size: str) -> int:
    """Return the size after the @ as a number; raise InputError if it is not from 16 to 8192."""
    if not size.isascii() or not size.isdecimal() or not 16 <= int(size) <= 8192:
        raise InputError(
            f"network: {TIMM}{name}: '{size}' is not an image size; use a whole number of pixels "
            "from 16 to 8192 after the @"
        )
    return int(size)


def _build(network: str, keywords: dict[str, Any]) -> nn.Module:
    try:
        built: nn.Module = timm.create_model(network, pretrained=False, **keywords)
    except (TypeError, AssertionError) as error:
        if not keywords:
            raise
        raise InputError(
            f"network: {TIMM}{network} cannot be built for images of {keywords['img_size']} pixels "
            f"({one_line(error)}): leave out the @ and the size"
        ) from error
    _check_patches(network, built, keywords)
    return built


def _check_patches(network: str, built: nn.Module, keywords: dict[str, Any]) -> None:
    """Raise InputError if the image size is not a multiple of the patch size."""
    patch = getattr(getattr(built, "patch_embed", None), "patch_size", None)
    if keywords and patch and keywords["img_size"] % patch[0]:
        size, side = keywords["img_size"], patch[0]
        below = size // side * side
        raise InputError(
            f"network: {TIMM}{network} has patches of {side} pixels, which do not divide {size}: "
            f"use @{below} or @{below + side}"
        )


def _trained(name: str, cfg: Any, keywords: dict[str, Any]) -> tuple[nn.Module, dict[str, Any]]:
    """Build the network with the weights of its tag; return their record too."""
    path = _trained_file(name, cfg)
    return _from_file(name, keywords, path), file_record("default", path)


def _from_file(name: str, keywords: dict[str, Any], path: Path) -> nn.Module:
    """Build the network with a weights file; timm renames some weights and resizes others."""
    read_weights(path)
    overlay = {"file": str(path)}
    built: nn.Module = timm.create_model(
        name.partition("@")[0], pretrained=True, pretrained_cfg_overlay=overlay, **keywords
    )
    return built


def _load(name: str, keywords: dict[str, Any], path: Path) -> nn.Module:
    """Build the network with the weights of a user's file, in timm's or the authors' format."""
    try:
        return _from_file(name, keywords, path)
    except (RuntimeError, LookupError, AttributeError, ValueError):
        # load_weights reports the mismatch in one line.
        return load_weights(_build(name.partition("@")[0], keywords), path, f"{TIMM}{name}")


def _trained_file(name: str, cfg: Any) -> Path:
    """Return the weights file from the Hugging Face cache, downloading it if needed."""
    if not cfg.hf_hub_id:
        raise InputError(
            f"weights: {TIMM}{name} has no weights: set weights to none or to a file, or use "
            f"a tag with weights (`mrd models {TIMM}{name.partition('.')[0]}.` lists them)"
        )
    files = (cfg.hf_hub_filename,) if cfg.hf_hub_filename else _FILES
    cached = [try_to_load_from_cache(cfg.hf_hub_id, file) for file in files]
    first = next((path for path in cached if isinstance(path, str)), None)
    return Path(first) if first else _fetched(name, cfg.hf_hub_id, files)


def _fetched(name: str, repository: str, files: Sequence[str]) -> Path:
    """Download the first of `files` that the Hugging Face repository has; return its path."""
    failure: Exception | None = None
    for file in files:
        try:
            return Path(hf_hub_download(repository, file))
        except (OSError, RuntimeError, ValueError) as error:
            failure = error
            # Try the next file only if this one is missing, not if the hub cannot be reached.
            if isinstance(error, LocalEntryNotFoundError) or not isinstance(
                error, EntryNotFoundError
            ):
                break
    raise InputError(
        f"weights: those of {TIMM}{name} are not in the Hugging Face cache and cannot be "
        f"downloaded ({type(failure).__name__}): run `hf download {repository} {files[0]}` "
        f"with an internet connection, or set weights to a copy of that {files[0]}, or to none"
    ) from failure
