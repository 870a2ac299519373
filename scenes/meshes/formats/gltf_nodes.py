"""Place the nodes of a glTF scene, and read their triangles."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.meshes.formats.accessors import Accessors
from scenes.meshes.formats.gltf_document import (
    COMPRESSED,
    INSTANCING,
    TEXTURE_TRANSFORM,
    compressed,
)
from scenes.meshes.formats.polygons import fan_triangles, strip_triangles

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles of one primitive of a node, or of one of its instances.

    Parameters
    ----------
    node
        Index of the node.
    primitive
        Its record in the file.
    positions : (V, 3) float64
        In world coordinates.
    triangles : (T, 3) int64
        Counter-clockwise from outside, also of mirrored nodes.
    matrix : (4, 4) float64
        From the mesh to the world; None for a mesh that its joints move.
    """

    node: int
    primitive: dict[str, Any]
    positions: Floats
    triangles: NDArray[np.int64]
    matrix: Floats | None


class Nodes:
    """The nodes of the default scene, placed in the world.

    Parameters
    ----------
    document
        JSON of the file.
    accessors
        Its numbers.
    """

    def __init__(self, document: dict[str, Any], accessors: Accessors) -> None:
        self._document = document
        self._accessors = accessors
        self._nodes: list[dict[str, Any]] = document.get("nodes", [])
        self._left_out: dict[str, None] = {}
        self.world: dict[int, Floats] = {}  # matrix (4, 4) of each node
        self._visible: dict[int, bool] = {}
        # All nodes are placed first, because a skin may use any node as a joint.
        for root in self._roots():
            self._place(root, np.eye(4), visible=True)
        if "animations" in document:
            self._left_out["animations"] = None

    @property
    def left_out(self) -> tuple[str, ...]:
        """Contents that are not read, such as ``"animations"``."""
        return tuple(self._left_out)

    @property
    def visible(self) -> dict[int, dict[str, Any]]:
        """The nodes that are not hidden, by index."""
        return {index: self._nodes[index] for index, shown in self._visible.items() if shown}

    def surfaces(self) -> Iterator[Surface]:
        """Yield the triangles of all visible meshes."""
        for index, node in self.visible.items():
            if "mesh" in node:
                yield from self._of_node(index, node)

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
        if index in self.world:
            raise InputError(f"node {index} is below itself or below two nodes; export it again")
        node = self._nodes[index]
        self.world[index] = parent @ _local(node)
        shown = node.get("extensions", {}).get("KHR_node_visibility", {}).get("visible", True)
        self._visible[index] = visible and bool(shown)
        if visible and not shown:
            self._left_out["hidden nodes"] = None
        for child in node.get("children", []):
            self._place(child, self.world[index], self._visible[index])

    def _of_node(self, index: int, node: dict[str, Any]) -> Iterator[Surface]:
        """Yield the triangles of a node's mesh, moved by its skin, or once for each instance."""
        mesh = self._document["meshes"][node["mesh"]]
        weights = node.get("weights", mesh.get("weights", []))
        for primitive in mesh["primitives"]:
            triangles = self._indices(primitive)
            if triangles is None:
                continue
            positions = self._morphed(primitive, weights)
            _check_indices(triangles, len(positions))
            if "skin" in node:
                moved = self._skinned(primitive, positions, node["skin"])
                yield Surface(index, primitive, moved, triangles, None)
                continue
            for instance in self._instances(node):
                matrix = self.world[index] @ instance
                mirrored = np.linalg.det(matrix[:3, :3]) < 0
                yield Surface(
                    index,
                    primitive,
                    positions @ matrix[:3, :3].T + matrix[:3, 3],
                    triangles[:, ::-1] if mirrored else triangles,
                    matrix,
                )

    def _indices(self, primitive: dict[str, Any]) -> NDArray[np.int64] | None:
        """Return the triangles of a primitive; None for points and lines."""
        extensions = primitive.get("extensions", {})
        position = self._document["accessors"][primitive["attributes"]["POSITION"]]
        for name in COMPRESSED:
            if name in extensions and "bufferView" not in position:
                raise compressed(name)
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

    def base_colour_coordinates(self, primitive: dict[str, Any]) -> Floats | None:
        """Return the texture coordinates of a primitive's base colour; None without any."""
        material = {}
        if "material" in primitive:
            material = self._document["materials"][primitive["material"]]
        texture = material.get("pbrMetallicRoughness", {}).get("baseColorTexture", {})
        return self.texture_coordinates(primitive, texture)

    def texture_coordinates(
        self, primitive: dict[str, Any], texture: dict[str, Any]
    ) -> Floats | None:
        """Return the coordinates (V, 2) that a texture uses; v counts from the top."""
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
        if joint not in self.world:
            raise InputError(f"joint {joint} of a skin is not in the scene; export it again")
        return self.world[joint]

    def _instances(self, node: dict[str, Any]) -> list[Floats]:
        """Return the matrices of a node's instances; without instances, the identity."""
        attributes = node.get("extensions", {}).get(INSTANCING, {}).get("attributes")
        if not attributes:
            return [np.eye(4)]
        read = {name.lower(): self._accessors.read(at) for name, at in attributes.items()}
        count = len(next(iter(read.values())))
        keys = [key for key in ("translation", "rotation", "scale") if key in read]
        return [_local({key: read[key][k] for key in keys}) for k in range(count)]


def _check_indices(triangles: NDArray[np.int64], count: int) -> None:
    """Raise if triangles name a vertex that does not exist."""
    wrong = (triangles < 0) | (triangles >= count)
    if wrong.any():
        raise InputError(
            f"a face names vertex {int(triangles[wrong][0])}, counted from 0, of {count}; the "
            "file is damaged: export it again"
        )


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
