"""Load the parts of a scene: replace names and paths by meshes and pictures."""

from pathlib import Path

from pydantic import ValidationError

from scenes.arrays import Picture
from scenes.base.errors import InputError, about, first_problem, unknown
from scenes.bundled import LIGHTS, MESHES
from scenes.lighting import EnvironmentMap, Lighting
from scenes.material import TEXTURED, Material
from scenes.meshes.files import read_mesh_file
from scenes.pictures.encoded import Encoding
from scenes.pictures.files import check_whole_sphere, read_picture, read_picture_file
from scenes.pictures.repair import Repair
from scenes.shape import MeshShape, Shape, fitted


def loaded_shape(shape: Shape, folder: Path) -> Shape:
    """Return a shape with its mesh read, and fitted if `fit` is set; paths start from `folder`."""
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
    """Return a material with its textures read; only `base_color` is decoded from sRGB."""
    fields = dict(material)
    read: dict[str, Picture] = {}
    for name in TEXTURED:
        if isinstance(fields[name], str):
            encoding: Encoding = "srgb" if name == "base_color" else "linear"
            with about(f"material.{name}"):
                read[name] = read_picture(folder / fields[name], encoding=encoding)
    if not read:
        return material
    try:
        return Material(**(fields | read))
    except ValidationError as error:
        path = folder / fields[str(error.errors()[0]["loc"][0])]
        raise InputError(f"{path}: material.{first_problem(error, fields)}") from error


def loaded_lighting(lighting: Lighting, folder: Path) -> Lighting:
    """Return a light with its map read; `repaired` is the number of values that were repaired."""
    if not isinstance(lighting, EnvironmentMap) or isinstance(lighting.radiance, Picture):
        return lighting
    picture, repaired = _named_light(lighting.radiance, folder, lighting.repair)
    try:
        return EnvironmentMap(**(dict(lighting) | {"radiance": picture, "repaired": repaired}))
    except ValidationError as error:
        problem = first_problem(error, {})
        raise InputError(f"{lighting.radiance}: lighting.radiance: {problem}") from error


def _named_light(name: str, folder: Path, repair: Repair) -> tuple[Picture, int]:
    """Return the map of a light by its name or file, and how many values were repaired."""
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


def _unknown(key: str, kind: str, name: str, names: dict) -> InputError:
    """Return the error for a name that is neither in the library nor a file."""
    return InputError(f"{key}: {unknown(kind, name, names, ', or a file with its suffix')}")
