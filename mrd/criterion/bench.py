"""What every render and comparison of one run shares: model, form of the scenes, device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mrd.models.base import Model
from mrd.rendering.stage import Stage, display
from mrd.rendering.to_mitsuba import Form
from scenes.camera import Camera
from scenes.scene import Scene


@dataclass(frozen=True)
class Bench:
    """A model, the form in which the renderer gets every scene, and the torch device of both."""

    model: Model
    form: Form
    device: str = "cpu"

    def stage(self, scene: Scene, *, frozen: bool = False) -> Stage:
        """Return a scene in the renderer; `frozen` as in `mrd.rendering.stage.Stage`."""
        return Stage(scene, form=self.form, device=self.device, frozen=frozen)


def display_images(stage: Stage, views: Sequence[Camera], samples: int, noise: int) -> torch.Tensor:
    """Return display images (V, 3, H, W), rendered with the noise of a noise index."""
    return display(stage.photographs(views, samples, noise), stage.scene.film)
