"""Lamps in glTF: punctual lights, and glowing meshes for lamps with an area.

Punctual lights have photometric units in glTF (candela, lux); our numbers are multiplied by
683 lm/W, as Blender does when it writes such files, and divides when it reads them.
"""

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scenes.base.frozen import Triple
from scenes.exported.glb import Entry, Glb
from scenes.exported.lights import SPOT_CORE
from scenes.exported.remarks import Remarks
from scenes.lamps import STRENGTH, DiscLamp, Lamp, PointLamp, RectangleLamp, SphereLamp, SpotLamp

PUNCTUAL, STRONG = "KHR_lights_punctual", "KHR_materials_emissive_strength"
DISC_SIDES = 64
LUMENS_PER_WATT = 683.0

Vectors = NDArray[np.float64]


def add_lamp(glb: Glb, lamp: Lamp, name: str) -> tuple[Entry, Remarks]:
    """Store a lamp; return its node and what differs."""
    color, strength = _color_and_strength(lamp)
    if isinstance(lamp, RectangleLamp | DiscLamp | SphereLamp):
        note = "a glowing mesh; most viewers do not let it shine on other objects"
        return _glowing(glb, lamp, name, color, strength), Remarks(approximated=(note,))
    light: Entry = {"name": name, "color": color, "intensity": LUMENS_PER_WATT * strength}
    notes = Remarks()
    if isinstance(lamp, PointLamp):
        light["type"], place = "point", {"translation": list(lamp.place)}
    elif isinstance(lamp, SpotLamp):
        angle = np.radians(lamp.angle)
        cone = {"innerConeAngle": float(SPOT_CORE * angle), "outerConeAngle": float(angle)}
        light |= {"type": "spot", "spot": cone}
        place = {
            "translation": list(lamp.place),
            "rotation": _turned(-np.subtract(lamp.toward, lamp.place)),
        }
        notes = Remarks(approximated=("a spot; viewers choose how its light falls off at the rim",))
    else:
        light["type"], place = "directional", {"rotation": _turned(lamp.direction())}
    number = glb.add_to_extension(PUNCTUAL, "lights", light)
    return {"name": name, **place, "extensions": {PUNCTUAL: {"light": number}}}, notes


def _color_and_strength(lamp: Lamp) -> tuple[list[float], float]:
    """Return the colour of a lamp, largest channel 1, and the number that it is multiplied by."""
    values = lamp.level * np.asarray(getattr(lamp, STRENGTH[lamp.kind]), np.float64)
    most = float(values.max())
    return ([1.0, 1.0, 1.0] if most == 0 else (values / most).tolist()), most


def _glowing(
    glb: Glb,
    lamp: RectangleLamp | DiscLamp | SphereLamp,
    name: str,
    color: list[float],
    strength: float,
) -> Entry:
    """Store an area lamp as a black mesh that emits light; return its node."""
    vertices, faces = _form(lamp)
    glb.use(STRONG)
    material = {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorFactor": [0.0, 0.0, 0.0, 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": 1.0,
        },
        "emissiveFactor": color,
        "extensions": {STRONG: {"emissiveStrength": strength}},
    }
    part = {
        "attributes": {"POSITION": glb.vertices(vertices.astype(np.float32), bounds=True)},
        "indices": glb.indices(faces),
        "material": glb.add("materials", material),
    }
    mesh = glb.add("meshes", {"name": name, "primitives": [part]})
    node: Entry = {"name": name, "mesh": mesh, "translation": list(lamp.place)}
    if not isinstance(lamp, SphereLamp):
        node["rotation"] = _turned(np.subtract(lamp.toward, lamp.place))
    return node


def _form(lamp: RectangleLamp | DiscLamp | SphereLamp) -> tuple[Vectors, NDArray[np.int64]]:
    """Return the mesh of an area lamp about the origin; its front faces +z."""
    match lamp:
        case RectangleLamp():
            corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
            half = np.array([*lamp.size, 0]) / 2
            return corners * half, np.array([[0, 1, 2], [0, 2, 3]])
        case DiscLamp():
            angle = 2 * np.pi * np.arange(DISC_SIDES) / DISC_SIDES
            rim = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle]) * lamp.radius
            index = np.arange(1, DISC_SIDES + 1)
            fan = np.column_stack([0 * index, index, np.roll(index, -1)])
            return np.vstack([np.zeros((1, 3)), rim]), fan
    ball = trimesh.creation.icosphere(subdivisions=3, radius=lamp.radius)
    return np.asarray(ball.vertices), np.asarray(ball.faces)


def _turned(toward: Vectors | Triple) -> list[float]:
    """Return the quaternion (x, y, z, w) that turns +z toward a direction, with +y up."""
    ahead = np.asarray(toward, np.float64)
    ahead = ahead / np.linalg.norm(ahead)
    up = (0.0, 0.0, 1.0) if abs(ahead[1]) > 0.999 else (0.0, 1.0, 0.0)
    right = np.cross(up, ahead)
    right /= np.linalg.norm(right)
    matrix = np.column_stack([right, np.cross(ahead, right), ahead])
    return quaternion(matrix)


def quaternion(matrix: Vectors) -> list[float]:
    """Return a rotation matrix (3, 3) as a unit quaternion (x, y, z, w)."""
    values: list[float] = Rotation.from_matrix(matrix).as_quat().tolist()
    return values
