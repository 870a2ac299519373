"""Variables of a pose: a rigid motion of the object relative to the start."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from mrd.rendering.to_mitsuba import NORMALS, VERTICES, Form, form_of
from mrd.search.optimiser import Adam
from mrd.search.variables.base import NOTHING, Values
from scenes.camera import share_in_view, sides_of_view
from scenes.placed import world_surface
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import bounding_sphere


class PoseVariables:
    """A rotation about the centre of the object's bounding sphere at the start, then a shift.

    The rotation vector ω has the direction of the axis, and the angle in radians as its length; its
    matrix is the exponential of its cross-product matrix. At ω = 0, where every search starts, its
    three components act independently and equally, unlike Euler angles. The shift is in radii of
    the bounding sphere, so that a step of rotation or shift moves the surface about equally far.
    The rotation does not move the centre.
    """

    attribute = "pose"

    def __init__(self, start: Scene, form: Form | None = None, device: str = "cpu") -> None:
        form = form or form_of(start)
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
        # Among other objects, or under a lamp, the object's shadow moves too.
        self.differenced = frozenset(self.tensors if start.others or start.lamps else ())
        self.optimiser = Adam(self.tensors)

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Return vertices in world coordinates, and the shading normals, which rotate with them.

        If the shape is searched too, Mitsuba computes the normals from the vertices.
        """
        rotation, translation = self.tensors["rotation"], self.tensors["translation"]
        if self.differenced:
            rotation, translation = rotation.detach(), translation.detach()
        turn = rotation_matrix(rotation)
        before = given.get(VERTICES, self._vertices) - self._pivot
        shift = self._pivot + self._radius * translation
        values = {**given, VERTICES: before @ turn.T + shift}
        if VERTICES not in given and self._normals is not None:
            values[NORMALS] = self._normals @ turn.T
        return values

    def penalty(self) -> torch.Tensor:
        """Return 0."""
        return torch.zeros((), device=self._pivot.device)

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        """Keep the rotation within 180 degrees, and the object's centre in view of every camera.

        A rotation beyond 180 degrees becomes the shorter one in the other direction. A centre out
        of view is moved back toward the start.
        """
        rotation, translation = self.tensors["rotation"], self.tensors["translation"]
        angle = float(rotation.norm())
        if angle > np.pi:
            rotation.mul_(1 - 2 * np.pi * np.ceil((angle - np.pi) / (2 * np.pi)) / angle)
        shift = self._radius * translation.cpu().numpy().astype(np.float64)
        translation.mul_(share_in_view(self._centre, shift, *self._sides))

    @torch.no_grad()
    def apply_to(self, scene: Scene) -> Scene:
        """Return the scene with the current pose; if nothing moved, exactly that of the start."""
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
    """Return the matrix (3, 3) of a rotation vector (3,), radians; differentiable at 0 too."""
    x, y, z = vector
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    return torch.linalg.matrix_exp(cross)
