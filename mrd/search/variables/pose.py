"""Pose: a rigid motion of the object, away from where it stands at the start."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from mrd.rendering.to_mitsuba import NORMALS, VERTICES, Form, form_of, world_surface
from mrd.search.optimiser import Adam
from mrd.search.variables.base import NOTHING, Values
from scenes.camera import share_in_view, sides_of_view
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import bounding_sphere


class PoseVariables:
    """A turn about the centre of the object's bounding sphere at the start, then a shift.

    The turn is a rotation vector ω (its direction the axis, its length the angle in radians), whose
    matrix is the exponential of ω's cross-product matrix: at ω = 0, where every search starts, the
    three turns are independent and equally long, which Euler angles are not. The shift is counted
    in radii of the bounding sphere, so that a step of either moves the surface about as far. Since
    the turn leaves the centre where it is, neither has to make up for the other.

    Parameters
    ----------
    start
        Loaded scene whose pose is the start.
    form
        Of the family: whether the mesh carries texture coordinates. By default as the start alone
        needs it.
    device
        Of the tensors.
    """

    attribute = "pose"

    def __init__(self, start: Scene, form: Form | None = None, device: str = "cpu") -> None:
        form = form or form_of(start.material)
        mesh, normals = world_surface(start, form.texture_coordinates)
        self._start = start.pose
        self._centre, self._radius = bounding_sphere(mesh)
        self._sides = sides_of_view(start.cameras, self._radius)
        self._pivot = torch.tensor(self._centre, dtype=torch.float32, device=device)
        self._vertices = torch.tensor(mesh.vertices, device=device)
        self._normals = None if normals is None else torch.tensor(normals, device=device)
        self.tensors = {
            name: torch.zeros(3, device=device).requires_grad_()
            for name in ("rotation", "translation")
        }
        self.optimiser = Adam(self.tensors)

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Vertices in the world, and the shading normals that turn with them.

        Of vertices that a shape search moves, Mitsuba computes the normals itself.
        """
        turn = rotation_matrix(self.tensors["rotation"])
        before = given.get(VERTICES, self._vertices) - self._pivot
        shift = self._pivot + self._radius * self.tensors["translation"]
        values = {**given, VERTICES: before @ turn.T + shift}
        if VERTICES not in given and self._normals is not None:
            values[NORMALS] = self._normals @ turn.T
        return values

    def penalty(self) -> torch.Tensor:
        """None."""
        return torch.zeros((), device=self._pivot.device)

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        """Keep the turn within 180 degrees, and the object's centre where every camera sees it.

        A turn beyond 180 degrees is the shorter one the other way. A centre that leaves the common
        view goes back along its way from the start.
        """
        rotation, translation = self.tensors["rotation"], self.tensors["translation"]
        angle = float(rotation.norm())
        if angle > np.pi:
            rotation.mul_(1 - 2 * np.pi * np.ceil((angle - np.pi) / (2 * np.pi)) / angle)
        shift = self._radius * translation.cpu().numpy().astype(np.float64)
        translation.mul_(share_in_view(self._centre, shift, *self._sides))

    @torch.no_grad()
    def placed_in(self, scene: Scene) -> Scene:
        """The scene with the pose as it is now; the start's own, exactly, while nothing moved."""
        vector, shift = (
            self.tensors[name].cpu().numpy().astype(np.float64)
            for name in ("rotation", "translation")
        )
        if not vector.any() and not shift.any():
            return scene.model_copy(update={"pose": self._start})
        motion = np.eye(4)
        motion[:3, :3] = Rotation.from_rotvec(vector).as_matrix()
        motion[:3, 3] = self._centre - motion[:3, :3] @ self._centre + self._radius * shift
        return scene.model_copy(update={"pose": Pose.from_matrix(motion @ self._start.matrix())})


def rotation_matrix(vector: torch.Tensor) -> torch.Tensor:
    """Matrix (3, 3) of a rotation vector (3,), radians: the exponential of its cross product.

    Differentiable everywhere, at 0 too (Rodrigues' formula, without its division by the angle).
    """
    x, y, z = vector
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    return torch.linalg.matrix_exp(cross)
