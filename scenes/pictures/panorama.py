"""Whether a picture can be a map of the whole sphere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenes.base.errors import InputError

if TYPE_CHECKING:
    from scenes.pictures.files import PictureRead

SPARE = 2  # pixels: some programs write a row more, or less


def is_whole_sphere(read: PictureRead) -> bool:
    """Tell whether a picture is twice as wide as high, the shape of its pixels included."""
    height, width, _ = read.picture.pixels.shape
    return abs(width * read.pixel_aspect - 2 * height) <= SPARE


def check_whole_sphere(read: PictureRead) -> None:
    """Refuse a picture that is not twice as wide as high."""
    height, width, _ = read.picture.pixels.shape
    if not is_whole_sphere(read):
        raise InputError(
            f"has {width} × {height} pixels; an environment map shows the whole sphere in latitude "
            "and longitude and is twice as wide as high: convert a cube, a mirror ball or a cut "
            "panorama, or resize the map if it shows the whole sphere"
        )
