"""Open PNG and JPEG files with Pillow, and read their orientation."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import ExifTags, Image

from scenes.base.errors import InputError, one_line
from scenes.pictures.decoded import broken


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Image.Image]:
    """Open a file and decode its pixels, without Pillow's warnings; its size was checked before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=(kind,)) as image:
                image.load()
                yield image
        except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
            what = one_line(error).replace(f" '{path}'", "")
            raise broken(kind, what) from error


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of a picture, 1 (upright) to 8."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (ValueError, SyntaxError, KeyError, TypeError, EOFError, OSError, IndexError) as error:
        raise InputError(
            f"has EXIF data that cannot be read ({one_line(error)}); rotate the picture upright, "
            "and save it without EXIF data"
        ) from error
    return int(value) if value in range(1, 9) else 1
