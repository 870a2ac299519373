"""Meshes of objects in world coordinates, as they are rendered and exported."""

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh, Picture
from scenes.geometry.normals import vertex_normals
from scenes.material import TEXTURED, Material
from scenes.objects import Object
from scenes.scene import Scene
from scenes.shape import geometry, with_spherical_uvs


def is_textured(material: Material) -> bool:
    """Return whether any parameter is a texture, so that the mesh needs texture coordinates."""
    return any(isinstance(getattr(material, name), Picture) for name in TEXTURED)


def needs_texture_coordinates(material: Material) -> bool:
    """Return whether a mesh with this material needs texture coordinates.

    An anisotropic highlight is stretched along u, so it needs them too.
    """
    return is_textured(material) or material.anisotropic > 0


def world_vertices(mesh: Mesh, scene: Scene | Object) -> NDArray[np.float64]:
    """Return a mesh's vertices (V, 3), float64, in world coordinates."""
    matrix = scene.pose.matrix()
    return mesh.vertices.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]


def own_surface(
    scene: Scene | Object, texture_coordinates: bool
) -> tuple[Mesh, NDArray[np.float32] | None]:
    """Return the mesh before the pose, and its normals (V, 3) or None for flat faces."""
    mesh = geometry(scene.shape)
    normals = vertex_normals(mesh)
    if texture_coordinates:
        mesh, normals = with_spherical_uvs(mesh)
    return mesh, None if scene.shape.normals == "flat" else normals


def world_surface(
    scene: Scene | Object, texture_coordinates: bool
) -> tuple[Mesh, NDArray[np.float32] | None]:
    """Return the mesh in world coordinates, and its normals (V, 3) or None for flat faces."""
    mesh, normals = own_surface(scene, texture_coordinates)
    placed = Mesh(world_vertices(mesh, scene).astype(np.float32), mesh.faces, mesh.uvs)
    if normals is None:
        return placed, None
    return placed, (normals @ scene.pose.matrix()[:3, :3].T).astype(np.float32)
