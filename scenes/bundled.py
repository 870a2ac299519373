"""Meshes and lights that come with the suite (sources: assets/LICENCES.md)."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from scenes.arrays import Mesh, Picture
from scenes.meshes.files import read_stored_mesh
from scenes.pictures.files import read_picture

ASSETS = Path(__file__).parent / "assets"
MESHES: dict[str, Callable[[], Mesh]] = {
    name: cache(partial(read_stored_mesh, ASSETS / f"{name}.ply"))
    for name in ("bunny", "suzanne", "spot")
}
LIGHTS: dict[str, Callable[[], Picture]] = {
    name: cache(partial(read_picture, ASSETS / f"{name}.exr"))
    for name in ("studio", "forest", "venice", "lobby")
}
