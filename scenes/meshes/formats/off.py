"""OFF (Geomview), ASCII."""

import re

import numpy as np

from scenes.base.errors import InputError
from scenes.meshes.formats.polygons import Polygons, polygons_of
from scenes.meshes.formats.text import decoded, numbers

# Prefixes: texture coordinates, colours, normals; a fourth coordinate and n of them are refused.
KEYWORD = re.compile(r"(ST)?(C)?(N)?(4)?(n)?OFF\b")


def read_off(data: bytes) -> Polygons:
    """Read an OFF file, with colours (COFF), normals (NOFF) or texture coordinates (STOFF).

    Parameters
    ----------
    data
        Contents of the file.

    Returns
    -------
    Polygons
        With texture coordinates where the file has them.

    Raises
    ------
    InputError
        The file is binary, has more than three coordinates, is cut short, or a line cannot be
        read (it is named).
    """
    if re.match(rb"\s*\w*OFF[ \t]+BINARY", data):
        raise InputError("is a binary OFF file; export it as text, or as PLY")
    lines = [
        (number, words)
        for number, line in enumerate(re.split(r"\r\n|\r|\n", decoded(data)), 1)
        if (words := line.split("#")[0].split())
    ]
    texture, colour = _header(lines)
    if not lines:
        raise InputError("is cut short: the numbers of vertices and faces are missing")
    line, words = lines[0]
    vertex_count, face_count = (int(each) for each in numbers(line, words, at_least=2)[:2])
    body = lines[1:]
    if vertex_count < 0 or face_count < 0 or len(body) < vertex_count + face_count:
        raise InputError(
            f"is cut short: line {line} promises {vertex_count} vertices and {face_count} faces, "
            f"and {len(body)} lines follow; export it again"
        )
    if len(body) > vertex_count + face_count:
        raise InputError(
            f"line {line} promises {vertex_count} vertices and {face_count} faces, and "
            f"{len(body)} lines follow; the file is damaged: export it again"
        )
    values = [numbers(*each, at_least=5 if texture else 3) for each in body[:vertex_count]]
    faces = [_face(*each) for each in body[vertex_count : vertex_count + face_count]]
    vertices = np.array([each[:3] for each in values], np.float64).reshape(-1, 3)
    polygons = polygons_of(vertices, faces, left_out=["vertex colours"] if colour else [])
    if not texture or polygons.corners.max(initial=-1) >= vertex_count:
        return polygons
    uvs = np.array([each[-2:] for each in values])[polygons.corners] * [1, -1] + [0, 1]
    return Polygons(polygons.vertices, polygons.corners, polygons.sizes, uvs, polygons.left_out)


def _header(lines: list[tuple[int, list[str]]]) -> tuple[bool, bool]:
    """Take the keyword off the first line; return whether it names textures and colours."""
    word = lines[0][1][0] if lines else ""
    found = KEYWORD.fullmatch("OFF" if word.lower() == "off" else word)
    if not found:
        return False, False
    if found[4] or found[5]:
        raise InputError("has vertices of more than three coordinates; export it in three")
    line, words = lines.pop(0)
    if len(words) > 1:  # the counts may stand on the same line
        lines.insert(0, (line, words[1:]))
    return bool(found[1]), bool(found[2])


def _face(line: int, words: list[str]) -> list[int]:
    """Vertices of a face; what follows them is its colour."""
    try:
        count = int(words[0])
        face = [int(word) for word in words[1 : count + 1]]
    except ValueError as error:
        raise InputError(
            f"line {line}: '{' '.join(words)[:40]}' is no face; use the number of its corners, "
            "then their vertices"
        ) from error
    if len(face) != count:
        raise InputError(f"line {line}: promises {count} corners and names {len(face)}")
    return face
