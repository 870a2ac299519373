"""Variables of a lamp: its strength and colour, its place and its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.rendering.lamps import placement, placement_key
from mrd.rendering.to_mitsuba import light_key
from mrd.search.optimiser import Adam
from mrd.search.variables.base import NOTHING, Values
from mrd.search.variables.lighting import BRIGHTEST, DARKEST
from scenes.differences import centre_of
from scenes.lamps import (
    LAMPS,
    Lamp,
    PointLamp,
    Sun,
    distance_to,
    placed,
    sizes,
    strength,
    with_sizes,
    with_strength,
)
from scenes.scene import Scene
from scenes.shape import bounding_sphere, geometry

CLEARANCE = 1.05  # least distance of a lamp from the object's centre, in radii of the object
FARTHEST = 100.0  # largest distance, in radii of the object
SMALLEST, LARGEST = 1e-3, 1e3  # bounds of sizes, scene units
STEEPEST = np.pi / 2 - 1e-3  # largest elevation of the sun, radians


class LampVariables:
    """The searched parameters of a lamp: some of ``strength``, ``place`` and ``size``.

    Tensors: ``log_strength``, the natural logarithm of radiance, intensity or irradiance (3,);
    ``place``, the shift from the start (3,), in distances of the lamp from the object's centre, and
    for the sun its elevation and azimuth (2,), radians; ``log_size``, the natural logarithm of
    width and height (2,) or of the radius (1,). Shadows have edges, so the derivatives by place and
    size are finite differences (`mrd.search.differences`).
    """

    attribute = "lighting"

    def __init__(self, start: Scene, parameters: tuple[str, ...], device: str = "cpu") -> None:
        lamp = start.lighting
        if not isinstance(lamp, LAMPS):
            raise TypeError(f"lighting of kind '{lamp.kind}' is no lamp")
        self._lamp, self._key = lamp, light_key(lamp)
        self._centre = np.array(centre_of(start))
        radius, own = bounding_sphere(geometry(start.shape))[1], distance_to(lamp, self._centre)
        self._nearest = min(CLEARANCE * radius, own)
        self._farthest = max(FARTHEST * radius, own)
        first: dict[str, NDArray[np.float64]] = {}
        if "strength" in parameters:
            first["log_strength"] = np.log(np.clip(strength(lamp), DARKEST, BRIGHTEST))
        if "place" in parameters:
            first["place"] = (
                np.radians([lamp.elevation, lamp.azimuth]) if isinstance(lamp, Sun) else np.zeros(3)
            )
        if "size" in parameters:
            first["log_size"] = np.log(sizes(lamp))
        self.tensors = {
            name: torch.tensor(value, dtype=torch.float32, device=device).requires_grad_()
            for name, value in first.items()
        }
        self.differenced = frozenset(self.tensors) - {"log_strength"}
        self.optimiser = Adam(self.tensors)
        self.keep_in_bounds()

    def lamp(self, numbers: Mapping[str, NDArray[np.float64]] | None = None) -> Lamp:
        """Return the lamp of given numbers in the tensors, by default the current ones.

        Its level is 1 if its strength is searched.
        """
        if numbers is None:
            numbers = {
                name: tensor.detach().cpu().numpy().astype(np.float64)
                for name, tensor in self.tensors.items()
            }
        lamp = self._lamp
        if "log_strength" in numbers:
            lamp = with_strength(lamp, np.exp(numbers["log_strength"]))
        changes: dict[str, Any] = {}
        if "place" in numbers:
            changes |= self._placed(numbers["place"])
        if "log_size" in numbers:
            changes |= with_sizes(lamp, np.exp(numbers["log_size"]))
        return lamp.model_copy(update=changes)

    def _placed(self, shift: NDArray[np.float64]) -> dict[str, Any]:
        """Return the keys of the lamp that a value of the tensor ``place`` changes."""
        if isinstance(self._lamp, Sun):
            elevation, azimuth = np.degrees(shift).tolist()
            return {"elevation": elevation, "azimuth": azimuth}
        first = np.array(self._lamp.place)
        return {"place": tuple((first + self._unit() * shift).tolist())}

    def _unit(self) -> float:
        """Return the scene units of 1 in the tensor ``place``."""
        distance = np.linalg.norm(np.subtract(placed(self._lamp)["place"], self._centre))
        return max(float(distance), 1e-6)

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Return strength and placement of the lamp by Mitsuba's names."""
        values = dict(given)
        if "log_strength" in self.tensors:
            values[self._key] = self.tensors["log_strength"].exp()
        if self.differenced:
            lamp = self.lamp()
            numbers = lamp.place if isinstance(lamp, PointLamp) else placement(lamp).matrix
            device = next(iter(self.tensors.values())).device
            placed = torch.tensor(np.array(numbers), dtype=torch.float32, device=device)
            values[f"light.{placement_key(lamp)}"] = placed
        return values

    def penalty(self) -> torch.Tensor:
        """Return 0."""
        return torch.zeros((), device=next(iter(self.tensors.values())).device)

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        """Keep strength and size in their bounds, and the lamp outside the object."""
        if "log_strength" in self.tensors:
            self.tensors["log_strength"].clamp_(np.log(DARKEST), np.log(BRIGHTEST))
        if "log_size" in self.tensors:
            self.tensors["log_size"].clamp_(np.log(SMALLEST), np.log(LARGEST))
        if "place" not in self.tensors:
            return
        place = self.tensors["place"]
        if isinstance(self._lamp, Sun):
            place[0].clamp_(-STEEPEST, STEEPEST)
            return
        now = np.array(self._placed(place.cpu().numpy().astype(np.float64))["place"])
        away = now - self._centre
        distance = max(float(np.linalg.norm(away)), 1e-9)
        kept = float(np.clip(distance, self._nearest, self._farthest))
        if kept != distance:
            now = self._centre + away * kept / distance
            place.copy_(torch.as_tensor((now - np.array(self._lamp.place)) / self._unit()))

    @torch.no_grad()
    def apply_to(self, scene: Scene) -> Scene:
        """Return the scene with the current lamp."""
        return scene.model_copy(update={"lighting": self.lamp()})
