"""One representation for the target and all scenes that are compared with it.

A search produces meshes without texture coordinates, textures of its own resolution, and
environment maps of its own size. The target is converted to the same form before it is rendered, so
that the form itself is no cue for people or models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mrd.rendering.sun_sky_map import LEAST_ROWS, baked
from mrd.rendering.to_mitsuba import Form, form_of, pixels_of
from mrd.study.search_section import SearchConfig
from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.differences import centre_of
from scenes.geometry.topology import joined
from scenes.lamps import LAMPS, Lamp, placed, sizes, strength, turned, with_sizes, with_strength
from scenes.lighting import (
    Constant,
    EnvironmentMap,
    Lighting,
    SunSky,
    radiance_over_sphere,
    solid_angles,
)
from scenes.material import TEXTURED
from scenes.path_depth import OPAQUE_DEPTH, TRANSMITTING_DEPTH
from scenes.placed import is_textured
from scenes.scene import Scene
from scenes.shape import MeshShape, geometry

# Background (display-encoded) of lighting searches: a visible map would reveal its change.
GREY_BEHIND_LIGHTING = 0.5

# Least radiance of a searched map, as a share of its mean: the search moves log radiance, which is
# infinite for black.
DARKEST_SHARE = 1e-4


def represented(scene: Scene, search: SearchConfig) -> Scene:
    """Return the loaded scene in the form that the search can produce."""
    changes: dict[str, object] = {}
    if "shape" in search.attributes and (is_textured(scene.material) or search.textures):
        raise InputError(
            f"scene '{scene.name}': a shape search carries no texture coordinates; "
            "give the material uniform values (and texture_resolution 0)"
        )
    if "shape" in search.attributes and isinstance(scene.shape, MeshShape):
        # Doubled vertices are merged: a moving surface would tear along a seam or hard edge.
        surface = joined(geometry(scene.shape))[0]
        changes["shape"] = scene.shape.model_copy(update={"surface": surface})
    by_adjoint = ("shape",) if scene.others or scene.lamps else ("shape", "pose")
    moving = [name for name in by_adjoint if name in search.attributes]
    if moving and scene.shape.normals == "flat":
        raise InputError(
            f"scene '{scene.name}': shape.normals is flat, and {' and '.join(moving)} searched; "
            "edges between flat faces are not differentiated, so gradients would be wrong; set "
            "normals: smooth"
        )
    if "material" in search.attributes:
        searched = {name: getattr(scene.material, name) for name in search.material_parameters}
        _check_textures(scene.name, searched, search)
        textures = {
            name: as_texture(getattr(scene.material, name), TEXTURED[name], search)
            for name in search.textures
        }
        changes["material"] = scene.material.model_copy(update=textures)
    if "lighting" in search.attributes and not isinstance(scene.lighting, LAMPS):
        changes["lighting"] = _as_searched(scene.lighting, search)
        if scene.film.background == "auto":
            changes["film"] = scene.film.model_copy(update={"background": GREY_BEHIND_LIGHTING})
    return scene.model_copy(update=changes)


def start_scene(target: Scene, starts: Mapping[str, Any], search: SearchConfig) -> Scene:
    """Return the represented target with the searched attributes replaced by their starts.

    `starts` is attribute → start; a search with mode diverge or flip starts at the target itself.
    """
    if search.is_from_target:
        return target
    changes = dict(starts)
    if "shape" in changes:
        changes["shape"] = changes["shape"].model_copy(update={"normals": target.shape.normals})
    if "material" in changes:
        searched = {name: getattr(changes["material"], name) for name in search.material_parameters}
        changes["material"] = target.material.model_copy(update=searched)
    if search.attributes == ("pose",) and changes["pose"] == target.pose:
        raise InputError(
            f"start.pose is that of the target '{target.name}', and nothing else is searched: "
            "give the target or start.pose another rotation or translation"
        )
    if isinstance(target.lighting, LAMPS):
        if "lighting" in search.attributes:
            changes["lighting"] = lamp_of_start(target, search)
    elif "lighting" in changes and search.start.lighting is None:
        # A start that renders black or white has no gradient.
        changes["lighting"] = Constant(radiance=(mean_radiance(target.lighting),) * 3)
    start = represented(target.model_copy(update=changes), search)
    if (
        "lighting" in changes
        and isinstance(target.lighting, EnvironmentMap)
        and not isinstance(start.lighting, LAMPS)
    ):
        map_of_start = as_map(start.lighting, search.environment_height)
        start = start.model_copy(update={"lighting": map_of_start})
    return start


def lamp_of_start(target: Scene, search: SearchConfig) -> Lamp:
    """Return the lamp with which a search of the target's lamp starts.

    Its searched parameters are those of ``start.lighting``. By default its strength is grey with
    twice the target's mean, it is turned by `TURN_OF_LAMP` degrees about the object's centre, and
    it has twice the size.
    """
    lamp, given = target.lighting, search.start.lighting
    if not isinstance(lamp, LAMPS):
        raise TypeError(f"lighting of kind '{lamp.kind}' is no lamp")
    if "strength" in search.lamp_parameters:
        grey = np.full(3, 2 * strength(lamp).mean())
        lamp = with_strength(lamp, strength(given) if isinstance(given, LAMPS) else grey)
    changes: dict[str, Any] = {}
    if "place" in search.lamp_parameters:
        changes |= placed(given) if isinstance(given, LAMPS) else turned(lamp, centre_of(target))
    if "size" in search.lamp_parameters:
        changes |= with_sizes(lamp, sizes(given) if isinstance(given, LAMPS) else 2 * sizes(lamp))
    lamp = lamp.model_copy(update=changes)
    if lamp == target.lighting and search.attributes == ("lighting",):
        raise InputError(
            f"start.lighting is the target's lamp '{target.light}', and nothing else is searched: "
            "give the start other values"
        )
    return lamp


def form_of_family(search: SearchConfig, target: Scene) -> Form:
    """Return how every scene of a family (a target with one search) is translated to Mitsuba.

    Meshes of a shape search have no texture coordinates; an anisotropic highlight is then stretched
    along an arbitrary direction, the same for all scenes.
    """
    simplest = form_of(target)
    moved = search.material_parameters if "material" in search.attributes else ()
    return Form(
        texture_coordinates="shape" not in search.attributes
        and (simplest.texture_coordinates or "anisotropic" in moved or bool(search.textures)),
        path_depth=max(
            simplest.path_depth, TRANSMITTING_DEPTH if "spec_trans" in moved else OPAQUE_DEPTH
        ),
    )


def as_map(lighting: Lighting, height: int) -> EnvironmentMap:
    """Return a light as a map of ``height`` rows, without black, including level and rotation."""
    if isinstance(lighting, SunSky):
        radiance = Picture(pixels_of(baked(lighting, height)))
    else:
        radiance = radiance_over_sphere(lighting, height)
    darkest = DARKEST_SHARE * mean_radiance(EnvironmentMap(radiance=radiance))
    return EnvironmentMap(radiance=Picture(np.maximum(radiance.pixels, darkest)))


def mean_radiance(lighting: Lighting) -> float:
    """Return the mean radiance of a loaded light, over the sphere and the channels."""
    if isinstance(lighting, Constant):
        return lighting.level * float(np.mean(lighting.radiance))
    if isinstance(lighting, SunSky):
        lighting = baked(lighting, LEAST_ROWS)
    pixels = pixels_of(lighting).mean(axis=2)
    return lighting.level * float(np.average(pixels, weights=solid_angles(*pixels.shape)))


def _as_searched(lighting: Lighting, search: SearchConfig) -> Lighting:
    """Return a light in the form of the search: constant if target and start are, else a map."""
    if isinstance(lighting, Constant) and isinstance(
        search.starts().get("lighting", lighting), Constant
    ):
        radiance = tuple(float(lighting.level * channel) for channel in lighting.radiance)
        return Constant(radiance=radiance)
    return as_map(lighting, search.environment_height)


def _check_textures(name: str, searched: Mapping[str, Any], search: SearchConfig) -> None:
    """Raise InputError if a searched parameter is a texture that the search cannot produce."""
    textured = [
        parameter
        for parameter, value in searched.items()
        if isinstance(value, Picture) and parameter not in search.textures
    ]
    if textured:
        names = ", ".join(textured)
        wanted = ", ".join((*search.textures, *textured))
        raise InputError(
            f"material of '{name}' (target or start): {names} are textures, and the search changes "
            f"each as one value; set texture_resolution: 64 and textured_parameters: [{wanted}], "
            "or leave them out of material_parameters"
        )


def as_texture(value: Any, channels: int, search: SearchConfig) -> Picture:
    """Return a material parameter as a texture of n × n texels, n being the search's resolution.

    A texture of another size is averaged.
    """
    size = search.texture_resolution
    if isinstance(value, Picture):
        texels = _resampled(value.pixels, size)
    else:
        texels = np.broadcast_to(np.asarray(value, dtype=np.float32), (size, size, channels))
    return Picture(np.ascontiguousarray(texels, dtype=np.float32))


def _resampled(pixels: np.ndarray, resolution: int) -> np.ndarray:
    """Return a texture (H, W, C) averaged to (n, n, C)."""
    rows, columns = (_coverage(size, resolution) for size in pixels.shape[:2])
    return np.einsum("ai,ijc,bj->abc", rows, pixels, columns, optimize=True)


def _coverage(old: int, new: int) -> np.ndarray:
    """Return the shares (new, old) of each new pixel that each old pixel covers, along a line."""
    edges_old, edges_new = np.linspace(0, 1, old + 1), np.linspace(0, 1, new + 1)
    low = np.maximum(edges_new[:-1, None], edges_old[None, :-1])
    high = np.minimum(edges_new[1:, None], edges_old[None, 1:])
    return np.maximum(high - low, 0) * new
