"""Classification networks of torchvision, with their weights and normalisation."""

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch
import torchvision
from torch import nn

from mrd.models.network import Recipe
from mrd.models.weights import file_record, read_weights
from scenes.base.atomic_files import cannot_write
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError, nearest

PATIENCE = 20.0
"""Seconds of waiting for a silent server."""

# Beginnings of the names of networks whose attention is built for one image size.
_ONE_SIZE = ("maxvit", "vit")


def names() -> list[str]:
    """Return the names of torchvision's classification networks."""
    return torchvision.models.list_models(module=torchvision.models)


def source(network: str) -> Recipe:
    """Return the recipe of a torchvision network.

    Normalisation and smallest size are those of its default weights, also for untrained networks.
    Nothing is resized or cropped.
    """
    if network not in names():
        raise InputError(
            f"network: torchvision has no classification network '{network}'; "
            f"{nearest(network, names())} known: {', '.join(names())}"
        )
    weights = torchvision.models.get_model_weights(network).DEFAULT
    transform = weights.transforms()
    smallest: int = max(weights.meta["min_size"])
    return Recipe(
        name=network,
        build=partial(_build, network, weights),
        trained=partial(_trained, network, weights),
        # Named here, since SqueezeNet's classifier is a convolution, not a linear layer.
        default=("features",) if network.startswith("squeezenet") else None,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        smallest=smallest,
        classes=lambda: tuple(weights.meta["categories"]),
        only_size=smallest if network.startswith(_ONE_SIZE) else None,
        libraries=("torchvision",),
    )


def _build(network: str, weights: Any) -> nn.Module:
    """Build the network untrained, with the architecture of its default weights."""
    keywords: dict[str, Any] = {}
    if network.startswith("vit"):
        keywords["image_size"] = weights.meta["min_size"][0]
    if network in ("googlenet", "inception_v3"):
        keywords.update(init_weights=True, transform_input=True)
    built: nn.Module = torchvision.models.get_model(network, weights=None, **keywords)
    return built


def _trained(network: str, weights: Any) -> tuple[nn.Module, dict[str, Any]]:
    """Build the network with its default weights; return their record too."""
    path = _trained_file(network, weights)
    return from_cache(network, weights, path), file_record("default", path)


def from_cache(network: str, weights: Any, path: Path) -> nn.Module:
    """Build the network with weights from torchvision's cache.

    torchvision itself loads the file, since it renames and drops some weights. The file is first
    read once to check that it contains only tensors, and no code.
    """
    read_weights(path)
    built: nn.Module = torchvision.models.get_model(network, weights=weights)
    return built


def _trained_file(network: str, weights: Any) -> Path:
    """Return the default weights file, downloading it if needed; check its hash."""
    url: str = weights.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    # File names end in the first digits of the SHA-256 of the file: resnet18-f37072fd.pth.
    published = re.search(r"-([0-9a-f]{8,})\.", path.name)
    digits = published[1] if published else ""
    if not path.is_file():
        _fetch(network, url, path, digits)
    elif not file_sha256(path).startswith(digits):
        raise InputError(
            f"weights: {path} is not the file that torchvision published (its SHA-256 does not "
            f"start with {digits}): delete it to download it again"
        )
    return path


def _fetch(network: str, url: str, path: Path, digits: str) -> None:
    """Download a weights file into the cache; raise InputError if the server cannot be reached."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _patience(PATIENCE):
            torch.hub.download_url_to_file(
                url, str(path), hash_prefix=digits or None, progress=sys.stderr.isatty()
            )
    except (URLError, ConnectionError, TimeoutError, HTTPException, RuntimeError) as error:
        raise InputError(
            f"weights: those of {network} are not at {path} and cannot be downloaded "
            f"({error}): save {url} as this file, or set weights to a file or to none"
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Set a timeout for connections made inside the block."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
