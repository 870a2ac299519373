"""Read Wavefront OBJ files.

This is our own reader because trimesh and meshio count relative indices from the end of the file,
not from the line that they are in.
"""

from collections.abc import Iterator

import numpy as np

from scenes.base.errors import InputError
from scenes.meshes.formats.polygons import Polygons, from_top
from scenes.meshes.formats.text import lines, numbers

# Lines about appearance or groups, which are skipped.
WITHOUT_SHAPE = {
    "vn", "vp", "g", "o", "s", "mg", "usemtl", "mtllib", "usemap", "maplib", "bevel", "lod",
    "c_interp", "d_interp", "shadow_obj", "trace_obj",
}  # fmt: skip
FREE_FORM = {"curv", "curv2", "surf", "cstype", "bmat", "step", "parm", "con"}
OTHER_FILES = {"call", "csh"}


def read_obj(data: bytes) -> Polygons:
    """Return the faces of an OBJ file (``v``, ``vt`` and ``f`` or ``fo`` lines)."""
    vertices: list[list[float]] = []
    textures: list[list[float]] = []
    corners: list[int] = []
    of_texture: list[int] = []
    sizes: list[int] = []
    farthest = (0, 0)  # largest vertex number (from 1) of a face, and its line
    left_out: dict[str, None] = {}

    for line, words in _joined_lines(data):
        keyword, values = words[0], words[1:]
        if keyword == "v":
            vertices.append(_position(line, values))
            if len(values) > 4:
                left_out["vertex colours"] = None
        elif keyword == "vt":
            textures.append([*numbers(line, values[:2], at_least=1), 0.0][:2])
        elif keyword in ("f", "fo"):
            for word in values:
                vertex, texture = _corner(line, word, len(vertices), len(textures))
                corners.append(vertex)
                farthest = max(farthest, (vertex + 1, line))
                of_texture.append(texture)
            sizes.append(len(values))
        elif keyword in FREE_FORM:
            raise InputError(
                f"line {line}: '{keyword}' is part of a free-form surface; only polygons are read: "
                "export the surface as polygons"
            )
        elif keyword in OTHER_FILES:
            raise InputError(f"line {line}: '{keyword}' runs another file; export one whole file")
        elif keyword not in WITHOUT_SHAPE:
            name = {"l": "lines", "p": "points"}.get(keyword, f"unknown lines '{keyword[:20]}'")
            left_out[name] = None

    if farthest[0] > len(vertices):
        raise InputError(
            f"line {farthest[1]}: names vertex {farthest[0]}, but there are {len(vertices)}; the "
            "file is damaged: export it again"
        )
    uvs = _corner_uvs(np.array(of_texture, np.int64), np.array(textures).reshape(-1, 2))
    if textures and corners and uvs is None:
        left_out["texture coordinates, which some corners lack"] = None
    return Polygons(
        np.array(vertices, np.float64).reshape(-1, 3),
        np.array(corners, np.int64),
        np.array(sizes, np.int64),
        uvs,
        tuple(left_out),
    )


def _joined_lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and words of each line that is not empty; a backslash continues a line."""
    waiting: list[str] = []
    for number, words in lines(data):
        if words and words[-1].endswith("\\"):
            words[-1] = words[-1][:-1]
            waiting += [word for word in words if word]
            continue
        if waiting or words:
            yield number, waiting + words
        waiting = []


def _position(line: int, words: list[str]) -> list[float]:
    """Return three coordinates; a single fourth number is a weight, and must be 1."""
    values = numbers(line, words, at_least=3)
    if len(values) == 4 and values[3] != 1:
        raise InputError(
            f"line {line}: the vertex has the weight {values[3]:g}; only weights of 1 are read: "
            "export the surface as polygons"
        )
    return values[:3]


def _corner(line: int, word: str, vertices: int, textures: int) -> tuple[int, int]:
    """Return indices, from 0, of a corner's vertex and texture coordinates (−1 if it has none)."""
    parts = word.split("/")
    try:
        vertex = int(parts[0])
        # Some exporters write 0 for a corner without texture coordinates.
        texture = int(parts[1]) if len(parts) > 1 and parts[1] not in ("", "0") else None
    except ValueError as error:
        raise InputError(
            f"line {line}: '{word}' is no corner of a face; use v, v/vt or v/vt/vn"
        ) from error
    return (
        _index(line, vertex, vertices),
        -1 if texture is None else _index(line, texture, textures),
    )


def _index(line: int, value: int, count: int) -> int:
    """Return an index from 0; a negative value counts back from the last element so far."""
    if value == 0 or value < -count:
        raise InputError(
            f"line {line}: index {value} does not exist; indices count from 1, or back from -1 to "
            f"-{count} at this line"
        )
    return value - 1 if value > 0 else count + value


def _corner_uvs(of_texture: np.ndarray, textures: np.ndarray) -> np.ndarray | None:
    """Return the texture coordinates of the corners; None if a corner has none."""
    if not len(of_texture) or (of_texture < 0).any() or not len(textures):
        return None
    if of_texture.max() >= len(textures):
        raise InputError(
            f"a face names texture coordinates {of_texture.max() + 1}, but there are "
            f"{len(textures)}; the file is damaged: export it again"
        )
    return from_top(textures[of_texture])
