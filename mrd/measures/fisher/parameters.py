"""The scene parameters that thresholds are predicted for: names, changes and bounds.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mrd.rendering.to_mitsuba import light_key, material_key, pixels_of
from mrd.search.smooth_modes import smooth_modes
from mrd.search.variables.material import BOUNDS, OTHERWISE
from scenes.arrays import Mesh, Picture
from scenes.geometry.normals import vertex_normals
from scenes.geometry.topology import joined, manifold_problem
from scenes.lamps import LAMPS
from scenes.lighting import Constant, EnvironmentMap
from scenes.material import SCALARS
from scenes.placed import needs_texture_coordinates
from scenes.scene import Scene
from scenes.shape import MeshShape, bounding_sphere, geometry
from stimuli.findings import COLOUR_CHANNELS

Array = NDArray[np.float64]

ALWAYS = ("roughness", "metallic")  # other material parameters are used only above 0


class Parameter(ABC):
    """A number of a scene that can be changed, in its unit and within bounds."""

    name: str
    attribute: str  # "shape", "material" or "lighting"
    unit: str
    step: float  # half the width of a central difference, above 0
    limits: tuple[float, float]  # least and largest change that is allowed

    def room(self, scene: Scene) -> tuple[float, float]:  # noqa: ARG002
        """Return the least (≤ 0) and largest (≥ 0) change of a scene that is allowed."""
        return self.limits

    def moved(self, scene: Scene, amount: float) -> Scene:
        """Return the scene with the parameter changed by an amount, clipped to `room`."""
        return self._moved(scene, float(np.clip(amount, *self.room(scene))))

    @abstractmethod
    def _moved(self, scene: Scene, amount: float) -> Scene:
        """Return the scene with the parameter changed by an allowed amount."""

    def tangent(self, scene: Scene) -> Mapping[str, Array] | None:  # noqa: ARG002
        """Return the change of Mitsuba's parameters per unit, flattened, by their names.

        Return None if differences have to be used instead.
        """
        return None


class MaterialParameter(Parameter):
    """A uniform parameter of the material, or a channel of its colour (``base_color.red``)."""

    attribute, unit, step = "material", "of its range, 0 to 1", 0.02

    def __init__(self, key: str, channel: int | None = None) -> None:
        self.key, self.channel = key, channel
        self.name = key if channel is None else f"{key}.{COLOUR_CHANNELS[channel]}"

    def _values(self, scene: Scene) -> Array:
        own = np.asarray(getattr(scene.material, self.key), dtype=np.float64)
        return np.array(np.broadcast_to(own, 1 if self.channel is None else 3))

    def room(self, scene: Scene) -> tuple[float, float]:
        """Return the distances from the present value to the bounds of a search."""
        low, high = BOUNDS.get(self.key, OTHERWISE)
        value = float(self._values(scene)[self.channel or 0])
        return min(low - value, 0.0), max(high - value, 0.0)

    def _moved(self, scene: Scene, amount: float) -> Scene:
        values = self._values(scene)
        values[self.channel or 0] += amount
        value = float(values[0]) if self.channel is None else tuple(float(v) for v in values)
        material = scene.material.model_copy(update={self.key: value})
        return scene.model_copy(update={"material": material})

    def tangent(self, scene: Scene) -> Mapping[str, Array]:
        """Return 1 for the parameter itself."""
        along = np.zeros(1 if self.channel is None else 3)
        along[self.channel or 0] = 1
        return {material_key(self.key, scene.material): along}


class LightLevel(Parameter):
    """The natural logarithm of the light's level: a change of 0.01 is one per cent.

    The exposure of the film does not change with it.
    """

    name, attribute, unit, step = "light.level", "lighting", "natural log units", 0.02
    limits = (-5.0, 5.0)

    def _moved(self, scene: Scene, amount: float) -> Scene:
        level = scene.lighting.level * float(np.exp(amount))
        return scene.model_copy(
            update={"lighting": scene.lighting.model_copy(update={"level": level})}
        )

    def tangent(self, scene: Scene) -> Mapping[str, Array] | None:
        """Return the radiance itself; None for a sun and sky, which has too many factors."""
        light = scene.lighting
        if isinstance(light, Constant):
            return {light_key(light): light.level * np.asarray(light.radiance)}
        if isinstance(light, EnvironmentMap):
            # Mitsuba's maps repeat a column on either side.
            pixels = np.pad(pixels_of(light).astype(np.float64), ((0, 0), (1, 1), (0, 0)), "wrap")
            return {light_key(light): light.level * pixels.ravel()}
        return None


class LightRotation(Parameter):
    """The light's rotation about +y, which Mitsuba does not differentiate."""

    name, attribute, unit, step = "light.rotation", "lighting", "degrees", 1.0
    limits = (-180.0, 180.0)

    def _moved(self, scene: Scene, amount: float) -> Scene:
        if isinstance(scene.lighting, LAMPS):
            raise TypeError("a lamp has no rotation; the lighting of a target is its environment")
        turned = scene.lighting.rotation + amount
        return scene.model_copy(
            update={"lighting": scene.lighting.model_copy(update={"rotation": turned})}
        )


class ShapeMode(Parameter):
    """A smooth displacement along the normals; forward mode did not agree with differences."""

    attribute, unit = "shape", "radii of the bounding sphere (root mean square)"
    step = 0.005
    limits = (-0.2, 0.2)  # beyond, surfaces fold

    def __init__(self, name: str, field: Array) -> None:
        self.name = name
        self.field = field  # (V,), of root mean square 1

    def displacements(self, scene: Scene) -> Array:
        """Return the displacements (V, 3) for an amount of 1, in the shape's coordinates."""
        mesh = geometry(scene.shape)
        radius = bounding_sphere(mesh)[1]
        return radius * self.field[:, None] * vertex_normals(mesh).astype(np.float64)

    def _moved(self, scene: Scene, amount: float) -> Scene:
        mesh = geometry(scene.shape)
        vertices = mesh.vertices + amount * self.displacements(scene)
        surface = Mesh(vertices.astype(np.float32), mesh.faces, mesh.uvs)
        shape = MeshShape(surface=surface, fit=False, normals=scene.shape.normals)
        return scene.model_copy(update={"shape": shape})


def parameters_of(scene: Scene, shape_modes: int) -> list[Parameter]:
    """Return the parameters of a loaded scene.

    They are base colour (3), roughness, metallic, every other material parameter above 0, the
    light's level and rotation (no rotation of a constant light), and smooth shape modes. Textures
    are left out, since they are not a single number. So are shape modes if the mesh is flat-shaded,
    not a closed surface, or has texture coordinates (its seams would open).
    """
    chosen: list[Parameter] = []
    material = scene.material
    if not isinstance(material.base_color, Picture):
        chosen += [MaterialParameter("base_color", channel) for channel in range(3)]
    for key in SCALARS:
        value = getattr(material, key)
        if not isinstance(value, Picture) and key != "eta" and (key in ALWAYS or value > 0):
            chosen.append(MaterialParameter(key))
    chosen.append(LightLevel())
    if not isinstance(scene.lighting, Constant):
        chosen.append(LightRotation())
    mesh = geometry(scene.shape)
    plain = scene.shape.normals == "smooth" and not needs_texture_coordinates(material)
    if plain and shape_modes and manifold_problem(mesh) is None:
        joined_mesh, vertex = joined(mesh)
        modes = smooth_modes(joined_mesh, shape_modes)[:, vertex]
        chosen += [ShapeMode(f"shape.mode{k + 1}", field) for k, field in enumerate(modes)]
    return chosen


def moved(scene: Scene, parameters: Sequence[Parameter], amounts: Array) -> Scene:
    """Return the scene with several parameters changed, each clipped to its bounds."""
    for parameter, amount in zip(parameters, amounts, strict=True):
        scene = parameter.moved(scene, float(amount)) if amount else scene
    return scene


def is_clipped(scene: Scene, parameters: Sequence[Parameter], amounts: Array) -> bool:
    """Return whether a bound makes any of the changes smaller."""
    return any(
        not low <= amount <= high
        for (low, high), amount in zip(
            (each.room(scene) for each in parameters), amounts, strict=True
        )
    )
