"""From names and paths to numbers: the only place where a scene's parts are read from files."""

from pathlib import Path

from pydantic import ValidationError

from scenes.arrays import Picture
from scenes.base.errors import InputError, about, nearest
from scenes.embedded import LIGHTS, MESHES
from scenes.lighting import EnvironmentMap, Lighting
from scenes.material import TEXTURED, Material
from scenes.meshes.files import read_mesh_file
from scenes.pictures.files import read_picture, read_picture_file
from scenes.pictures.panorama import check_whole_sphere
from scenes.pictures.repair import Repair
from scenes.shape import MeshShape, Shape, fitted


def loaded_shape(shape: Shape, folder: Path) -> Shape:
    """Read a shape's mesh and fit it.

    Parameters
    ----------
    shape
        Any shape.
    folder
        Against which relative paths are taken.

    Returns
    -------
    Shape
        A mesh shape holds its mesh, fitted if it asked for it; others are as they were.
    """
    if not isinstance(shape, MeshShape):
        return shape
    mesh = shape.surface
    if isinstance(mesh, str) and mesh not in MESHES:
        if not Path(mesh).suffix:
            raise _unknown("shape.surface", "mesh", mesh, MESHES)
        # Fitted in double precision, before positions are rounded to 32 bits.
        surface = read_mesh_file(folder / mesh, fit=shape.fit).mesh
    else:
        known = MESHES[mesh]() if isinstance(mesh, str) else mesh
        surface = fitted(known) if shape.fit else known
    return shape.model_copy(update={"surface": surface, "fit": False})


def loaded_material(material: Material, folder: Path) -> Material:
    """Read a material's textures.

    Parameters
    ----------
    material
        Any material.
    folder
        Against which relative paths are taken.

    Returns
    -------
    Material
        With numbers and pictures only. PNG and JPEG colours are decoded by the colour space that
        the file names, else from sRGB; roughness and metallic are taken as stored.
    """
    read: dict[str, Picture] = {}
    for name in TEXTURED:
        value = getattr(material, name)
        if isinstance(value, str):
            encoding = "srgb" if name == "base_color" else "linear"
            read[name] = _texture(name, folder / value, encoding == "srgb")
    if not read:
        return material
    fields = {name: getattr(material, name) for name in Material.model_fields}
    try:
        return Material(**(fields | read))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = str(problem["loc"][0])
        path = folder / getattr(material, name)
        raise InputError(f"{path}: material.{name}: {problem['msg']}") from error


def loaded_lighting(lighting: Lighting, folder: Path) -> Lighting:
    """Read a light's map and repair it where asked.

    Parameters
    ----------
    lighting
        Any light.
    folder
        Against which relative paths are taken.

    Returns
    -------
    Lighting
        An environment map holds its picture, and in `repaired` the number of mended values;
        others are as they were.
    """
    if not isinstance(lighting, EnvironmentMap) or isinstance(lighting.radiance, Picture):
        return lighting
    picture, repaired = _named_light(lighting.radiance, folder, lighting.repair)
    fields = {name: getattr(lighting, name) for name in EnvironmentMap.model_fields}
    try:
        return EnvironmentMap(**(fields | {"radiance": picture, "repaired": repaired}))
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"{lighting.radiance}: lighting.radiance: {message}") from error


def _named_light(name: str, folder: Path, repair: Repair) -> tuple[Picture, int]:
    if name in LIGHTS:
        return LIGHTS[name](), 0
    if not Path(name).suffix:
        raise _unknown("lighting.radiance", "light", name, LIGHTS)
    path = folder / name
    with about("lighting.radiance"):
        read = read_picture_file(path, repair)
        with about(str(path)):
            check_whole_sphere(read)
    return read.picture, read.repaired


def _texture(name: str, path: Path, is_color: bool) -> Picture:
    try:
        return read_picture(path, encoding="srgb" if is_color else "linear")
    except InputError as error:
        raise InputError(f"material.{name}: {error}") from error


def _unknown(key: str, kind: str, name: str, names: dict) -> InputError:
    known = ", ".join(sorted(names))
    hint = nearest(name, names)
    return InputError(
        f"{key}: no {kind} is called '{name}'; {hint} known: {known}, or a file with its suffix"
    )
