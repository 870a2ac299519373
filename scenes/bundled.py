"""Meshes and lights that come with the suite (sources: assets/LICENCES.md)."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from scenes.arrays import Mesh, Picture
from scenes.meshes.files import read_stored_mesh
from scenes.pictures.files import read_picture

ASSETS = Path(__file__).parent / "assets"


@cache
def _mesh(name: str) -> Mesh:
    return read_stored_mesh(ASSETS / f"{name}.ply")


@cache
def _light(name: str) -> Picture:
    return read_picture(ASSETS / f"{name}.exr")


MESHES: dict[str, Callable[[], Mesh]] = {
    name: partial(_mesh, name) for name in ("bunny", "suzanne")
}
LIGHTS: dict[str, Callable[[], Picture]] = {
    name: partial(_light, name) for name in ("studio", "forest", "venice", "lobby")
}
