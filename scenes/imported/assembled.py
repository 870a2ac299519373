"""Make a scene of what was read from a file."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError, about, first_problem, unknown
from scenes.camera import Camera, Cameras, Place, Placed, Ring
from scenes.imported.draft import Draft, Part, View
from scenes.imported.names import unique_names
from scenes.imported.placement import Placement, placement_of
from scenes.imported.report import Report
from scenes.imported.surface import facing, mesh_of, triangles_of
from scenes.lamps import Lamp
from scenes.lighting import Constant, EnvironmentMap, Lighting
from scenes.material import TEXTURED, Material
from scenes.objects import Object
from scenes.scene import ENVIRONMENT, Light, Scene, Transport
from scenes.shape import MeshShape
from scenes.visibility import camera_problems, lamp_problems

LAMP: TypeAdapter[Lamp] = TypeAdapter(Lamp)
MOST_CAMERAS = 1000
NO_LIGHT = Constant(radiance=(0.0, 0.0, 0.0))
UPRIGHT = 0.999  # cosine to the vertical above which a rectangle is horizontal, as rendered
STILL = 1e-4  # largest difference of a rotation matrix from a rotation about +y


@dataclass(frozen=True, eq=False)
class Assembled:
    """A scene, and how it was placed.

    Parameters
    ----------
    scene
        Loaded.
    placement
        From the file to the scene.
    largest
        Whether the searched object was chosen because it has the most triangles.
    """

    scene: Scene
    placement: Placement
    largest: bool


@dataclass(frozen=True, eq=False)
class _Divided:
    """A part with a valid name and its triangles."""

    name: str
    part: Part
    triangles: NDArray[np.int64]
    used: NDArray[np.int64]


def assembled(draft: Draft, name: str, wanted: str | None) -> Assembled:
    """Return the scene of a draft; what the scene cannot store is added to the draft's report.

    Parameters
    ----------
    draft
        What was read from a file.
    name
        Of the scene.
    wanted
        Name of the searched object; by default the object with the most triangles.
    """
    parts = _divided(draft)
    names = [each.name for each in parts]
    if wanted is not None and wanted not in names:
        raise unknown("object", wanted, names)
    chosen = (
        parts[names.index(wanted)]
        if wanted is not None
        else max(parts, key=lambda each: len(each.triangles))
    )
    place = placement_of(chosen.part.polygons.vertices[chosen.used], draft.up)
    eyes = place.points(np.array([view.origin for view in draft.views]).reshape(-1, 3))
    found = {each.name: _object(each, place, eyes, draft.report) for each in parts}
    objects = {key: value for key, value in found.items() if value is not None}
    if chosen.name not in objects:
        raise InputError(f"object '{chosen.name}': has no surface; choose another with --object")
    own = objects.pop(chosen.name)
    scene = Scene(
        name=name,
        **dict(own),
        object=chosen.name,
        others=objects,
        lamps=_lamps(draft, place),
        transport=Transport(bounces=draft.bounces),
    )
    lamps = _outside_objects(scene, draft.report)
    lighting = _lighting(draft, place, bool(lamps))
    scene = scene.model_copy(update={"lamps": lamps, "lighting": lighting})
    rig = _cameras(draft.views, place, scene, draft.report)
    return Assembled(_with(scene, rig), place, wanted is None)


def _divided(draft: Draft) -> list[_Divided]:
    """Return the parts that have a surface, with their names."""
    names = unique_names((part.name for part in draft.parts), "object")
    result = []
    for name, part in zip(names, draft.parts, strict=True):
        with about(f"object '{name}'"):
            try:
                result.append(_Divided(name, part, *triangles_of(part.polygons)))
            except InputError as error:
                if "no area" not in str(error):
                    raise
                draft.report.lost(f"object '{name}': {error}")
    if not result:
        raise InputError("holds no meshes; export the scene with its objects")
    return result


def _object(each: _Divided, place: Placement, eyes: np.ndarray, report: Report) -> Object | None:
    """Return the object of a part; None if nothing of it can be stored."""
    polygons = replace(each.part.polygons, vertices=place.points(each.part.polygons.vertices))
    try:
        mesh = mesh_of(polygons, each.triangles)
    except InputError as error:
        report.lost(f"object '{each.name}': {error}")
        return None
    if each.part.two_sided:
        mesh = _turned(mesh, each.name, eyes, report)
    material = _with_coordinates(each, mesh, report)
    shape = MeshShape(surface=mesh, fit=False, normals=each.part.normals)
    return Object(shape=shape, material=material)


def _turned(mesh: Mesh, name: str, eyes: np.ndarray, report: Report) -> Mesh:
    """Return a two-sided surface turned to the cameras; report if it has back sides."""
    try:
        mesh, black = facing(mesh, eyes)
    except InputError:  # a Möbius strip
        black = len(mesh.faces)
    if black:
        report.lost(f"object '{name}': its two sides; the back sides of {black} faces are black")
    return mesh


def _with_coordinates(each: _Divided, mesh: Mesh, report: Report) -> Material:
    """Return the material of a part; report if its textures have no coordinates."""
    material = each.part.material
    textured = any(isinstance(getattr(material, key), Picture) for key in TEXTURED)
    if textured and mesh.uvs is None:
        report.note(f"object '{each.name}': has no texture coordinates; spherical ones are used")
    return material


def _lamps(draft: Draft, place: Placement) -> dict[str, Light]:
    """Return the lamps by name; those out of range are reported."""
    names = unique_names((lamp.name for lamp in draft.lamps), "lamp", ENVIRONMENT)
    result: dict[str, Light] = {}
    for name, lamp in zip(names, draft.lamps, strict=True):
        keys = place.lamp(lamp.keys)
        if "along" in keys:
            keys = _upright(keys, lamp.name, draft.report)
        try:
            result[name] = LAMP.validate_python(keys)
        except ValidationError as error:
            draft.report.lost(f"light '{lamp.name}': {first_problem(error, keys)}")
    return result


def _outside_objects(scene: Scene, report: Report) -> dict[str, Light]:
    """Return the lamps that are outside all closed objects; the others are reported."""
    problems = lamp_problems(scene)
    for name, reason in problems.items():
        report.lost(f"light '{name}': {reason.removeprefix(f'lamp {name} ').partition(';')[0]}")
    return {name: each for name, each in scene.lamps.items() if name not in problems}


def _upright(keys: dict[str, Any], name: str, report: Report) -> dict[str, Any]:
    """Return the keys of a rectangle, whose width is horizontal; report if it is not."""
    ahead = np.subtract(keys["toward"], keys["place"])
    steep = abs(ahead[1]) > UPRIGHT * np.linalg.norm(ahead)
    right = np.cross((0.0, 0.0, 1.0) if steep else (0.0, 1.0, 0.0), ahead)
    along = keys["along"] / np.linalg.norm(keys["along"])
    cosine = abs(float(along @ right)) / float(np.linalg.norm(right))
    width, height = keys["size"]
    placed = {key: value for key, value in keys.items() if key != "along"}
    if cosine < np.sqrt(0.5):
        placed["size"] = [height, width]
    if STILL < cosine < 1 - STILL:
        report.lost(f"light '{name}': its turn about the direction that it faces")
    return placed


def _lighting(draft: Draft, place: Placement, has_lamps: bool) -> Lighting:
    """Return the light of the environment: of the file, none beside lamps, or a constant one."""
    lighting = draft.lighting
    if lighting is None:
        return NO_LIGHT if has_lamps else Constant()
    if isinstance(lighting, EnvironmentMap):
        turn = place.turn @ draft.map_turn
        if abs(turn[1, 1] - 1) > STILL:
            draft.report.lost("the tilt of the environment map; only turns about the up axis are")
        angle = float(np.degrees(np.arctan2(turn[0, 2] - turn[2, 0], turn[0, 0] + turn[2, 2])))
        return lighting.model_copy(update={"rotation": angle})
    return lighting


def _cameras(views: list[View], place: Placement, scene: Scene, report: Report) -> Cameras:
    """Return the cameras that see the searched object; without any, a ring around it."""
    places: list[Place] = []
    found: list[View] = []
    for view in views:
        try:
            at = _place_of(view, place)
            Camera(name="view", **dict(at))
        except ValidationError as error:
            report.lost(f"camera '{view.name}': {first_problem(error, {})}")
            continue
        if len(places) == MOST_CAMERAS:
            report.lost(f"camera '{view.name}': a scene has at most {MOST_CAMERAS} cameras")
            continue
        places.append(at)
        found.append(view)
    if places:
        problems = camera_problems(_with(scene, Placed(places=tuple(places))))
        for number, view in enumerate(found):
            if reason := problems.get(f"c{number}", ""):
                # Without the name of the placed camera, and without the advice for studies.
                text = reason.replace(f"camera c{number} ", "").partition(";")[0]
                report.lost(f"camera '{view.name}': {text.replace(f' camera c{number}', ' it')}")
        places = [each for k, each in enumerate(places) if f"c{k}" not in problems]
    if places:
        return Placed(places=tuple(places))
    ring = Ring()
    for reason in list(camera_problems(_with(scene, ring)).values())[:1]:
        report.note(f"{reason} in scene.json")
    return ring


def _with(scene: Scene, rig: Cameras) -> Scene:
    """Return a scene with other cameras."""
    return scene.model_copy(update={"cameras": rig})


def _place_of(view: View, place: Placement) -> Place:
    """Return a camera in scene units; its target is the point of its axis next to the object."""
    origin = place.points(view.origin)
    ahead = place.directions(view.ahead)
    ahead = ahead / np.linalg.norm(ahead)
    depth = float(-origin @ ahead)
    target = origin + ahead * (depth if depth > 1e-3 else 1.0)
    return Place(
        origin=tuple(map(float, origin)),
        target=tuple(map(float, target)),
        up=tuple(map(float, place.directions(view.up))),
        field_of_view=view.field_of_view,
    )
