"""Ready-made surroundings of an object: ground, table, wall, occluders and a Cornell box.

Each has sizes in radii of the object's bounding sphere, so that it fits any object. When a scene is
loaded, its surroundings are replaced by objects (and lamps) with sizes in scene units.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scenes.arrays import Mesh
from scenes.base.errors import unknown
from scenes.base.frozen import Frozen, Number, between
from scenes.lamps import Lamp, RectangleLamp
from scenes.material import RGB, Material
from scenes.objects import Object
from scenes.shape import MeshShape, bounding_sphere, geometry

Radii = Annotated[float, between(0, 1000, above_low=True)]
MATTE = {"roughness": 1.0, "eta": 1.01}  # with almost no highlight, also at grazing angles
GROUND_SIDES = 64
CORNELL_WHITE, CORNELL_RED, CORNELL_GREEN = (0.73,) * 3, (0.63, 0.065, 0.05), (0.14, 0.45, 0.091)


class Ground(Frozen):
    """A matte disc on which the scene's lowest point stands.

    Parameters
    ----------
    radius
        In radii of the object.
    color
        Linear RGB, each 0 to 1.
    gap
        Distance below the lowest point, in radii of the object.
    """

    kind: Literal["ground"] = "ground"
    radius: Radii = 40.0
    color: RGB = (0.4, 0.4, 0.4)
    gap: Annotated[float, between(0, 1000)] = 0.0


class Table(Frozen):
    """A table on which the scene's lowest point stands: a top and four legs.

    Parameters
    ----------
    width, depth, height
        Along x, z and y, in radii of the object.
    color
        As for a ground.
    """

    kind: Literal["table"] = "table"
    width: Radii = 4.5
    depth: Radii = 3.5
    height: Radii = 3.0
    color: RGB = (0.45, 0.30, 0.18)


class Wall(Frozen):
    """A matte wall behind the object.

    Parameters
    ----------
    azimuth
        Direction in which the wall is, in degrees from +z toward +x; 180 is behind the object.
    distance
        From the object's centre, in radii of the object.
    width, height
        In radii of the object.
    color
        As for a ground.
    """

    kind: Literal["wall"] = "wall"
    azimuth: Number = 180.0
    distance: Radii = 2.0
    width: Radii = 12.0
    height: Radii = 12.0
    color: RGB = (0.5, 0.5, 0.5)


class Occluder(Frozen):
    """A matte slab, or upright bars, in front of the object.

    Parameters
    ----------
    azimuth
        Direction in which it stands, in degrees from +z (in front) toward +x.
    distance
        From the object's centre, in radii of the object.
    bars
        Number of bars, 1 to 50; 1 is a slab.
    width
        Of a bar, in radii of the object.
    spacing
        Between the middles of two bars, in radii of the object.
    shift
        Sideways, toward the viewer's right, in radii of the object.
    height
        In radii of the object.
    color
        As for a ground.
    """

    kind: Literal["occluder"] = "occluder"
    azimuth: Number = 0.0
    distance: Radii = 1.6
    bars: Annotated[int, between(1, 50)] = 1
    width: Radii = 0.7
    spacing: Radii = 0.6
    shift: Number = 0.0
    height: Radii = 2.4
    color: RGB = (0.25, 0.27, 0.30)


class Cornell(Frozen):
    """An open box with a red and a green wall and a lamp in its ceiling (Goral et al. 1984).

    The box is open toward +z. The scene's lowest point stands on its floor.

    Parameters
    ----------
    size
        Side of the box, in radii of the object.
    radiance
        Of the lamp, a number, 0 to 1e9.
    """

    kind: Literal["cornell"] = "cornell"
    size: Radii = 4.4
    radiance: Annotated[float, between(0, 1e9)] = 12.0


Surrounding = Annotated[Ground | Table | Wall | Occluder | Cornell, Field(discriminator="kind")]
NAMES = ("ground", "table", "wall", "occluder", "cornell")


def by_name(data: Any) -> Any:
    """Return surroundings as a mapping; a list of names stands for their default settings."""
    if isinstance(data, str):
        data = [data]
    if isinstance(data, list | tuple):
        data = {str(name): {} for name in data}
    if not isinstance(data, Mapping):
        return data
    result = {}
    for name, settings in data.items():
        if isinstance(settings, Mapping) and "kind" not in settings:
            if name not in NAMES:
                raise ValueError(str(unknown("surrounding", str(name), NAMES)))
            settings = {"kind": name, **settings}
        result[name] = settings
    return result


@dataclass(frozen=True)
class _Place:
    """Where the object is: centre (3,) and radius of its bounding sphere, and its lowest height."""

    centre: NDArray[np.float64]
    radius: float
    floor: float


def place_of(objects: Mapping[str, Object], first: str) -> _Place:
    """Return centre and radius of the object `first`, and the lowest height of all objects."""
    centre, radius = bounding_sphere(geometry(objects[first].shape))
    matrix = objects[first].pose.matrix()
    lowest = min(
        float((geometry(each.shape).vertices @ m[1, :3]).min() + m[1, 3])
        for each in objects.values()
        for m in [each.pose.matrix()]
    )
    return _Place(matrix[:3, :3] @ centre + matrix[:3, 3], radius, lowest)


def objects_around(
    surroundings: Mapping[str, Surrounding], objects: Mapping[str, Object], first: str
) -> tuple[dict[str, Object], dict[str, Lamp]]:
    """Return the objects and lamps of surroundings, by name, around loaded objects."""
    if not surroundings:
        return {}, {}
    place = place_of(objects, first)
    found: dict[str, Object] = {}
    lamps: dict[str, Lamp] = {}
    for name, each in surroundings.items():
        if isinstance(each, Cornell):
            lamps[f"{name}_lamp"] = _ceiling_lamp(each, place)
        found |= dict(_objects(name, each, place))
    return found, lamps


def _objects(name: str, each: Surrounding, place: _Place) -> Iterator[tuple[str, Object]]:
    """Yield the objects of one surrounding with their names."""
    r, (x, _, z) = place.radius, place.centre
    match each:
        case Ground():
            disc = _disc(each.radius * r)
            yield name, _matte(_moved(disc, (x, place.floor - each.gap * r, z)), each.color)
        case Table():
            yield name, _matte(_table(each, r, (x, place.floor, z)), each.color)
        case Wall():
            upright = _quad(each.width * r, each.height * r)
            turned = _moved(upright, (0, 0, -each.distance * r))
            yield (
                name,
                _matte(_moved(_turned(turned, each.azimuth - 180), place.centre), each.color),
            )
        case Occluder():
            yield name, _matte(_moved(_bars(each, r), place.centre), each.color)
        case Cornell():
            yield from _cornell(name, each, r, (x, place.floor, z))


def _cornell(
    name: str, box: Cornell, r: float, foot: tuple[float, float, float]
) -> Iterator[tuple[str, Object]]:
    """Yield floor, ceiling and back as one object, and the two coloured walls."""
    side = box.size * r
    half = side / 2
    # A wall that faces +z, moved back and turned about x and y, gives all the others.
    back = _moved(_quad(side, side), (0, 0, -half))
    floor, ceiling = (_tilted(back, angle) for angle in (-90, 90))
    left, right = (_turned(back, angle) for angle in (90, -90))
    middle = (foot[0], foot[1] + half, foot[2])
    for part, mesh, color in (
        (name, _joined([floor, ceiling, back]), CORNELL_WHITE),
        (f"{name}_left", left, CORNELL_RED),
        (f"{name}_right", right, CORNELL_GREEN),
    ):
        yield part, _matte(_moved(mesh, middle), color)


def _ceiling_lamp(box: Cornell, place: _Place) -> Lamp:
    """Return the lamp of a Cornell box: a square just below the ceiling, facing down."""
    side = box.size * place.radius
    x, _, z = (float(each) for each in place.centre)
    height = place.floor + side * 0.998
    return RectangleLamp(
        place=(x, height, z),
        toward=(x, place.floor, z),
        size=(side / 4, side / 4),
        radiance=(box.radiance,) * 3,
    )


def _bars(each: Occluder, r: float) -> Mesh:
    """Return the bars of an occluder around the origin, turned to its azimuth."""
    sides = (np.arange(each.bars) - (each.bars - 1) / 2) * each.spacing + each.shift
    bar = _box(each.width * r, each.height * r, 0.1 * r)
    bars = [_moved(bar, (side * r, 0, each.distance * r)) for side in sides]
    return _turned(_joined(bars), each.azimuth)


def _table(each: Table, r: float, foot: tuple[float, float, float]) -> Mesh:
    """Return a table whose top is at a point."""
    thick, leg = 0.15 * r, 0.2 * r
    width, depth, height = each.width * r, each.depth * r, each.height * r
    parts = [_moved(_box(width, thick, depth), (0, -thick / 2, 0))]
    for side in (-1, 1):
        for end in (-1, 1):
            at = (side * (width - leg) / 2, -(height + thick) / 2, end * (depth - leg) / 2)
            parts.append(_moved(_box(leg, height - thick, leg), at))
    return _moved(_joined(parts), foot)


# ---- Meshes -------------------------------------------------------------------------------------


def _matte(mesh: Mesh, color: RGB) -> Object:
    """Return an object with flat faces and a matte material."""
    shape = MeshShape(surface=mesh, fit=False, normals="flat")
    return Object(shape=shape, material=Material(base_color=color, **MATTE))


def _disc(radius: float) -> Mesh:
    """Return a horizontal disc at the origin that faces up."""
    angle = 2 * np.pi * np.arange(GROUND_SIDES) / GROUND_SIDES
    rim = np.column_stack([np.sin(angle), np.zeros(GROUND_SIDES), np.cos(angle)]) * radius
    index = np.arange(GROUND_SIDES)
    faces = np.column_stack([np.zeros_like(index), 1 + index, 1 + (index + 1) % GROUND_SIDES])
    return _mesh(np.vstack([np.zeros((1, 3)), rim]), faces)


def _quad(width: float, height: float) -> Mesh:
    """Return an upright rectangle about the origin that faces +z."""
    x, y = width / 2, height / 2
    corners = np.array([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0]])
    return _mesh(corners, np.array([[0, 1, 2], [0, 2, 3]]))


def _box(width: float, height: float, depth: float) -> Mesh:
    """Return a closed box about the origin, whose faces do not share vertices."""
    front = _moved(_quad(1, 1), (0, 0, 0.5))
    sides = [_turned(front, angle) for angle in (0, 90, 180, 270)]
    unit = _joined([*sides, _tilted(front, 90), _tilted(front, -90)])
    return _mesh(unit.vertices * [width, height, depth], unit.faces)


def _joined(meshes: list[Mesh]) -> Mesh:
    """Return one mesh of several."""
    starts = np.cumsum([0, *(len(each.vertices) for each in meshes)])
    faces = [each.faces + start for each, start in zip(meshes, starts, strict=False)]
    return _mesh(np.vstack([each.vertices for each in meshes]), np.vstack(faces))


def _moved(mesh: Mesh, shift: Any) -> Mesh:
    """Return a mesh moved by a vector."""
    return _mesh(mesh.vertices.astype(np.float64) + shift, mesh.faces)


def _turned(mesh: Mesh, degrees: float) -> Mesh:
    """Return a mesh turned about +y; a positive angle moves its front (+z) toward +x."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return _mesh(mesh.vertices @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T, mesh.faces)


def _tilted(mesh: Mesh, degrees: float) -> Mesh:
    """Return a mesh turned about +x; a positive angle moves its front (+z) down (−y)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return _mesh(mesh.vertices @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T, mesh.faces)


def _mesh(vertices: NDArray[Any], faces: NDArray[Any]) -> Mesh:
    """Return a mesh of 32-bit numbers."""
    return Mesh(np.asarray(vertices, np.float32), np.asarray(faces, np.int32))
