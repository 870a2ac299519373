"""The scene parameters that thresholds are predicted for: how each is named, moved and bounded.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mrd.rendering.to_mitsuba import form_of, light_key, material_key, pixels_of
from mrd.search.smooth_modes import smooth_modes
from mrd.search.variables.material import BOUNDS, OTHERWISE
from scenes.arrays import Mesh, Picture
from scenes.geometry.normals import vertex_normals
from scenes.geometry.topology import joined, manifold_problem
from scenes.lighting import Constant, EnvironmentMap
from scenes.material import SCALARS
from scenes.scene import Scene
from scenes.shape import MeshShape, bounding_sphere, geometry

Array = NDArray[np.float64]

# Of the principled material those that every surface has; others count where they are above 0.
ALWAYS = ("roughness", "metallic")
CHANNELS = ("red", "green", "blue")


class Parameter(Protocol):
    """A number of a scene.

    Attributes
    ----------
    name, unit
        For tables.
    attribute
        "shape", "material" or "lighting".
    step
        Half the width of a central difference, in the parameter's unit, above 0.
    """

    @property
    def name(self) -> str:
        """As in tables."""

    @property
    def unit(self) -> str:
        """Of its amounts."""

    @property
    def attribute(self) -> str:
        """What of the scene it belongs to."""

    @property
    def step(self) -> float:
        """Half the width of a central difference."""

    def moved(self, scene: Scene, amount: float) -> Scene:
        """The scene with the parameter changed by an amount, clipped to `room`."""

    def room(self, scene: Scene) -> tuple[float, float]:
        """Least (≤ 0) and largest (≥ 0) change of the scene that is allowed."""

    def tangent(self, scene: Scene) -> Mapping[str, Array] | None:
        """Derivative of Mitsuba's parameters, flat, by name; None where it has no forward mode."""


@dataclass(frozen=True)
class MaterialParameter:
    """A uniform parameter of the material, or a channel of its colour."""

    key: str
    channel: int | None = None
    attribute: str = "material"
    unit: str = "of its range, 0 to 1"
    step: float = 0.02

    @property
    def name(self) -> str:
        """As in ``base_color.red``."""
        return self.key if self.channel is None else f"{self.key}.{CHANNELS[self.channel]}"

    def _values(self, scene: Scene) -> Array:
        own = np.asarray(getattr(scene.material, self.key), dtype=np.float64)
        return np.array(np.broadcast_to(own, 1 if self.channel is None else 3))

    def room(self, scene: Scene) -> tuple[float, float]:
        """To the bounds that a search keeps to."""
        low, high = BOUNDS.get(self.key, OTHERWISE)
        value = float(self._values(scene)[self.channel or 0])
        return min(low - value, 0.0), max(high - value, 0.0)

    def moved(self, scene: Scene, amount: float) -> Scene:
        """The scene with this much more of it."""
        values = self._values(scene)
        values[self.channel or 0] += np.clip(amount, *self.room(scene))
        value = float(values[0]) if self.channel is None else tuple(float(v) for v in values)
        return scene.model_copy(
            update={"material": scene.material.model_copy(update={self.key: value})}
        )

    def tangent(self, scene: Scene) -> Mapping[str, Array]:
        """1 at the parameter."""
        along = np.zeros(1 if self.channel is None else 3)
        along[self.channel or 0] = 1
        return {material_key(self.key, scene.material): along}


@dataclass(frozen=True)
class LightLevel:
    """The light's level, as a natural logarithm: 0.01 is one per cent."""

    name: str = "light.level"
    attribute: str = "lighting"
    unit: str = "natural log units"
    step: float = 0.02

    def room(self, scene: Scene) -> tuple[float, float]:  # noqa: ARG002
        """Wide: a factor of e^5 either way."""
        return -5.0, 5.0

    def moved(self, scene: Scene, amount: float) -> Scene:
        """The scene in a light of another level, at the same exposure."""
        level = scene.lighting.level * float(np.exp(np.clip(amount, *self.room(scene))))
        return scene.model_copy(
            update={"lighting": scene.lighting.model_copy(update={"level": level})}
        )

    def tangent(self, scene: Scene) -> Mapping[str, Array] | None:
        """The radiance itself; a sun and sky has too many factors, and takes differences."""
        light = scene.lighting
        if isinstance(light, Constant):
            return {light_key(light): light.level * np.asarray(light.radiance)}
        if isinstance(light, EnvironmentMap):
            # Mitsuba's maps repeat a column on either side.
            pixels = np.pad(pixels_of(light).astype(np.float64), ((0, 0), (1, 1), (0, 0)), "wrap")
            return {light_key(light): light.level * pixels.ravel()}
        return None


@dataclass(frozen=True)
class LightRotation:
    """The light's rotation about +y. Mitsuba does not differentiate it: differences are taken."""

    name: str = "light.rotation"
    attribute: str = "lighting"
    unit: str = "degrees"
    step: float = 1.0

    def room(self, scene: Scene) -> tuple[float, float]:  # noqa: ARG002
        """Half a turn either way."""
        return -180.0, 180.0

    def moved(self, scene: Scene, amount: float) -> Scene:
        """The scene in the turned light."""
        turned = scene.lighting.rotation + float(np.clip(amount, *self.room(scene)))
        return scene.model_copy(
            update={"lighting": scene.lighting.model_copy(update={"rotation": turned})}
        )

    def tangent(self, scene: Scene) -> None:  # noqa: ARG002
        """None."""
        return


@dataclass(frozen=True, eq=False)
class ShapeMode:
    """A smooth displacement along the normals; the unit is the bounding sphere's radius."""

    name: str
    field: Array  # (V,), of root mean square 1
    attribute: str = "shape"
    unit: str = "radii of the bounding sphere (root mean square)"
    step: float = 0.005

    def room(self, scene: Scene) -> tuple[float, float]:  # noqa: ARG002
        """A fifth of the radius either way: beyond, surfaces fold."""
        return -0.2, 0.2

    def displacements(self, scene: Scene) -> Array:
        """(V, 3) in the shape's own coordinates, for an amount of 1."""
        mesh = geometry(scene.shape)
        radius = bounding_sphere(mesh)[1]
        return radius * self.field[:, None] * vertex_normals(mesh).astype(np.float64)

    def moved(self, scene: Scene, amount: float) -> Scene:
        """The scene with the displaced mesh, in scene units as it stands."""
        mesh = geometry(scene.shape)
        by = float(np.clip(amount, *self.room(scene))) * self.displacements(scene)
        surface = Mesh((mesh.vertices + by).astype(np.float32), mesh.faces, mesh.uvs)
        shape = MeshShape(surface=surface, fit=False, normals=scene.shape.normals)
        return scene.model_copy(update={"shape": shape})

    def tangent(self, scene: Scene) -> None:  # noqa: ARG002
        """None: forward mode through moving vertices did not agree with differences."""
        return


def parameters_of(scene: Scene, shape_modes: int) -> list[Parameter]:
    """The parameters that a loaded scene has.

    Base colour (3), roughness, metallic, every other material parameter above 0, light level and
    (but for a constant light) rotation, and smooth shape modes. Textured parameters are left out:
    they have no single number. So are shape modes where the mesh is flat-shaded, not a closed
    surface, or carries texture coordinates (its seams would open).
    """
    found: list[Parameter] = []
    material = scene.material
    if not isinstance(material.base_color, Picture):
        found += [MaterialParameter("base_color", channel) for channel in range(3)]
    for key in SCALARS:
        value = getattr(material, key)
        if not isinstance(value, Picture) and key != "eta" and (key in ALWAYS or value > 0):
            found.append(MaterialParameter(key))
    found.append(LightLevel())
    if not isinstance(scene.lighting, Constant):
        found.append(LightRotation())
    mesh = geometry(scene.shape)
    plain = scene.shape.normals == "smooth" and not form_of(material).texture_coordinates
    if plain and shape_modes and manifold_problem(mesh) is None:
        whole, vertex = joined(mesh)
        modes = smooth_modes(whole, shape_modes)[:, vertex]
        found += [ShapeMode(f"shape.mode{k + 1}", field) for k, field in enumerate(modes)]
    return found


def moved(scene: Scene, parameters: Sequence[Parameter], amounts: Array) -> Scene:
    """The scene with several parameters changed, each clipped to its room."""
    for parameter, amount in zip(parameters, amounts, strict=True):
        scene = parameter.moved(scene, float(amount)) if amount else scene
    return scene


def is_clipped(scene: Scene, parameters: Sequence[Parameter], amounts: Array) -> bool:
    """Whether a bound shortens any of the changes."""
    return any(
        not low <= amount <= high
        for (low, high), amount in zip(
            (each.room(scene) for each in parameters), amounts, strict=True
        )
    )
