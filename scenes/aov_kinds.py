"""Kinds of AOVs (arbitrary output variables): what else an image can show of a scene."""

from typing import Literal, get_args

from scenes.base.errors import InputError, unknown

Kind = Literal["depth", "normals", "albedo", "mask", "object"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Channels of the files. None are named such that they could pass for a picture, except albedo.
CHANNELS: dict[Kind, tuple[str, ...]] = {
    "depth": ("Z",),
    "normals": ("N.X", "N.Y", "N.Z"),
    "albedo": ("R", "G", "B"),
    "mask": ("A",),
    "object": ("id",),
}


def kinds_of(text: str, key: str) -> tuple[Kind, ...]:
    """Return the kinds that a text such as ``depth,mask`` names, each once; `key` is for errors."""
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in KINDS:
            raise InputError(f"{key}: {unknown('kind', word, KINDS)}; separate kinds by commas")
    return tuple(kind for kind in KINDS if kind in words)
