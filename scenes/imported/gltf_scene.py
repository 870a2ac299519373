"""Read a glTF 2.0 file as a scene: objects, materials, cameras and lights."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError, about, reading
from scenes.geometry.topology import place_of
from scenes.imported.draft import Draft, Part, check_invertible
from scenes.imported.gltf_lights import EXTENSION as LIGHTS
from scenes.imported.gltf_lights import lamp_of
from scenes.imported.gltf_material import Coordinates, GltfMaterials
from scenes.imported.gltf_views import view_of
from scenes.meshes.formats.accessors import Accessors, buffers_of
from scenes.meshes.formats.gltf_document import (
    BROKEN,
    INSTANCING,
    TEXTURE_TRANSFORM,
    check_extensions,
    gltf_document,
)
from scenes.meshes.formats.gltf_nodes import Nodes, Surface
from scenes.meshes.formats.polygons import Polygons
from scenes.shape import Normals

Floats = NDArray[np.float64]

# Extensions that are read, apart from those of materials.
READ = {LIGHTS, INSTANCING, TEXTURE_TRANSFORM, "KHR_node_visibility", "KHR_mesh_quantization"}
CLOSE = np.cos(np.radians(2))  # of a stored normal to a computed one
MOST_OTHER = 0.05  # of the corners whose stored normal is not close


def read_gltf_scene(path: Path) -> Draft:
    """Return what a GLB or ``.gltf`` file describes.

    Parameters
    ----------
    path
        The file; its buffers and textures are in it, or in its folder.

    Raises
    ------
    InputError
        The file is missing, damaged or compressed, a texture is missing, or a transform is
        singular.
    """
    with reading(path):
        document, binary = gltf_document(path.read_bytes())
        try:
            check_extensions(document)
            return _Reader(document, buffers_of(document, binary, path.parent), path).read()
        except BROKEN as error:
            raise InputError(f"is not valid glTF ({type(error).__name__}: {error})") from error


class _Reader:
    """Reads one file."""

    def __init__(self, document: dict[str, Any], buffers: list[bytes | None], path: Path) -> None:
        self._document = document
        self._accessors = Accessors(document, buffers)
        self._nodes = Nodes(document, self._accessors)
        self._draft = Draft(up="y", units="metres")
        self._report = self._draft.report
        self._materials = GltfMaterials(document, buffers, path, self._report)

    def read(self) -> Draft:
        """Return all that was read."""
        lamps = self._document.get("extensions", {}).get(LIGHTS, {}).get("lights", [])
        for index, node in self._nodes.visible.items():
            name = self._name(index)
            matrix = self._nodes.world[index]
            light = node.get("extensions", {}).get(LIGHTS)
            if {"mesh", "camera"} & node.keys() or light:
                with about(f"node '{name}'"):
                    check_invertible(matrix, "a node")
            if "camera" in node:
                camera = self._document["cameras"][node["camera"]]
                view = view_of(camera, name, matrix, self._report)
                self._draft.views += [view] if view else []
            if light:
                lamp = lamp_of(lamps[light["light"]], name, matrix, self._report)
                self._draft.lamps += [lamp] if lamp else []
        self._add_parts()
        self._report_rest()
        return self._draft

    def _name(self, index: int) -> str:
        """Return the name of a node, or else of its mesh."""
        node = self._document["nodes"][index]
        mesh = self._document["meshes"][node["mesh"]] if "mesh" in node else {}
        return str(node.get("name") or mesh.get("name") or f"object_{index + 1}")

    def _add_parts(self) -> None:
        """Add one object for each node and material."""
        groups: dict[tuple[int, int | None], list[Surface]] = defaultdict(list)
        for surface in self._nodes.surfaces():
            groups[surface.node, surface.primitive.get("material")].append(surface)
        if not groups:
            raise InputError("holds no meshes; export the scene with its objects")
        for (index, material), surfaces in groups.items():
            name = self._name(index)
            with about(f"node '{name}'"):
                self._draft.parts.append(self._part(name, material, surfaces))

    def _part(self, name: str, material: int | None, surfaces: list[Surface]) -> Part:
        """Return one object."""
        if any("COLOR_0" in each.primitive["attributes"] for each in surfaces):
            self._report.lost(f"vertex colours of '{name}'")
        coordinates = self._materials.coordinates(material)
        corners = _corners(surfaces)
        uvs = self._uvs(surfaces, coordinates, corners) if coordinates else None
        vertices = np.concatenate([each.positions for each in surfaces])
        sizes = np.full(len(corners) // 3, 3, np.int64)
        return Part(
            name,
            Polygons(vertices, corners, sizes, uvs),
            self._materials.material(material),
            self._normals(name, surfaces, vertices, corners),
            self._materials.is_two_sided(material),
        )

    def _uvs(
        self, surfaces: list[Surface], texture: Coordinates, corners: NDArray[np.int64]
    ) -> Floats | None:
        """Return the texture coordinates of corners; None if a primitive has none."""
        found = [self._nodes.texture_coordinates(each.primitive, texture) for each in surfaces]
        whole = [each for each in found if each is not None]
        return np.concatenate(whole)[corners] if len(whole) == len(found) else None

    def _normals(
        self, name: str, surfaces: list[Surface], vertices: Floats, corners: NDArray[np.int64]
    ) -> Normals:
        """Return which computed normals (flat or smooth) are closer to the stored ones."""
        if all("NORMAL" not in each.primitive["attributes"] for each in surfaces):
            return "flat"  # as the specification requires
        found = [self._stored_normals(each) for each in surfaces]
        stored = [each for each in found if each is not None]
        if len(stored) < len(found):
            return "smooth"
        normals = np.concatenate(stored)[corners]
        a, b, c = np.moveaxis(vertices[corners].reshape(-1, 3, 3), 1, 0)
        face = _unit(np.cross(b - a, c - a))
        # Smooth normals agree where all corners at one position have about the same normal.
        place = place_of(vertices)[corners]
        sums = np.stack([np.bincount(place, normals[:, k]) for k in range(3)], axis=1)
        unlike = [
            float(np.mean(np.einsum("nd,nd->n", normals, computed) < CLOSE))
            for computed in (np.repeat(face, 3, axis=0), _unit(sums)[place])
        ]
        closer: Normals = "flat" if unlike[0] < unlike[1] else "smooth"
        if min(unlike) > MOST_OTHER:
            self._report.lost(
                f"normals of '{name}': some of its edges are hard, some smooth; all are {closer}"
            )
        return closer

    def _stored_normals(self, surface: Surface) -> Floats | None:
        """Return the normals (V, 3) of a primitive in the world; None without any."""
        accessor = surface.primitive["attributes"].get("NORMAL")
        if accessor is None or surface.matrix is None:
            return None
        # Columns of the inverse transpose; a mirrored surface keeps its outside.
        return _unit(self._accessors.read(accessor) @ np.linalg.inv(surface.matrix[:3, :3]))

    def _report_rest(self) -> None:
        """Report what the scene of a file has beside objects, cameras and lights."""
        for what in self._nodes.left_out:
            self._report.lost(what)
        self._materials.report_unread()
        for name in self._document.get("extensionsUsed", []):
            if name not in READ and not str(name).startswith(("KHR_materials_", "KHR_texture_")):
                self._report.lost(f"extension {name}")


def _corners(surfaces: list[Surface]) -> NDArray[np.int64]:
    """Return the vertices of all corners, counted through all surfaces."""
    starts = np.cumsum([0, *(len(each.positions) for each in surfaces)])
    triangles = [each.triangles + start for each, start in zip(surfaces, starts, strict=False)]
    return np.concatenate(triangles).reshape(-1)


def _unit(vectors: NDArray[Any]) -> Floats:
    """Return vectors of length 1; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
