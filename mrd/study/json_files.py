"""JSON that any reader takes, and one line for what cannot be written."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from scenes.base.atomic_files import cannot_write, whole_file


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write into one line that names the path."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON in one step; numbers that are not finite are written as null.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    with whole_file(path) as beside:
        beside.write_text(f"{text}\n", encoding="utf-8")


def plain(content: Any) -> Any:
    """Reduce to what JSON has: NumPy's numbers become Python's, tuples lists, NaN and ∞ null."""
    if isinstance(content, np.generic | np.ndarray):
        content = content.tolist()
    if isinstance(content, Mapping):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
