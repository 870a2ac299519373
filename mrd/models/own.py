"""A user's own network, which a factory builds.

A factory is called without arguments and returns a `torch.nn.Module` that takes images (V, 3, H,
W), float32, and processes each independently. The module may have these attributes:

``mean``, ``std``
    Three numbers each; the network's input is (image − mean) / std. Without them, the input is the
    display-encoded sRGB image in [0, 1].
``default_layers``
    Names of the default layers.
``smallest``, ``only_size``
    Smallest, or only, height and width in pixels.
``labelled``
    True if the output is class logits (V, classes).

With ``weights: none`` the factory is called with ``pretrained=False`` and must have this parameter.
"""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from mrd.models.network import Recipe
from mrd.models.weights import load_weights, tensors_sha256
from mrd.study.own_network import naming
from scenes.base.errors import InputError

_ATTRIBUTES = ("mean", "std", "default_layers", "smallest", "only_size", "labelled")


def source(name: str, factory: Callable[..., Any], code: Path | None) -> Recipe:
    """Return the recipe of a user's network; the factory is called once to read its attributes."""
    network = _built(name, factory)
    settings = {key: getattr(network, key) for key in _ATTRIBUTES if hasattr(network, key)}
    return Recipe(
        name=name,
        build=partial(_untrained, name, factory),
        trained=partial(_trained, name, factory),
        mean=_three(name, "mean", settings.get("mean", (0.0, 0.0, 0.0))),
        std=_three(name, "std", settings.get("std", (1.0, 1.0, 1.0))),
        default=_names(name, settings.get("default_layers")),
        smallest=_pixels(name, "smallest", settings.get("smallest")) or 1,
        only_size=_pixels(name, "only_size", settings.get("only_size")),
        labelled=settings.get("labelled") is True,
        load=lambda path: load_weights(_built(name, factory), path, name),
        rehearse=partial(_built, name, factory),
        parts=(code,) if code else (),
    )


def _built(name: str, factory: Callable[..., Any], **keywords: Any) -> nn.Module:
    """Call the factory; raise InputError if it fails or returns no module."""
    call = f"{name}({', '.join(f'{key}={value}' for key, value in keywords.items())})"
    with naming(f"network: {call}"):
        network = factory(**keywords)
    if not isinstance(network, nn.Module):
        kind = type(network).__name__
        raise InputError(f"network: {call} returned a {kind}, not a torch.nn.Module")
    return network


def _trained(name: str, factory: Callable[..., Any]) -> tuple[nn.Module, dict[str, Any]]:
    network = _built(name, factory)
    return network, {"source": "default", "tensors_sha256": tensors_sha256(network)}


def _untrained(name: str, factory: Callable[..., Any]) -> nn.Module:
    if "pretrained" not in inspect.signature(factory).parameters:
        raise InputError(
            f"weights: 'none' is not allowed for {name}, whose factory has no parameter "
            "'pretrained'; add it, or leave the key out"
        )
    return _built(name, factory, pretrained=False)


def _three(name: str, key: str, value: Any) -> tuple[float, float, float]:
    try:
        numbers = tuple(float(each) for each in value)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 3 or (key == "std" and min(numbers) <= 0):
        raise _wrong(name, key, value, "three numbers" + (" above 0" if key == "std" else ""))
    return numbers


def _names(name: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if (
        not isinstance(value, list | tuple)
        or not value
        or not all(isinstance(each, str) for each in value)
    ):
        raise _wrong(name, "default_layers", value, "a list of names of layers")
    return tuple(value)


def _pixels(name: str, key: str, value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or value < 1):
        raise _wrong(name, key, value, "a whole number of pixels")
    return value


def _wrong(name: str, key: str, value: Any, allowed: str) -> InputError:
    return InputError(
        f"network: the module that {name}() returned has {key} = {value!r}; use {allowed}"
    )
