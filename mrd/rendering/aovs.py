"""AOVs of a scene: depth, normals, albedo, mask and object of each pixel.

All but the mask are those of the first surface on the ray through the centre of a pixel, so no
pixel mixes two surfaces. (Mitsuba's ``aov`` integrator averages over a pixel and its neighbours.)
The mask is the share of a pixel's area that the searched object covers.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from mrd.rendering import to_mitsuba
from mrd.rendering.camera_rays import camera_rays
from scenes.aov_kinds import Kind
from scenes.camera import Camera
from scenes.scene import Scene

Pixels = NDArray[np.float32]  # (H, W, C)

RAYS_AT_ONCE = 2**22


class Aovs:
    """What the cameras of a scene see, other than light.

    Parameters
    ----------
    scene
        Loaded scene. Its light and film have no effect.
    """

    def __init__(self, scene: Scene) -> None:
        self._mitsuba = to_mitsuba.to_mitsuba(scene)
        shapes = {each.id(): each for each in self._mitsuba.shapes()}
        _, *others = scene.objects
        self._shapes = [shapes["object"], *(shapes[f"other_{name}"] for name in others)]

    def of(self, view: Camera, kinds: Sequence[Kind], samples: int = 256) -> dict[Kind, Pixels]:
        """Return AOVs (H, W, C) of a camera's image.

        Parameters
        ----------
        view
            A camera.
        kinds
            ``depth``
                Distance along the camera's viewing axis (z-depth, not the length of the ray), in
                scene units; 0 where no surface is hit.
            ``normals``
                Shading normals in world coordinates, of length 1; 0 where no surface is hit.
            ``albedo``
                Base colour of the material, linear Rec. 709; 0 where no object is hit.
            ``mask``
                Share of the pixel that shows the first object of the scene, 0 to 1.
            ``object``
                Number of the object in `Scene.objects`, from 1; 0 where no object is hit.
        samples
            Number of places in a pixel at which the mask is evaluated, on a regular grid.

        Returns
        -------
        dict
            Kind → float32 array.
        """
        sensor = to_mitsuba.sensor(view)
        found: dict[Kind, Pixels] = {}
        if set(kinds) - {"mask"}:
            ray = camera_rays(sensor, view)
            met = self._mitsuba.ray_intersect(ray)
            whole = {
                "depth": lambda: _depth(met, view),
                "normals": lambda: np.array(met.sh_frame.n).T,
                "albedo": lambda: np.array(met.bsdf(ray).eval_diffuse_reflectance(met)).T,
                "object": lambda: self._numbers(met),
            }
            hit = np.array(met.is_valid())[:, None]
            for kind in kinds:
                if kind != "mask":
                    values = np.where(hit, whole[kind](), 0).astype(np.float32)
                    found[kind] = values.reshape(view.height, view.width, -1)
        if "mask" in kinds:
            found["mask"] = self._mask(sensor, view, samples)
        return {kind: found[kind] for kind in kinds}

    def _numbers(self, met: Any) -> NDArray[np.float64]:
        """Return the number of the object (N, 1) that was met; 0 for lamps and for none."""
        numbers = np.zeros((len(np.array(met.t)), 1))
        for number, shape in enumerate(self._shapes, start=1):
            numbers[np.array(met.shape == mi.ShapePtr(shape))] = number
        return numbers

    def _mask(self, sensor: Any, view: Camera, samples: int) -> Pixels:
        """Return the share of each pixel (H, W, 1) that shows the first object."""
        side = int(np.ceil(np.sqrt(samples)))
        y, x = (np.mgrid[0:side, 0:side].reshape(2, -1) + 0.5) / side
        places = np.column_stack([x, y])
        size = view.height * view.width
        total = np.zeros(size)
        first = mi.ShapePtr(self._shapes[0])
        for part in np.array_split(places, -(-len(places) * size // RAYS_AT_ONCE)):
            rays = camera_rays(sensor, view, part)
            met = self._mitsuba.ray_intersect_preliminary(rays, coherent=True)
            shown = np.array(met.is_valid() & (met.shape == first))
            total += shown.reshape(len(part), size).sum(axis=0)
        mask: Pixels = (total / len(places)).reshape(view.height, view.width, 1).astype(np.float32)
        return mask


def _depth(met: Any, view: Camera) -> NDArray[np.float64]:
    """Return the distance (N, 1) of points from a camera's place, along its viewing axis."""
    matrix = view.to_world()
    points = np.array(met.p).T.astype(np.float64)
    depth: NDArray[np.float64] = (points - matrix[:3, 3]) @ -matrix[:3, 2:3]
    return depth
