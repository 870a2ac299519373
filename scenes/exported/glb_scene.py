"""A scene as a GLB file (glTF 2.0, binary)."""

from pathlib import Path

import numpy as np

from scenes.base.atomic_files import whole_file
from scenes.camera import Camera, cameras
from scenes.exported.glb import Entry, Glb
from scenes.exported.glb_lamps import add_lamp, quaternion
from scenes.exported.glb_material import add_material
from scenes.exported.lights import lights_of
from scenes.exported.remarks import Remarks
from scenes.lighting import Constant, EnvironmentMap, SunSky
from scenes.objects import Object
from scenes.placed import is_textured, own_surface
from scenes.scene import Scene
from scenes.shape import bounding_sphere

NEAREST = 1e-3  # distance of a camera's near plane, as a share of the distance to its target


def write_glb(scene: Scene, path: Path) -> Remarks:
    """Write a loaded scene as a GLB file, in one step; return what differs from the scene.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    data, notes = glb_of(scene)
    with whole_file(path) as beside:
        beside.write_bytes(data)
    return notes


def glb_of(scene: Scene) -> tuple[bytes, Remarks]:
    """Return a loaded scene as the bytes of a GLB file, and what differs from the scene."""
    glb = Glb("mrd-suite")
    glb.asset["extras"] = {"scene": scene.name, "sha256": scene.sha256}
    nodes, remarks = [], Remarks()
    for name, each in scene.objects.items():
        node, differing = _object(glb, each, name)
        nodes.append(node)
        remarks += differing.about(f"object {name}")
    for name, light in lights_of(scene).items():
        if isinstance(light, Constant | EnvironmentMap | SunSky):
            remarks += _of_environment(light)
            continue
        node, differing = add_lamp(glb, light, f"lamp_{name}")
        nodes.append(node)
        remarks += differing.about(f"lamp {name}")
    nodes += [_camera(glb, each) for each in cameras(scene.cameras)]
    remarks += _of_film(scene)
    numbers = [glb.add("nodes", node) for node in nodes]
    glb.add("scenes", {"name": scene.name, "nodes": numbers})
    return glb.to_bytes(), remarks


def _object(glb: Glb, each: Object, name: str) -> tuple[Entry, Remarks]:
    """Store mesh and material of an object; return its node and what differs."""
    textured = is_textured(each.material)
    mesh, normals = own_surface(each, textured)
    material, notes = add_material(glb, each.material, name, bounding_sphere(mesh)[1])
    attributes = {"POSITION": glb.vertices(mesh.vertices, bounds=True)}
    if normals is not None:  # without normals, glTF prescribes flat faces
        attributes["NORMAL"] = glb.vertices(normals)
    if mesh.uvs is not None:
        attributes["TEXCOORD_0"] = glb.vertices(mesh.uvs)
    part = {"attributes": attributes, "indices": glb.indices(mesh.faces), "material": material}
    node: Entry = {"name": name, "mesh": glb.add("meshes", {"name": name, "primitives": [part]})}
    if any(each.pose.translation):
        node["translation"] = list(each.pose.translation)
    if any(each.pose.rotation):
        node["rotation"] = quaternion(each.pose.matrix()[:3, :3])
    return node, notes


def _camera(glb: Glb, camera: Camera) -> Entry:
    """Store a camera, whose axes are those of glTF; return its node."""
    height = np.tan(np.radians(camera.field_of_view) / 2) * camera.height / camera.width
    distance = float(np.linalg.norm(np.subtract(camera.target, camera.origin)))
    perspective = {
        "aspectRatio": camera.width / camera.height,
        "yfov": float(2 * np.arctan(height)),
        "znear": NEAREST * distance,
    }
    name = f"camera_{camera.name}"
    entry = {"name": name, "type": "perspective", "perspective": perspective}
    node: Entry = {
        "name": name,
        "camera": glb.add("cameras", entry),
        "translation": list(camera.origin),
        "rotation": quaternion(camera.to_world()[:3, :3]),
    }
    return node | ({"extras": {"held_out": True}} if camera.held_out else {})


def _of_environment(light: Constant | EnvironmentMap | SunSky) -> Remarks:
    """Return the remark on the light of the environment, which glTF does not have."""
    kind = "environment map" if isinstance(light, EnvironmentMap) else light.kind
    text = f"lighting ({kind}): glTF has no light of the environment; load one in the other program"
    return Remarks(left_out=(text,))


def _of_film(scene: Scene) -> Remarks:
    """Return the remark on the film, which glTF does not have."""
    film = f"exposure {scene.film.exposure}, {scene.film.tone_curve}"
    return Remarks(left_out=(f"film ({film}): set it in the other program",))
