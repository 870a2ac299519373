"""Read OFF files (Geomview), ASCII."""

import re

import numpy as np

from scenes.base.errors import InputError
from scenes.meshes.formats.polygons import Polygons, flattened, from_top
from scenes.meshes.formats.text import lines, numbers

# Prefixes: texture coordinates, colours, normals; a fourth or n-th coordinate is refused.
KEYWORD = re.compile(r"(ST)?(C)?(N)?(4)?(n)?OFF\b")


def read_off(data: bytes) -> Polygons:
    """Return the faces of an OFF, COFF (colours), NOFF (normals) or STOFF (texture) file."""
    if re.match(rb"\s*\w*OFF[ \t]+BINARY", data):
        raise InputError("is a binary OFF file; export it as text, or as PLY")
    body = [(line, words) for line, words in lines(data) if words]
    texture, colour = _header(body)
    if not body:
        raise InputError("is cut short: the numbers of vertices and faces are missing")
    line, words = body.pop(0)
    found = numbers(line, words, at_least=2)[:2]
    if not all(each.is_integer() for each in found):
        raise InputError(
            f"line {line}: '{' '.join(words)[:40]}' are not the numbers of vertices and faces; "
            "export the file again"
        )
    vertex_count, face_count = (int(each) for each in found)
    counts = f"line {line} names {vertex_count} vertices and {face_count} faces"
    if vertex_count < 0 or face_count < 0 or len(body) < vertex_count + face_count:
        raise InputError(f"is cut short: {counts}, and {len(body)} lines follow; export it again")
    if len(body) > vertex_count + face_count:
        raise InputError(
            f"{counts}, and {len(body)} lines follow; the file is damaged: export it again"
        )
    values = [numbers(*each, at_least=5 if texture else 3) for each in body[:vertex_count]]
    corners, sizes = flattened([_face(*each) for each in body[vertex_count:]])
    uvs = None
    if texture and corners.max(initial=-1) < vertex_count:
        uvs = from_top(np.array([each[-2:] for each in values])[corners])
    vertices = np.array([each[:3] for each in values], np.float64).reshape(-1, 3)
    return Polygons(vertices, corners, sizes, uvs, ("vertex colours",) if colour else ())


def _header(body: list[tuple[int, list[str]]]) -> tuple[bool, bool]:
    """Remove the keyword; return whether vertices have texture coordinates, and colours."""
    word = body[0][1][0] if body else ""
    keyword_match = KEYWORD.fullmatch("OFF" if word.lower() == "off" else word)
    if not keyword_match:
        return False, False
    if keyword_match[4] or keyword_match[5]:
        raise InputError("has vertices of more than three coordinates; export it in three")
    line, words = body.pop(0)
    if len(words) > 1:  # the counts may be on the same line
        body.insert(0, (line, words[1:]))
    return bool(keyword_match[1]), bool(keyword_match[2])


def _face(line: int, words: list[str]) -> list[int]:
    """Return the vertices of a face; numbers after them are its colour."""
    try:
        count = int(words[0])
        face = [int(word) for word in words[1 : count + 1]]
    except ValueError as error:
        raise InputError(
            f"line {line}: '{' '.join(words)[:40]}' is no face; write the number of its corners, "
            "then their vertices"
        ) from error
    if len(face) != count:
        raise InputError(f"line {line}: states {count} corners but names {len(face)}")
    return face
