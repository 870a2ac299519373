"""A scene: everything that an image depends on but the renderer, as data."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from scenes.arrays import Mesh, Picture
from scenes.base.atomic_files import whole_file
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError, first_problem
from scenes.base.frozen import Frozen
from scenes.base.inside_folder import inside
from scenes.camera import Camera, Cameras, Ring, cameras
from scenes.film import Film
from scenes.lighting import Constant, Lighting
from scenes.loading import loaded_lighting, loaded_material, loaded_shape
from scenes.material import TEXTURED, Material
from scenes.meshes.files import read_stored_mesh, write_mesh
from scenes.pictures.files import read_picture, write_picture
from scenes.pose import Pose
from scenes.shape import Shape, bounding_sphere, geometry

SCHEMA_VERSION = 1
SCENE_FILE = "scene.json"


class Scene(Frozen):
    """A scene.

    Parameters
    ----------
    name
        For people; it does not enter the hash.
    shape, material, pose, lighting, cameras, film
        What the image depends on. Names and paths are allowed until `loaded`.
    """

    name: str
    shape: Shape
    material: Material = Material()
    pose: Pose = Pose()
    lighting: Lighting = Constant()
    cameras: Cameras = Ring()
    film: Film = Film()

    def loaded(self, folder: Path | None = None) -> "Scene":
        """Read every name and file; fit the mesh; repair the light where asked.

        Parameters
        ----------
        folder
            Against which relative paths are taken; the current folder by default.

        Returns
        -------
        Scene
            With numbers in place of names and paths. A loaded scene comes back unchanged.

        Raises
        ------
        InputError
            When a name is unknown, or a file is missing or broken.
        """
        base = Path(folder) if folder is not None else Path()
        return self.model_copy(
            update={
                "shape": loaded_shape(self.shape, base),
                "material": loaded_material(self.material, base),
                "lighting": loaded_lighting(self.lighting, base),
            }
        )

    @property
    def unloaded(self) -> tuple[str, ...]:
        """Keys that still hold a name or a path, such as ``shape.surface``."""
        values = {
            "shape.surface": getattr(self.shape, "surface", None),
            "lighting.radiance": getattr(self.lighting, "radiance", None),
            **{f"material.{name}": getattr(self.material, name) for name in TEXTURED},
        }
        return tuple(key for key, value in values.items() if isinstance(value, str))

    def canonical_json(self) -> str:
        """Write the scene as one canonical text.

        Returns
        -------
        str
            JSON with sorted keys, no white space, and numbers in their shortest exact form; an
            array is replaced by its hash, shape and type. The name is left out.

        Raises
        ------
        InputError
            While the scene is not loaded.
        """
        if self.unloaded:
            raise InputError(
                f"scene '{self.name}': {', '.join(self.unloaded)} not loaded; call Scene.loaded()"
            )
        content = self.model_dump(mode="json", exclude={"name"})
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def sha256(self) -> str:
        """SHA-256 of `canonical_json`, in hexadecimal; needs a loaded scene."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


def write_scene(scene: Scene, folder: Path) -> Path:
    """Write a scene: ``scene.json``, and its mesh (PLY) and pictures (EXR) beside it.

    Parameters
    ----------
    scene
        A loaded scene.
    folder
        Made if it is missing. Every file is replaced in one step, ``scene.json`` last.

    Returns
    -------
    Path
        Of ``scene.json``.

    Raises
    ------
    InputError
        When the scene is not loaded, or a file cannot be written.
    """
    folder = Path(folder)
    scene.canonical_json()  # refuses what is not loaded, before anything is written
    content = scene.model_dump(mode="json")
    for (part, key), value in _arrays(scene).items():
        path = folder / f"{part}-{key}{'.ply' if isinstance(value, Mesh) else '.exr'}"
        _write_array(value, path)
        content[part][key] = {"file": path.name, "sha256": file_sha256(path)}
    _write_record(scene, content, folder / SCENE_FILE)
    return folder / SCENE_FILE


def write_shared_scene(scene: Scene, folder: Path) -> Path:
    """Write a scene among many: equal meshes and pictures of the folder's scenes are one file.

    Parameters
    ----------
    scene
        A loaded scene.
    folder
        Made if it is missing. Every file is named by its content; what is there and whole is left
        alone, and a file that is damaged is written again.

    Returns
    -------
    Path
        Of the scene's JSON, which `read_scene` reads.

    Raises
    ------
    InputError
        When the scene is not loaded, or a file cannot be written.
    """
    folder = Path(folder)
    path = folder / f"{scene.sha256[:16]}.json"
    if _is_whole(path, scene):
        return path
    content = scene.model_dump(mode="json")
    for (part, key), value in _arrays(scene).items():
        suffix = ".ply" if isinstance(value, Mesh) else ".exr"
        file = folder / f"{key}-{value.sha256[:16]}{suffix}"
        if not _holds(file, value):
            _write_array(value, file)
        content[part][key] = {"file": file.name, "sha256": file_sha256(file)}
    _write_record(scene, content, path)
    return path


def read_scene(path: Path) -> Scene:
    """Read a scene, with the files beside it, and verify it.

    Parameters
    ----------
    path
        A scene's JSON file, as `write_scene` makes it; or one written by hand, with names and
        paths (relative to it) in place of files with hashes.

    Returns
    -------
    Scene
        Loaded.

    Raises
    ------
    InputError
        When a file is missing, broken, of a newer version, or not the one that was written.
    """
    path = Path(path)
    record = _read_json(path)
    version = record.pop("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema_version is {version!r}; this version of the suite reads "
            f"{SCHEMA_VERSION}"
        )
    recorded = record.pop("sha256", None)
    record.setdefault("name", path.stem)
    for part in ("shape", "material", "lighting"):
        if isinstance(record.get(part), dict):
            record[part] = _with_files_read(path, record[part])
    try:
        scene = Scene.model_validate(record)
    except ValidationError as error:
        raise InputError(f"{path}: {first_problem(error, record)}") from error
    try:
        scene = scene.loaded(path.parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if recorded is not None and scene.sha256 != recorded:
        raise InputError(
            f"{path}: the scene is not the one that was written (its hash is {scene.sha256[:12]}…, "
            f"recorded is {str(recorded)[:12]}…); write it again, or delete the line sha256 if the "
            "change was meant"
        )
    return scene


def check_visible(scene: Scene) -> None:
    """Refuse a scene with a camera that sees nothing of the object, or stands inside it.

    Parameters
    ----------
    scene
        A loaded scene.

    Raises
    ------
    InputError
        Naming the camera, and why.
    """
    matrix = scene.pose.matrix()
    mesh = geometry(scene.shape)
    vertices = mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3]
    centre, radius = bounding_sphere(mesh)
    centre = matrix[:3, :3] @ centre + matrix[:3, 3]
    for camera in cameras(scene.cameras):
        distance = float(np.linalg.norm(np.subtract(camera.origin, centre)))
        if distance <= radius:
            raise InputError(
                f"scene '{scene.name}': camera {camera.name} stands inside the object's bounding "
                f"sphere (at {distance:.3g} from its centre, radius {radius:.3g}); raise "
                "cameras.distance"
            )
        problem = _unseen(camera, vertices, mesh.faces)
        if problem:
            raise InputError(
                f"scene '{scene.name}': camera {camera.name} sees nothing of the object: "
                f"{problem}; change cameras or pose.translation"
            )


def _unseen(camera: Camera, vertices: NDArray[np.float64], faces: NDArray[np.int32]) -> str | None:
    pixels = camera.project(vertices)
    if np.isnan(pixels).all():
        return "all of it lies behind the camera"
    size = (camera.width, camera.height)
    if np.any((pixels > 0).all(axis=1) & (pixels < size).all(axis=1)):
        return None
    # No vertex in the frame; a large triangle may still cover it.
    triangles = pixels[faces]
    middle = np.array(size) / 2
    edges = np.roll(triangles, -1, axis=1) - triangles
    toward = middle - triangles
    sides = edges[..., 0] * toward[..., 1] - edges[..., 1] * toward[..., 0]
    if np.any((sides > 0).all(axis=1) | (sides < 0).all(axis=1)):
        return None
    return "all of it lies outside the frame"


def _arrays(scene: Scene) -> dict[tuple[str, str], Mesh | Picture]:
    values: dict[tuple[str, str], Any] = {
        ("shape", "surface"): getattr(scene.shape, "surface", None),
        ("lighting", "radiance"): getattr(scene.lighting, "radiance", None),
        **{("material", name): getattr(scene.material, name) for name in TEXTURED},
    }
    return {key: value for key, value in values.items() if isinstance(value, Mesh | Picture)}


def _is_whole(path: Path, scene: Scene) -> bool:
    """Tell whether a scene's file and all that it names are there and what they were."""
    try:
        return read_scene(path).sha256 == scene.sha256
    except InputError:
        return False


def _holds(file: Path, value: Mesh | Picture) -> bool:
    """Tell whether a file is there and holds this mesh or picture."""
    try:
        return _read_array(file).sha256 == value.sha256
    except InputError:
        return False


def _write_array(value: Mesh | Picture, path: Path) -> None:
    if isinstance(value, Mesh):
        write_mesh(value, path)
    else:
        write_picture(value, path)


def _write_record(scene: Scene, content: dict[str, Any], path: Path) -> None:
    record = {"schema_version": SCHEMA_VERSION, "sha256": scene.sha256, **content}
    with whole_file(path) as beside:
        beside.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise InputError(f"{path}: holds no scene; a scene file is a JSON object")
    return record


def _with_files_read(scene_file: Path, section: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _read_beside(scene_file, value)
        if isinstance(value, dict) and "file" in value
        else value
        for key, value in section.items()
    }


def _read_beside(scene_file: Path, entry: dict[str, Any]) -> Mesh | Picture:
    path = inside(scene_file.parent, entry["file"], scene_file)
    if not path.is_file():
        raise InputError(f"{path}: missing; {scene_file.name} needs it")
    if "sha256" in entry and file_sha256(path) != entry["sha256"]:
        raise InputError(
            f"{path}: is not the file that was written with {scene_file.name} (its SHA-256 "
            "differs); restore it"
        )
    return _read_array(path)


def _read_array(path: Path) -> Mesh | Picture:
    return read_stored_mesh(path) if path.suffix == ".ply" else read_picture(path)
