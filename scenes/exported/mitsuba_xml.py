"""The file ``scene.xml`` of a scene for Mitsuba 3."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from scenes.arrays import Picture
from scenes.camera import Camera, cameras
from scenes.exported.lights import SPOT_CORE, lights_of, up_of
from scenes.lamps import STRENGTH, DiscLamp, Lamp, PointLamp, RectangleLamp, SphereLamp, SpotLamp
from scenes.lighting import Constant, EnvironmentMap, SunSky, sun_direction
from scenes.material import SCALARS, Material
from scenes.path_depth import path_depth
from scenes.scene import Light, Scene

SAMPLES = 256  # per pixel, unless the other program asks for another number

Files = Mapping[tuple[str, str], str]
"""Names of files beside ``scene.xml``, by object or light, and key."""


def scene_xml(scene: Scene, files: Files) -> str:
    """Return the description of a loaded scene, whose meshes and pictures are in `files`."""
    root = Element("scene", version="3.0.0")
    hidden = has_grey_background(scene)
    integrator = _plugin(root, "integrator", "path")
    _values(integrator, max_depth=path_depth(scene), hide_emitters=hidden)
    for camera in cameras(scene.cameras):
        _camera(root, camera, hidden)
    # The order of emitters is that of our own translation, so that equal seeds give equal noise.
    first, *others = scene.objects
    (searched, light), *lamps = lights_of(scene).items()
    _object(root, scene, first, files)
    _light(root, light, "light", files.get((searched, "radiance")))
    for name in others:
        _object(root, scene, name, files)
    for name, each in lamps:
        _light(root, each, f"lamp_{name}", files.get((name, "radiance")))
    indent(root)
    return f"{tostring(root, encoding='unicode')}\n"


def has_grey_background(scene: Scene) -> bool:
    """Return whether a constant grey, and not the environment, is behind the objects."""
    return scene.film.background not in ("auto", "environment")


# ---- Plugins ------------------------------------------------------------------------------------


def _camera(root: Element, camera: Camera, hidden: bool) -> None:
    """Add a sensor; with a `hidden` environment, its film has an alpha channel."""
    sensor = _plugin(root, "sensor", "perspective", id=camera.name)
    _values(sensor, fov=camera.field_of_view, fov_axis="x")
    place = SubElement(sensor, "transform", name="to_world")
    SubElement(
        place,
        "lookat",
        origin=_numbers(camera.origin),
        target=_numbers(camera.target),
        up=_numbers(camera.up),
    )
    film = _plugin(sensor, "film", "hdrfilm")
    form = "rgba" if hidden else "rgb"
    _values(film, width=camera.width, height=camera.height, pixel_format=form)
    _values(film, component_format="float32", sample_border=False)
    _plugin(film, "rfilter", "gaussian")
    _values(_plugin(sensor, "sampler", "multijitter"), sample_count=SAMPLES)


def _object(root: Element, scene: Scene, name: str, files: Files) -> None:
    """Add a mesh with its material."""
    each = scene.objects[name]
    shape = _plugin(root, "shape", "ply", id=name)
    _values(shape, filename=files[name, "mesh"], face_normals=each.shape.normals == "flat")
    material = _plugin(shape, "bsdf", "principled")
    _values(material, eta=each.material.eta)
    for key in ("base_color", *SCALARS):
        if key != "eta":
            _parameter(material, key, each.material, files.get((name, key)))


def _parameter(parent: Element, key: str, material: Material, file: str | None) -> None:
    """Add a parameter of a material: a number, a colour, or a texture."""
    value = getattr(material, key)
    if isinstance(value, Picture):
        texture = _plugin(parent, "texture", "bitmap", name=key)
        _values(texture, filename=str(file), raw=True, filter_type="bilinear", wrap_mode="repeat")
    elif key == "base_color":
        color = value if isinstance(value, tuple) else (value,) * 3
        SubElement(parent, "rgb", name=key, value=_numbers(color))
    else:
        _values(parent, **{key: float(value)})


def _light(root: Element, light: Light, name: str, picture: str | None) -> None:
    """Add a light; `picture` is the file of an environment map."""
    match light:
        case Constant():
            plugin = _plugin(root, "emitter", "constant", id=name)
            _color(plugin, "radiance", [light.level * each for each in light.radiance])
        case EnvironmentMap():
            plugin = _plugin(root, "emitter", "envmap", id=name)
            _values(plugin, filename=str(picture), scale=light.level)
            place = SubElement(plugin, "transform", name="to_world")
            SubElement(place, "rotate", y="1", angle=_number(light.rotation))
        case SunSky():
            _sun_and_sky(root, light, name)
        case _:
            _lamp(root, light, name)


def _sun_and_sky(root: Element, lighting: SunSky, name: str) -> None:
    """Add sun and sky, whose up direction is turned from +z to +y."""
    light = _plugin(root, "emitter", "sunsky", id=name)
    _values(
        light,
        turbidity=lighting.turbidity,
        albedo=lighting.albedo,
        sun_scale=lighting.level * lighting.sun_scale,
        sky_scale=lighting.level * lighting.sky_scale,
    )
    SubElement(light, "vector", name="sun_direction", value=_numbers(sun_direction(lighting)))
    place = SubElement(light, "transform", name="to_world")
    SubElement(place, "rotate", x="1", angle="-90")
    SubElement(place, "rotate", y="1", angle=_number(lighting.rotation))


def _lamp(root: Element, lamp: Lamp, name: str) -> None:
    """Add a lamp; its strength is multiplied by its level."""
    strength = [lamp.level * each for each in getattr(lamp, STRENGTH[lamp.kind])]
    match lamp:
        case RectangleLamp():
            width, height = lamp.size
            shape = _emitting(root, "rectangle", name, strength)
            _facing(shape, lamp, (width / 2, height / 2, 1.0))
        case DiscLamp():
            shape = _emitting(root, "disk", name, strength)
            _facing(shape, lamp, (lamp.radius, lamp.radius, 1.0))
        case SphereLamp():
            shape = _emitting(root, "sphere", name, strength)
            place = SubElement(shape, "transform", name="to_world")
            SubElement(place, "scale", value=_number(lamp.radius))
            SubElement(place, "translate", value=_numbers(lamp.place))
        case PointLamp():
            light = _plugin(root, "emitter", "point", id=name)
            SubElement(light, "point", name="position", value=_numbers(lamp.place))
            _color(light, "intensity", strength)
        case SpotLamp():
            light = _plugin(root, "emitter", "spot", id=name)
            _values(light, cutoff_angle=lamp.angle, beam_width=SPOT_CORE * lamp.angle)
            _color(light, "intensity", strength)
            _facing(light, lamp, None)
        case _:
            light = _plugin(root, "emitter", "directional", id=name)
            ahead = [-float(each) for each in lamp.direction()]
            SubElement(light, "vector", name="direction", value=_numbers(ahead))
            _color(light, "irradiance", strength)


def _emitting(root: Element, kind: str, name: str, radiance: Sequence[float]) -> Element:
    """Add a shape that emits light and reflects none; return it."""
    shape = _plugin(root, "shape", kind, id=name)
    _color(_plugin(shape, "bsdf", "diffuse"), "reflectance", [0.0, 0.0, 0.0])
    _color(_plugin(shape, "emitter", "area"), "radiance", radiance)
    return shape


def _facing(
    parent: Element,
    lamp: RectangleLamp | DiscLamp | SpotLamp,
    size: tuple[float, float, float] | None,
) -> None:
    """Add the transform that puts a lamp at its place, its +z axis toward its point."""
    place = SubElement(parent, "transform", name="to_world")
    if size:
        SubElement(place, "scale", value=_numbers(size))
    SubElement(
        place,
        "lookat",
        origin=_numbers(lamp.place),
        target=_numbers(lamp.toward),
        up=_numbers(up_of(lamp)),
    )


# ---- XML ----------------------------------------------------------------------------------------


def _plugin(parent: Element, tag: str, kind: str, **attributes: str) -> Element:
    """Add a plugin of Mitsuba; return it."""
    return SubElement(parent, tag, {"type": kind, **attributes})


def _values(parent: Element, **values: Any) -> None:
    """Add parameters of a plugin; the tag follows from the type of the value."""
    for name, value in values.items():
        match value:
            case bool():
                SubElement(parent, "boolean", name=name, value=str(value).lower())
            case int():
                SubElement(parent, "integer", name=name, value=str(value))
            case float():
                SubElement(parent, "float", name=name, value=_number(value))
            case _:
                SubElement(parent, "string", name=name, value=str(value))


def _color(parent: Element, name: str, values: Sequence[float]) -> None:
    """Add a colour, linear Rec. 709."""
    SubElement(parent, "rgb", name=name, value=_numbers(values))


def _numbers(values: Sequence[float]) -> str:
    """Return numbers as text without loss."""
    return ", ".join(map(_number, values))


def _number(value: float) -> str:
    """Return a number as text without loss."""
    return repr(float(value))
