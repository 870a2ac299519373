"""Reading files, and reading and writing JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds a mapping."""
    return parse_json(read_bytes(path), path)


def parse_json(content: bytes, path: Path) -> dict[str, Any]:
    """Return the object in the bytes of a JSON file; messages name `path`."""
    try:
        mapping = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(mapping, dict):
        raise InputError(f"{path}: holds no mapping; restore the file")
    return mapping


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as a JSON file, which is never incomplete."""
    with whole_file(path) as beside:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        beside.write_text(f"{text}\n", encoding="utf-8")
