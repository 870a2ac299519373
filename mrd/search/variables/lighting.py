"""Variables of a light: the pixels of an environment map, or the colour of a constant light."""

from __future__ import annotations

import numpy as np
import torch

from mrd.rendering.to_mitsuba import light_key, pixels_of
from mrd.search.optimiser import Adam
from mrd.search.variables.base import NOTHING, Values
from scenes.arrays import Picture
from scenes.lighting import Constant, EnvironmentMap
from scenes.scene import Scene

# Bounds of linear radiance: forty stops, centred on 1.
DARKEST, BRIGHTEST = 1e-6, 1e6


class LightingVariables:
    """Log radiance of a constant light or an environment map: a step multiplies radiance.

    `smoothness` is the weight of the penalty on squared differences of log radiance between
    neighbouring pixels, so that pixels that no view depends on become like their neighbours.
    """

    attribute = "lighting"
    differenced: frozenset[str] = frozenset()

    def __init__(self, start: Scene, smoothness: float, device: str = "cpu") -> None:
        self._lighting = start.lighting
        self._smoothness = smoothness
        log = np.log(np.clip(start.lighting.level * _radiance(start), DARKEST, BRIGHTEST))
        tensor = torch.tensor(log, dtype=torch.float32, device=device).requires_grad_()
        self.tensors = {"log_radiance": tensor}
        self.optimiser = Adam(self.tensors)

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Return the radiance by Mitsuba's name; its maps repeat a column at the left and right."""
        radiance = self.tensors["log_radiance"].exp()
        if isinstance(self._lighting, EnvironmentMap):
            radiance = torch.cat([radiance[:, -1:], radiance, radiance[:, :1]], dim=1)
        return {**given, light_key(self._lighting): radiance}

    def penalty(self) -> torch.Tensor:
        """Return the weighted mean squared difference of neighbouring pixels, also at the seam."""
        log = self.tensors["log_radiance"]
        if log.ndim != 3 or self._smoothness == 0:
            return torch.zeros((), device=log.device)
        across = (log - log.roll(1, dims=1)) ** 2
        down = (log[1:] - log[:-1]) ** 2
        return self._smoothness * (across.mean() + down.mean())

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        """Clip radiance to [`DARKEST`, `BRIGHTEST`]."""
        self.tensors["log_radiance"].clamp_(np.log(DARKEST), np.log(BRIGHTEST))

    @torch.no_grad()
    def apply_to(self, scene: Scene) -> Scene:
        """Return the scene with the current light, whose level is 1."""
        radiance = self.tensors["log_radiance"].exp().cpu().numpy()
        value: object = (
            tuple(float(channel) for channel in radiance)
            if isinstance(self._lighting, Constant)
            else Picture(radiance)
        )
        light = self._lighting.model_copy(update={"radiance": value, "level": 1.0})
        return scene.model_copy(update={"lighting": light})


def _radiance(scene: Scene) -> np.ndarray:
    lighting = scene.lighting
    if isinstance(lighting, EnvironmentMap):
        return pixels_of(lighting)
    if isinstance(lighting, Constant):
        return np.asarray(lighting.radiance, dtype=np.float64)
    raise TypeError(f"lighting of kind '{lighting.kind}' is represented before it is searched")
