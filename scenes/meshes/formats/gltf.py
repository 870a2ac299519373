"""Read glTF 2.0: GLB files, and ``.gltf`` files with their buffers (Khronos, 2021)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.meshes.formats.accessors import Accessors, buffers_of
from scenes.meshes.formats.polygons import Polygons, fan_triangles, strip_triangles

Floats = NDArray[np.float64]

GLB_MAGIC = b"glTF"
# Errors that a document that breaks the specification can raise while it is read.
BROKEN = (
    KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError, MemoryError,
    OverflowError,
)  # fmt: skip
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
INSTANCING = "EXT_mesh_gpu_instancing"
TEXTURE_TRANSFORM = "KHR_texture_transform"
# Extensions that a file may require: those that are read, and those that do not change geometry.
READ = {"KHR_mesh_quantization", INSTANCING, TEXTURE_TRANSFORM, "KHR_node_visibility"}
WITHOUT_GEOMETRY = ("KHR_materials_", "KHR_lights_", "KHR_xmp", "KHR_texture_", "EXT_texture_",
                    "EXT_lights_", "MSFT_texture_", "KHR_animation_")  # fmt: skip
COMPRESSED = {
    "KHR_draco_mesh_compression": "Draco",
    "EXT_meshopt_compression": "meshopt",
    "KHR_meshopt_compression": "meshopt",
}


def read_gltf(data: bytes, folder: Path) -> Polygons:
    """Return the default scene of a glTF file, with all transforms applied in double precision.

    It reads nodes (mirrored ones keep their outside), instances, skins in the pose of the file,
    morph targets with their weights, quantised, sparse and interleaved accessors, and triangle
    lists, strips and fans. Buffers of a ``.gltf`` file are read from `folder`.
    """
    document, binary = _chunks(data)
    try:
        _check_extensions(document)
        return _Scene(document, Accessors(document, buffers_of(document, binary, folder))).read()
    except BROKEN as error:
        raise InputError(f"is not valid glTF ({type(error).__name__}: {error})") from error


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes | None]:
    """Return the JSON and the binary chunk of a GLB; a ``.gltf`` file has only JSON."""
    text, binary = data, None
    if data.startswith(GLB_MAGIC):
        version, length = (int.from_bytes(data[at : at + 4], "little") for at in (4, 8))
        if version != 2:
            raise InputError(f"is glTF version {version}; only version 2 is read: export it again")
        if length > len(data) or len(data) < 20:
            raise InputError(
                f"is cut short: {len(data)} bytes, but its header states {length}; export it again"
            )
        chunks = dict(reversed(list(_glb_chunks(data[:length]))))
        text, binary = chunks.get(JSON_CHUNK, b""), chunks.get(BINARY_CHUNK)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"is damaged, or no glTF: its JSON cannot be read ({error}); check the suffix, or "
            "export it again"
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise InputError("is no glTF file: it names no asset; export it again")
    if not str(document["asset"].get("version", "")).startswith("2"):
        raise InputError("is glTF of another version; only version 2 is read: export it again")
    return document, binary


def _glb_chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of each chunk of a GLB."""
    at = 12
    while at + 8 <= len(data):
        size, kind = (int.from_bytes(data[at + k : at + k + 4], "little") for k in (0, 4))
        if at + 8 + size > len(data):
            raise InputError("is damaged: a chunk is longer than the file; export it again")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size


def _check_extensions(document: dict[str, Any]) -> None:
    """Raise if the file requires an extension that is not read."""
    for name in document.get("extensionsRequired", ()):
        if name in COMPRESSED:
            raise _compressed(name)
        if name not in READ and not str(name).startswith(WITHOUT_GEOMETRY):
            raise InputError(f"needs the extension {name}, which is not read; export it without")


def _compressed(name: str) -> InputError:
    """Return the error for a compressed file."""
    return InputError(
        f"is compressed with {COMPRESSED[name]} ({name}), which is not read; export it without "
        "compression"
    )


class _Scene:
    """Collects the triangles of the default scene."""

    def __init__(self, document: dict[str, Any], accessors: Accessors) -> None:
        self._document = document
        self._accessors = accessors
        self._nodes: list[dict[str, Any]] = document.get("nodes", [])
        self._world: dict[int, Floats] = {}
        self._visible: dict[int, bool] = {}
        self._left_out: dict[str, None] = {}
        self._positions: list[Floats] = []
        self._uvs: list[Floats | None] = []
        self._triangles: list[NDArray[np.int64]] = []

    def read(self) -> Polygons:
        """Return all triangles of the scene."""
        # All nodes are placed first, because a skin may use any node as a joint.
        for root in self._roots():
            self._place(root, np.eye(4), visible=True)
        for index, visible in self._visible.items():
            if "mesh" in self._nodes[index] and visible:
                self._add_node(self._nodes[index], self._world[index])
        if "animations" in self._document:
            self._left_out["animations"] = None
        return self._joined()

    def _roots(self) -> list[int]:
        """Return the root nodes of the default scene; without scenes, nodes without a parent."""
        scenes = self._document.get("scenes", [])
        if scenes:
            if len(scenes) > 1:
                self._left_out["other scenes of the file"] = None
            return list(scenes[self._document.get("scene", 0)].get("nodes", []))
        children = {child for node in self._nodes for child in node.get("children", [])}
        return [index for index in range(len(self._nodes)) if index not in children]

    def _place(self, index: int, parent: Floats, visible: bool) -> None:
        """Set world matrix and visibility of a node and of its descendants."""
        if index in self._world:
            raise InputError(f"node {index} is below itself or below two nodes; export it again")
        node = self._nodes[index]
        self._world[index] = parent @ _local(node)
        shown = node.get("extensions", {}).get("KHR_node_visibility", {}).get("visible", True)
        self._visible[index] = visible and bool(shown)
        if visible and not shown:
            self._left_out["hidden nodes"] = None
        for child in node.get("children", []):
            self._place(child, self._world[index], self._visible[index])

    def _add_node(self, node: dict[str, Any], world: Floats) -> None:
        """Add the triangles of a node's mesh, with its skin or its instances."""
        mesh = self._document["meshes"][node["mesh"]]
        weights = node.get("weights", mesh.get("weights", []))
        for primitive in mesh["primitives"]:
            triangles = self._indices(primitive)
            if triangles is None:
                continue
            positions = self._morphed(primitive, weights)
            uvs = self._texture_coordinates(primitive)
            if "skin" in node:
                self._add(self._skinned(primitive, positions, node["skin"]), triangles, uvs)
                continue
            for matrix in self._instances(node):
                placed = world @ matrix
                mirrored = np.linalg.det(placed[:3, :3]) < 0
                self._add(
                    positions @ placed[:3, :3].T + placed[:3, 3],
                    triangles[:, ::-1] if mirrored else triangles,
                    uvs,
                )

    def _indices(self, primitive: dict[str, Any]) -> NDArray[np.int64] | None:
        """Return the triangles of a primitive; None for points and lines."""
        extensions = primitive.get("extensions", {})
        position = self._document["accessors"][primitive["attributes"]["POSITION"]]
        for name in COMPRESSED:
            if name in extensions and "bufferView" not in position:
                raise _compressed(name)
        if "indices" in primitive:
            indices = self._accessors.read(primitive["indices"]).astype(np.int64).ravel()
        else:
            indices = np.arange(position["count"])
        mode = primitive.get("mode", 4)
        if mode == 4:
            if len(indices) % 3:
                raise InputError("a list of triangles is cut short; export it again")
            return indices.reshape(-1, 3)
        if mode == 5:
            return strip_triangles(indices)
        if mode == 6:
            return fan_triangles(indices)
        self._left_out["points and lines"] = None
        return None

    def _texture_coordinates(self, primitive: dict[str, Any]) -> Floats | None:
        """Return the texture coordinates of a primitive's base colour; v counts from the top."""
        material = {}
        if "material" in primitive:
            material = self._document["materials"][primitive["material"]]
        texture = material.get("pbrMetallicRoughness", {}).get("baseColorTexture", {})
        transform = texture.get("extensions", {}).get(TEXTURE_TRANSFORM, {})
        number = transform.get("texCoord", texture.get("texCoord", 0))
        accessor = primitive["attributes"].get(f"TEXCOORD_{number}")
        if accessor is None:
            return None
        turn = transform.get("rotation", 0.0)
        scale = np.array(transform.get("scale", (1, 1)), np.float64)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * scale
        offset = np.array(transform.get("offset", (0, 0)), np.float64)
        return self._accessors.read(accessor) @ matrix.T + offset

    def _morphed(self, primitive: dict[str, Any], weights: list[float]) -> Floats:
        """Return the positions of a primitive, with weighted morph targets added."""
        positions = self._accessors.read(primitive["attributes"]["POSITION"])
        for target, weight in zip(primitive.get("targets", []), weights, strict=False):
            if weight and "POSITION" in target:
                positions = positions + weight * self._accessors.read(target["POSITION"])
        return positions

    def _skinned(self, primitive: dict[str, Any], positions: Floats, skin: int) -> Floats:
        """Return positions moved by their joints; the node's own transform is not applied."""
        record = self._document["skins"][skin]
        joints = np.stack([self._world_of(joint) for joint in record["joints"]])
        if "inverseBindMatrices" in record:
            inverse = self._accessors.read(record["inverseBindMatrices"])
            joints = joints @ inverse.reshape(-1, 4, 4).transpose(0, 2, 1)
        moved = np.zeros_like(positions)
        total = np.zeros(len(positions))
        attributes = primitive["attributes"]
        for k in range(8):
            if f"JOINTS_{k}" not in attributes:
                break
            which = self._accessors.read(attributes[f"JOINTS_{k}"]).astype(int)
            share = self._accessors.read(attributes[f"WEIGHTS_{k}"])
            for j in range(4):
                matrices = joints[which[:, j]]
                at = np.einsum("vij,vj->vi", matrices[:, :3, :3], positions) + matrices[:, :3, 3]
                moved += share[:, j, None] * at
                total += share[:, j]
        return moved / np.where(total > 0, total, 1)[:, None]

    def _world_of(self, joint: int) -> Floats:
        """Return the world matrix of a joint; raise if it is not in the scene."""
        if joint not in self._world:
            raise InputError(f"joint {joint} of a skin is not in the scene; export it again")
        return self._world[joint]

    def _instances(self, node: dict[str, Any]) -> list[Floats]:
        """Return the matrices of a node's instances; without instances, the identity."""
        attributes = node.get("extensions", {}).get(INSTANCING, {}).get("attributes")
        if not attributes:
            return [np.eye(4)]
        read = {name.lower(): self._accessors.read(at) for name, at in attributes.items()}
        count = len(next(iter(read.values())))
        keys = [key for key in ("translation", "rotation", "scale") if key in read]
        return [_local({key: read[key][k] for key in keys}) for k in range(count)]

    def _add(self, positions: Floats, triangles: NDArray[np.int64], uvs: Floats | None) -> None:
        """Add triangles, whose indices start at 0 for these positions."""
        first = sum(map(len, self._positions))
        wrong = (triangles < 0) | (triangles >= len(positions))
        if wrong.any():
            raise InputError(
                f"a face names vertex {int(triangles[wrong][0])}, counted from 0, of "
                f"{len(positions)}; the file is damaged: export it again"
            )
        self._positions.append(positions)
        self._uvs.append(uvs)
        self._triangles.append(triangles + first)

    def _joined(self) -> Polygons:
        """Return all triangles that were added."""
        if not self._triangles:
            raise InputError("holds no triangles; export a surface")
        corners = np.concatenate(self._triangles).reshape(-1)
        uvs = None
        if all(each is not None for each in self._uvs):
            uvs = np.concatenate([each for each in self._uvs if each is not None])[corners]
        elif any(each is not None for each in self._uvs):
            self._left_out["texture coordinates, which some parts lack"] = None
        sizes = np.full(len(corners) // 3, 3, np.int64)
        vertices = np.concatenate(self._positions)
        return Polygons(vertices, corners, sizes, uvs, tuple(self._left_out))


def _local(node: dict[str, Any]) -> Floats:
    """Return the matrix (4, 4) from a node to its parent."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    rotation = np.array(node.get("rotation", (0, 0, 0, 1)), np.float64)
    length = np.linalg.norm(rotation)
    if length == 0:
        raise InputError("a node has a rotation of length 0; export it again")
    x, y, z, w = rotation / length
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix
