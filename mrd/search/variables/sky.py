"""Variables of a sun and sky: position of the sun, scales of both, turbidity, ground albedo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.rendering.representation import as_map
from mrd.rendering.sun_sky_map import parts
from mrd.rendering.to_mitsuba import light_key, pixels_of
from mrd.search.finite_difference import derivative
from mrd.search.optimiser import Adam
from mrd.search.variables.base import NOTHING, Values
from mrd.search.variables.lighting import BRIGHTEST, DARKEST
from scenes.lighting import EnvironmentMap, SunSky
from scenes.scene import Scene

LOGARITHMS = ("sun_scale", "sky_scale", "turbidity")  # their tensors are natural logarithms
ANGLES = ("sun_elevation", "sun_azimuth")  # their tensors are radians

# Bounds of the tensors: natural logarithms, radians, and albedo. At an elevation of 0 degrees half
# of the sun would be below the horizon.
BOUNDS = {
    "sun_scale": (np.log(DARKEST), np.log(BRIGHTEST)),
    "sky_scale": (np.log(DARKEST), np.log(BRIGHTEST)),
    "turbidity": (0.0, np.log(9.999)),  # log 10 could be rounded up, out of the allowed range
    "sun_elevation": (np.radians(1), np.radians(90)),
    "sun_azimuth": (-np.inf, np.inf),
    "albedo": (0.0, 1.0),
}

STEP = 0.01  # half of a central difference, in units of the tensors


class SkyVariables:
    """Parameters (names of `BOUNDS`) of a sun and sky that is rendered as an environment map.

    Scales and turbidity (as logarithms), angles (in radians) and albedo have the same learning
    rate. The map is computed by `mrd.rendering.sun_sky_map`; it has no noise, and its derivatives
    are finite differences. Results have maps, like their targets; saved states have the parameters.
    The lighting of `start` is the map of `sky`.
    """

    attribute = "lighting"
    differenced: frozenset[str] = frozenset()

    def __init__(
        self, start: Scene, sky: SunSky, parameters: tuple[str, ...], device: str = "cpu"
    ) -> None:
        if not isinstance(start.lighting, EnvironmentMap):
            raise TypeError(f"lighting of kind '{start.lighting.kind}' is no map of a sky")
        self._key = light_key(start.lighting)
        self._height = pixels_of(start.lighting).shape[0]
        self._sky = sky
        self.tensors = {
            name: torch.tensor(
                [_internal(name, getattr(sky, name))], dtype=torch.float32, device=device
            ).requires_grad_()
            for name in parameters
        }
        self.optimiser = Adam(self.tensors)
        self.keep_in_bounds()

    def sky(self) -> SunSky:
        """Return the current sun and sky."""
        return _changed(self._sky, {name: float(t.detach()) for name, t in self.tensors.items()})

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Return the map by Mitsuba's name; its maps repeat one column at the left and right."""
        names = tuple(self.tensors)
        pixels = _Map.apply(self._sky, self._height, names, *self.tensors.values())
        return {**given, self._key: torch.cat([pixels[:, -1:], pixels, pixels[:, :1]], dim=1)}

    def penalty(self) -> torch.Tensor:
        """Return 0."""
        return torch.zeros((), device=next(iter(self.tensors.values())).device)

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        """Clip every parameter to its `BOUNDS`."""
        for name, tensor in self.tensors.items():
            tensor.clamp_(*BOUNDS[name])

    def apply_to(self, scene: Scene) -> Scene:
        """Return the scene, lit by the map of the current sun and sky."""
        return scene.model_copy(update={"lighting": as_map(self.sky(), self._height)})


class _Map(torch.autograd.Function):
    """Function from the parameters of a sun and sky to the pixels (H, 2 H, 3) of its map."""

    @staticmethod
    def forward(
        context: Any, sky: SunSky, height: int, names: tuple[str, ...], *tensors: torch.Tensor
    ) -> torch.Tensor:
        numbers = {name: float(t) for name, t in zip(names, tensors, strict=True)}
        context.sky, context.height, context.numbers = sky, height, numbers
        pixels = pixels_of(as_map(_changed(sky, numbers), height))
        return torch.tensor(pixels, dtype=torch.float32, device=tensors[0].device)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = gradients
        by_pixel = gradient.cpu().numpy().astype(np.float64)
        by_parameter = [
            gradient.new_tensor(
                [np.vdot(by_pixel, _derivative(context.sky, context.height, context.numbers, name))]
            )
            for name in context.numbers
        ]
        return None, None, None, *by_parameter


def _derivative(
    sky: SunSky, height: int, numbers: Mapping[str, float], name: str
) -> NDArray[np.float64]:
    """Return the derivative of the map's pixels by the parameter `name`, in units of its tensor."""

    def pixels(value: float) -> NDArray[np.float64]:
        at = _changed(sky, {**numbers, name: value})
        sun, dome = parts(at, height)
        return at.sun_scale * sun + at.sky_scale * dome

    return derivative(pixels, numbers[name], STEP, *BOUNDS[name])


def _internal(name: str, value: float) -> float:
    """Convert a parameter to the number in its tensor: a logarithm, radians, or unchanged."""
    if name in LOGARITHMS:
        return float(np.log(max(value, 1e-6)))
    return float(np.radians(value)) if name in ANGLES else value


def _changed(sky: SunSky, numbers: Mapping[str, float]) -> SunSky:
    """Return the sky with the parameters that correspond to `numbers` in the tensors."""
    changes = {}
    for name, number in numbers.items():
        value = float(np.clip(number, *BOUNDS[name]))
        if name in LOGARITHMS:
            value = float(np.exp(value))
        changes[name] = float(np.degrees(value)) if name in ANGLES else value
    return sky.model_copy(update=changes)
