"""The change between two materials, in the numbers that thresholds are predicted for."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Picture
from scenes.material import SCALARS, Material

MATERIAL = "material"
CHANNELS = ("red", "green", "blue")


def direction(
    start: Material, end: Material, parameters: Sequence[Mapping[str, Any]]
) -> NDArray[np.float64] | None:
    """Change (P,) of every predicted parameter between materials; None if others change too.

    Parameters
    ----------
    start, end
        Loaded.
    parameters
        Of `fisher.json`, in their order: ``name`` and ``attribute``.
    """
    values = [_numbers(each) for each in (start, end)]
    if None in values:
        return None
    before, after = (each or {} for each in values)
    names = [each["name"] if each["attribute"] == MATERIAL else "" for each in parameters]
    if any(after[name] != value for name, value in before.items() if name not in names):
        return None
    return np.array([after.get(name, 0.0) - before.get(name, 0.0) for name in names])


def _numbers(material: Material) -> dict[str, float] | None:
    """Values by the names of parameters; None where one of them is a texture."""
    found: dict[str, float] = {}
    for name in ("base_color", *SCALARS):
        value = getattr(material, name)
        if isinstance(value, Picture):
            return None
        if name != "base_color":
            found[name] = float(value)
            continue
        channels = np.broadcast_to(np.asarray(value, dtype=np.float64), 3)
        found |= {f"{name}.{each}": float(v) for each, v in zip(CHANNELS, channels, strict=True)}
    return found
