"""Translation of a `scenes.Scene` into Mitsuba.

Only this module knows the names of Mitsuba parameters (``object.bsdf.roughness.value`` …). The pose
is applied to the vertices here, so meshes in Mitsuba are in world coordinates. Import this module
only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mitsuba as mi
import numpy as np

from mrd.rendering import lamps
from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.camera import Camera
from scenes.film import background_radiance
from scenes.lamps import AREA_LAMPS, LAMPS
from scenes.lighting import Constant, EnvironmentMap, sun_direction
from scenes.material import SCALARS, Material
from scenes.objects import Object
from scenes.path_depth import path_depth
from scenes.placed import needs_texture_coordinates, world_surface
from scenes.scene import Light, Scene

VERTICES = "object.vertex_positions"
NORMALS = "object.vertex_normals"


def material_key(parameter: str, material: Material) -> str:
    """Return Mitsuba's name of a material parameter, which is uniform or a texture."""
    if parameter == "eta":
        return "object.bsdf.eta"
    textured = isinstance(getattr(material, parameter), Picture)
    return f"object.bsdf.{parameter}.{'data' if textured else 'value'}"


def light_key(lighting: Light) -> str:
    """Return Mitsuba's name of a light's radiance, or of a lamp's strength."""
    if isinstance(lighting, LAMPS):
        return f"light.{lamps.STRENGTH_KEYS[lighting.kind]}"
    return "light.data" if isinstance(lighting, EnvironmentMap) else "light.radiance.value"


@dataclass(frozen=True)
class Form:
    """How a scene is translated to Mitsuba; equal for all compared scenes.

    Parameters
    ----------
    texture_coordinates
        Whether the mesh has texture coordinates: its own, or else spherical ones.
    path_depth
        Longest light path, in segments: 2 is direct light, and each bounce adds one.
    """

    texture_coordinates: bool
    path_depth: int


def form_of(scene: Scene) -> Form:
    """Return the simplest form of a scene."""
    return Form(
        texture_coordinates=needs_texture_coordinates(scene.material),
        path_depth=path_depth(scene),
    )


def to_mitsuba(scene: Scene, form: Form | None = None) -> Any:
    """Return the Mitsuba scene: shape ``object``, emitter ``light``, no cameras.

    Further objects are called ``other_NAME``, lamps ``lamp_NAME``.
    """
    form = form or form_of(scene)
    others = {
        f"other_{name}": _mesh(each, needs_texture_coordinates(each.material), f"other_{name}")
        for name, each in scene.others.items()
    }
    return mi.load_dict(
        {
            "type": "scene",
            "object": _mesh(scene, form.texture_coordinates, "object"),
            "light": light(scene.lighting),
            **others,
            **{f"lamp_{name}": light(each) for name, each in scene.lamps.items()},
        },
        # On one thread: loading is short, and on several threads it may wait forever.
        parallel=False,
    )


def _mesh(scene: Scene | Object, texture_coordinates: bool, name: str) -> Any:
    """Return the Mitsuba mesh of an object in world coordinates.

    Only the silhouettes of ``object`` are sampled for derivatives: the others do not move.

    Smooth normals are set explicitly: Mitsuba's own would show the seam of texture coordinates,
    where vertices are doubled, as an edge. If a search sets vertices alone, Mitsuba computes new
    normals; meshes of a shape search have no seam, and a pose search sets vertices and normals.
    """
    mesh, normals = world_surface(scene, texture_coordinates)
    smooth = normals is not None
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(bsdf(scene.material))
    if not smooth:
        properties["face_normals"] = True
    if name != "object":
        properties["silhouette_sampling_weight"] = 0.0
    result = mi.Mesh(
        name,
        len(mesh.vertices),
        len(mesh.faces),
        has_vertex_normals=smooth,
        has_vertex_texcoords=texture_coordinates,
        props=properties,
    )
    parameters = mi.traverse(result)
    parameters["vertex_positions"] = np.array(mesh.vertices).ravel()
    parameters["faces"] = mesh.faces.astype(np.uint32).ravel()
    if texture_coordinates and mesh.uvs is not None:
        parameters["vertex_texcoords"] = mesh.uvs.ravel()
    parameters.update()
    if normals is not None:
        parameters["vertex_normals"] = normals.ravel()
        parameters.update()
    return result


def bsdf(material: Material) -> dict[str, Any]:
    """Return the Mitsuba dictionary of a principled material."""
    result: dict[str, Any] = {"type": "principled", "eta": material.eta}
    result["base_color"] = _spectrum(material.base_color)
    for name in SCALARS:
        if name != "eta":
            value = getattr(material, name)
            result[name] = _bitmap(value) if isinstance(value, Picture) else float(value)
    return result


def light(lighting: Light) -> dict[str, Any]:
    """Return the Mitsuba dictionary of a light; its radiance is multiplied by its level."""
    if isinstance(lighting, LAMPS):
        return lamps.emitter(lighting)
    turn = mi.ScalarTransform4f().rotate([0, 1, 0], lighting.rotation)
    if isinstance(lighting, Constant):
        radiance = [float(lighting.level * channel) for channel in lighting.radiance]
        return {"type": "constant", "radiance": {"type": "rgb", "value": radiance}}
    if isinstance(lighting, EnvironmentMap):
        bitmap = mi.Bitmap((lighting.level * pixels_of(lighting)).astype(np.float32))
        return {"type": "envmap", "bitmap": bitmap, "to_world": turn}
    return {
        "type": "sunsky",
        "sun_direction": sun_direction(lighting),
        "turbidity": lighting.turbidity,
        "albedo": lighting.albedo,
        "sun_scale": lighting.level * lighting.sun_scale,
        "sky_scale": lighting.level * lighting.sky_scale,
        # Mitsuba's sky has z up; ours has y up, and azimuth 0 toward +z.
        "to_world": turn @ mi.ScalarTransform4f().rotate([1, 0, 0], -90),
    }


def sensor(camera: Camera) -> Any:
    """Return the Mitsuba sensor of a camera.

    ``sample_border`` stays off: with it, Mitsuba 3.9 scales the silhouette term by the area of the
    enlarged film, and shape gradients are too large.
    """
    return mi.load_dict(
        {
            "type": "perspective",
            "fov": camera.field_of_view,
            "fov_axis": "x",
            "to_world": mi.ScalarTransform4f().look_at(
                origin=list(camera.origin), target=list(camera.target), up=list(camera.up)
            ),
            "film": {
                "type": "hdrfilm",
                "width": camera.width,
                "height": camera.height,
                "pixel_format": "rgb",
                "component_format": "float32",
                "rfilter": {"type": "gaussian"},
                "sample_border": False,
            },
            "sampler": {"type": "multijitter"},
        }
    )


def surface_integrator(scene: Scene, form: Form | None = None) -> Any:
    """Return the integrator for images, and for derivatives by material and light."""
    form = form or form_of(scene)
    return mi.load_dict(
        {
            "type": "mrd_surface",
            "max_depth": form.path_depth,
            "background": background(scene),
            "area_lamps": has_area_lamps(scene),
        }
    )


def silhouette_integrator(scene: Scene, boundary_samples: int) -> Any:
    """Return the integrator for derivatives by vertices, which shape and pose move."""
    return mi.load_dict(
        {
            "type": "mrd_silhouette",
            "background": background(scene),
            "area_lamps": has_area_lamps(scene),
            "boundary_samples": boundary_samples,
            "shadow_samples": boundary_samples if scene.others or scene.lamps else 0,
        }
    )


def has_area_lamps(scene: Scene) -> bool:
    """Return whether any light of a scene is a lamp with a surface."""
    return any(isinstance(each, AREA_LAMPS) for each in (scene.lighting, *scene.lamps.values()))


def background(scene: Scene) -> float:
    """Return the linear radiance behind the object; −1 if the environment is visible."""
    if scene.film.background in ("auto", "environment"):
        return -1.0
    return background_radiance(scene.film)


def pixels_of(lighting: EnvironmentMap) -> np.ndarray:
    """Return the radiance (H, W, 3) of a loaded map, without its level."""
    if not isinstance(lighting.radiance, Picture):
        raise InputError(f"the map '{lighting.radiance}' is not loaded; call Scene.loaded() first")
    return lighting.radiance.pixels


def _spectrum(color: Any) -> Any:
    if isinstance(color, Picture):
        return _bitmap(color)
    rgb = [float(color)] * 3 if isinstance(color, float | int) else [float(c) for c in color]
    return {"type": "rgb", "value": rgb}


def _bitmap(picture: Picture) -> dict[str, Any]:
    """Return the Mitsuba dictionary of a texture of linear values; its tensor is a copy."""
    return {
        "type": "bitmap",
        "data": mi.TensorXf(np.array(picture.pixels)),
        "raw": True,
        "filter_type": "bilinear",
        "wrap_mode": "repeat",
    }
