"""Read the surface of a glTF 2.0 file: GLB files, and ``.gltf`` files with their buffers."""

from pathlib import Path

import numpy as np

from scenes.base.errors import InputError
from scenes.meshes.formats.accessors import Accessors, buffers_of
from scenes.meshes.formats.gltf_document import BROKEN, check_extensions, gltf_document
from scenes.meshes.formats.gltf_nodes import Nodes
from scenes.meshes.formats.polygons import Polygons


def read_gltf(data: bytes, folder: Path) -> Polygons:
    """Return the default scene of a glTF file, with all transforms applied in double precision.

    It reads nodes (mirrored ones keep their outside), instances, skins in the pose of the file,
    morph targets with their weights, quantised, sparse and interleaved accessors, and triangle
    lists, strips and fans. Buffers of a ``.gltf`` file are read from `folder`.
    """
    document, binary = gltf_document(data)
    try:
        check_extensions(document)
        return _joined(Nodes(document, Accessors(document, buffers_of(document, binary, folder))))
    except BROKEN as error:
        raise InputError(f"is not valid glTF ({type(error).__name__}: {error})") from error


def _joined(nodes: Nodes) -> Polygons:
    """Return all triangles of a scene."""
    surfaces = list(nodes.surfaces())
    if not surfaces:
        raise InputError("holds no triangles; export a surface")
    starts = np.cumsum([0, *(len(each.positions) for each in surfaces)])
    triangles = [each.triangles + start for each, start in zip(surfaces, starts, strict=False)]
    corners = np.concatenate(triangles).reshape(-1)
    found = [nodes.base_colour_coordinates(each.primitive) for each in surfaces]
    coordinates = [each for each in found if each is not None]
    uvs = np.concatenate(coordinates)[corners] if len(coordinates) == len(found) else None
    left_out = nodes.left_out
    if coordinates and uvs is None:
        left_out += ("texture coordinates, which some parts lack",)
    sizes = np.full(len(corners) // 3, 3, np.int64)
    vertices = np.concatenate([each.positions for each in surfaces])
    return Polygons(vertices, corners, sizes, uvs, left_out)
