"""Variables of a material: parameters of the principled BSDF, uniform or as textures."""

from __future__ import annotations

import numpy as np
import torch

from mrd.rendering.to_mitsuba import material_key
from mrd.search.optimiser import Adam
from mrd.search.variables.base import NOTHING, Values
from scenes.arrays import Picture
from scenes.scene import Scene

# Bounds (low, high). Reflectance avoids 0 and 1, where gradients vanish; roughness avoids 0, where
# highlights become finer than any sampling; eta avoids 1, where the surface vanishes.
BOUNDS = {"base_color": (0.01, 0.99), "roughness": (0.05, 1.0), "eta": (1.05, 4.0)}
OTHERWISE = (0.0, 1.0)  # bounds of all other parameters


class MaterialVariables:
    """Searched parameters of a material, in their own units; in a texture, every texel varies."""

    attribute = "material"
    differenced: frozenset[str] = frozenset()

    def __init__(self, start: Scene, parameters: tuple[str, ...], device: str = "cpu") -> None:
        self._material = start.material
        self.tensors = {
            name: torch.tensor(
                _numbers(name, getattr(start.material, name)), dtype=torch.float32, device=device
            ).requires_grad_()
            for name in parameters
        }
        self.optimiser = Adam(self.tensors)
        self.keep_in_bounds()

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Return the parameters by Mitsuba's names."""
        own = {material_key(name, self._material): t * 1.0 for name, t in self.tensors.items()}
        return {**given, **own}

    def penalty(self) -> torch.Tensor:
        """Return 0."""
        return torch.zeros((), device=next(iter(self.tensors.values())).device)

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        """Clip every parameter to its `BOUNDS`."""
        for name, tensor in self.tensors.items():
            tensor.clamp_(*BOUNDS.get(name, OTHERWISE))

    @torch.no_grad()
    def apply_to(self, scene: Scene) -> Scene:
        """Return the scene with the current material."""
        changes: dict[str, object] = {}
        for name, tensor in self.tensors.items():
            values = tensor.cpu().numpy()
            if isinstance(getattr(self._material, name), Picture):
                changes[name] = Picture(values)
            elif name == "base_color":
                changes[name] = tuple(float(value) for value in values)
            else:
                changes[name] = float(values[0])
        return scene.model_copy(update={"material": self._material.model_copy(update=changes)})


def _numbers(name: str, value: object) -> np.ndarray:
    """Return a parameter as an array: a texture (H, W, C), a colour (3,) or a number (1,)."""
    if isinstance(value, Picture):
        return np.array(value.pixels)
    numbers = np.atleast_1d(np.asarray(value, dtype=np.float32))
    return np.broadcast_to(numbers, 3).copy() if name == "base_color" else numbers
