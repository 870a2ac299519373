"""The model, the form of the scenes and the device, which all renders of one run share."""

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
    """A model, the form in which scenes are translated for the renderer, and the torch device."""

    model: Model
    form: Form
    device: str = "cpu"

    def stage(self, scene: Scene, *, frozen: bool = False) -> Stage:
        """Return a scene that is ready to render; `frozen` as in `mrd.rendering.stage.Stage`."""
        return Stage(scene, form=self.form, device=self.device, frozen=frozen)


def display_images(stage: Stage, views: Sequence[Camera], samples: int, noise: int) -> torch.Tensor:
    """Render display images (V, 3, H, W); another index `noise` gives other noise."""
    return display(stage.photographs(views, samples, noise), stage.scene.film)
