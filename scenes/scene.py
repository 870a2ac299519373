"""A scene: everything, except the renderer, that an image depends on, as data."""

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
from scenes.base.errors import InputError, about, first_problem, reading
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
        Any name; it does not change the hash.
    shape, material, pose, lighting, cameras, film
        Sections that the image depends on. They may name library entries and files until the
        scene is `loaded`.
    """

    name: str
    shape: Shape
    material: Material = Material()
    pose: Pose = Pose()
    lighting: Lighting = Constant()
    cameras: Cameras = Ring()
    film: Film = Film()

    def loaded(self, folder: Path | None = None) -> "Scene":
        """Return the scene with names and files replaced by arrays.

        The mesh is fitted, and the light repaired, if the scene requests it.

        Parameters
        ----------
        folder
            Folder of relative paths; the current one by default.

        Returns
        -------
        Scene
            A loaded scene is returned unchanged.

        Raises
        ------
        InputError
            A name is unknown, or a file is missing or damaged.
        """
        base = Path(folder or "")
        return self.model_copy(
            update={
                "shape": loaded_shape(self.shape, base),
                "material": loaded_material(self.material, base),
                "lighting": loaded_lighting(self.lighting, base),
            }
        )

    @property
    def unloaded(self) -> tuple[str, ...]:
        """Keys whose value is still a name or a path, such as ``shape.surface``."""
        return tuple(
            ".".join(key) for key, value in contents(self).items() if isinstance(value, str)
        )

    def canonical_json(self) -> str:
        """Return a loaded scene without its name as JSON; arrays are replaced by their hashes."""
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
        Made if it is missing. Every file is replaced atomically, ``scene.json`` last.

    Returns
    -------
    Path
        Path of ``scene.json``.

    Raises
    ------
    InputError
        The scene is not loaded, or a file cannot be written.
    """
    path = Path(folder) / SCENE_FILE
    _write(scene, path, shared=False)
    return path


def write_shared_scene(scene: Scene, folder: Path) -> Path:
    """Write a loaded scene into a folder where scenes share equal files; return its JSON file."""
    path = Path(folder) / f"{scene.sha256[:16]}.json"
    if not _is_intact(path, scene):
        _write(scene, path, shared=True)
    return path


def read_scene(path: Path) -> Scene:
    """Read a scene, with the files beside it, and verify it.

    Parameters
    ----------
    path
        JSON file written by `write_scene`; or written by hand, with library names, and paths
        relative to it, in place of files with hashes.

    Returns
    -------
    Scene
        A loaded scene.

    Raises
    ------
    InputError
        A file is missing, damaged, of a newer version, or was changed after writing.
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
    with about(str(path)):
        scene = scene.loaded(path.parent)
    if recorded is not None and scene.sha256 != recorded:
        raise InputError(
            f"{path}: the scene is not the one that was written (its hash is {scene.sha256[:12]}…, "
            f"recorded is {str(recorded)[:12]}…); write it again, or delete the line sha256 if you "
            "changed it on purpose"
        )
    return scene


def check_visible(scene: Scene) -> None:
    """Raise if a camera does not see the object, or is inside it.

    Parameters
    ----------
    scene
        A loaded scene.

    Raises
    ------
    InputError
        The message names the camera and the reason.
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
                f"scene '{scene.name}': camera {camera.name} is inside the object's bounding "
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
    """Return why a camera does not see the object; None if it sees some of it."""
    pixels = camera.project(vertices)
    if np.isnan(pixels).all():
        return "all of it is behind the camera"
    size = (camera.width, camera.height)
    if np.any((pixels > 0).all(axis=1) & (pixels < size).all(axis=1)):
        return None
    # No vertex is in the frame, but a large triangle may cover it.
    triangles = pixels[faces]
    middle = np.array(size) / 2
    edges = np.roll(triangles, -1, axis=1) - triangles
    toward = middle - triangles
    sides = edges[..., 0] * toward[..., 1] - edges[..., 1] * toward[..., 0]
    if np.any((sides > 0).all(axis=1) | (sides < 0).all(axis=1)):
        return None
    return "all of it is outside the frame"


def contents(scene: Scene) -> dict[tuple[str, str], Any]:
    """Return the values that are names, files or arrays, by section and key."""
    return {
        ("shape", "surface"): getattr(scene.shape, "surface", None),
        **{("material", name): getattr(scene.material, name) for name in TEXTURED},
        ("lighting", "radiance"): getattr(scene.lighting, "radiance", None),
    }


def _is_intact(path: Path, scene: Scene) -> bool:
    """Return whether a scene file exists and contains this scene."""
    try:
        return read_scene(path).sha256 == scene.sha256
    except InputError:
        return False


def _holds(file: Path, value: Mesh | Picture) -> bool:
    """Return whether a file contains this mesh or picture."""
    try:
        return _read_array(file).sha256 == value.sha256
    except InputError:
        return False


def _write(scene: Scene, path: Path, *, shared: bool) -> None:
    """Write the files of a scene; if `shared`, name its arrays by their hash."""
    record: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "sha256": scene.sha256}
    record |= scene.model_dump(mode="json")
    for (part, key), value in contents(scene).items():
        if not isinstance(value, Mesh | Picture):
            continue
        stem = f"{key}-{value.sha256[:16]}" if shared else f"{part}-{key}"
        file = path.with_name(stem + (".ply" if isinstance(value, Mesh) else ".exr"))
        if not (shared and _holds(file, value)):
            if isinstance(value, Mesh):
                write_mesh(value, file)
            else:
                write_picture(value, file)
        record[part][key] = {"file": file.name, "sha256": file_sha256(file)}
    with whole_file(path) as beside:
        beside.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    """Return the content of a scene file; raise InputError if it is not a JSON object."""
    with reading(path):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"is not JSON: {error}") from error
        if not isinstance(record, dict):
            raise InputError("holds no scene; a scene file is a JSON object")
    return record


def _with_files_read(scene_file: Path, section: dict[str, Any]) -> dict[str, Any]:
    """Return a section with the meshes and pictures that it refers to."""
    return {
        key: _read_beside(scene_file, value)
        if isinstance(value, dict) and "file" in value
        else value
        for key, value in section.items()
    }


def _read_beside(scene_file: Path, entry: dict[str, Any]) -> Mesh | Picture:
    """Read a mesh or picture beside a scene file; raise if its hash is wrong."""
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
    """Read a stored mesh (PLY) or picture (EXR)."""
    return read_stored_mesh(path) if path.suffix == ".ply" else read_picture(path)
