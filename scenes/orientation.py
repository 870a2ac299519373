"""Which side of a surface is its outside, and turning faces so that they show it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from scenes.errors import InputError
from scenes.topology import Edges, edges_of, place_of

Floats = NDArray[np.float64]
Faces = NDArray[np.int64]

RAYS = 32  # from each side of an open part
LEAST_VOTE = 0.1  # share of the rays that must speak for one side
MOST_TESTS = 50_000_000  # of rays against triangles
AWAY = 1e-4  # of the size: rays start this far from their face


@dataclass(frozen=True, eq=False)
class Turned:
    """Faces whose outside was looked for.

    Parameters
    ----------
    faces : (F, 3)
        Counter-clockwise seen from outside, where there is an outside.
    count
        Number of faces that were turned.
    without_outside
        Number of faces of open parts that can be seen from both sides alike, such as a flat
        sheet: they are not turned.
    edges
        Of the faces.
    """

    faces: Faces
    count: int
    without_outside: int
    edges: Edges


def turned_outward(vertices: Floats, faces: Faces) -> Turned:
    """Turn faces so that each part of a surface shows its outside.

    A part is what hangs together by edges of two faces. First its faces are made to agree. A
    closed part then has a positive volume, and all parts inside it are turned with it, so that a
    cavity stays one. Of an open part the outside is the side from which more rays leave the object
    (Takayama et al. 2014, A simple method for correcting facet orientations in polygon meshes
    based on ray casting).

    Parameters
    ----------
    vertices : (V, 3) float64
        Positions.
    faces : (F, 3)
        Each with three different places.

    Returns
    -------
    Turned
        With the faces, which keep their order.

    Raises
    ------
    InputError
        A part has no two sides, as a Möbius strip.
    """
    edges = edges_of(vertices, faces)
    part, flips = _agreed(faces, edges)
    faces_agreed = np.where(flips[:, None], faces[:, ::-1], faces)
    triangles = vertices[faces_agreed] - vertices[faces_agreed].reshape(-1, 3).mean(axis=0)
    closed = _closed(part, edges)
    two_sided = np.bincount(part, _stored_both_ways(vertices, faces)) > 0
    turn = np.zeros(len(closed), bool)
    unclear = np.zeros(len(closed), bool)
    _judge_closed(triangles, part, closed, turn)
    _judge_open(triangles, part, ~closed & ~two_sided, turn, unclear)
    turned = flips ^ turn[part]
    # A part without an outside is kept as the file has it, where its faces agree.
    return Turned(
        np.where(turned[:, None], faces[:, ::-1], faces),
        int(np.count_nonzero(turned)),
        int(np.count_nonzero(unclear[part])),
        edges,
    )


def _agreed(faces: Faces, edges: Edges) -> tuple[Faces, NDArray[np.bool_]]:
    """Part of each face, and which faces to turn so that each part agrees (the fewer ones).

    Every face stands twice in a graph, as it is and turned. Neighbours that agree are joined in
    the same state, others in opposite ones. A part whose two states are joined has one side.
    """
    count = len(faces)
    one, other = edges.pairs()
    opposed = edges.forward[one] == edges.forward[other]
    first, second = one // 3, other // 3
    rows = np.concatenate([first, first + count])
    columns = np.concatenate([second + count * opposed, second + count * ~opposed])
    joins = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(2 * count, 2 * count))
    _, state = csgraph.connected_components(joins, directed=False)
    one_sided = state[:count] == state[count:]
    if one_sided.any():
        raise InputError(
            f"{int(one_sided.sum())} of {count} faces have no inside and outside (like a Möbius "
            "strip); cut the surface or thicken it"
        )
    lower = np.minimum(state[:count], state[count:])
    _, part = np.unique(lower, return_inverse=True)
    part = part.reshape(-1)
    flipped = state[:count] != lower
    most = np.bincount(part, flipped) * 2 > np.bincount(part)
    return part, flipped ^ most[part]


def _closed(part: Faces, edges: Edges) -> NDArray[np.bool_]:
    """Tell of each part whether all its edges belong to two faces."""
    loose = (edges.times[edges.sides] != 2).reshape(-1, 3).any(axis=1)
    return np.bincount(part, loose) == 0


def _stored_both_ways(vertices: Floats, faces: Faces) -> NDArray[np.bool_]:
    """Tell which faces (F,) stand twice, once each way: they show both sides already."""
    corners = np.sort(place_of(vertices)[faces], axis=1)
    _, which, times = np.unique(corners, axis=0, return_inverse=True, return_counts=True)
    return times[which.reshape(-1)] > 1


def _judge_closed(
    triangles: Floats, part: Faces, closed: NDArray[np.bool_], turn: NDArray[np.bool_]
) -> None:
    """Mark the outermost closed parts of negative volume, and the closed parts inside them."""
    volumes = np.einsum("fd,fd->f", triangles[:, 0], np.cross(triangles[:, 1], triangles[:, 2]))
    volume = np.bincount(part, volumes, minlength=len(closed))
    inward = closed & (volume < 0)
    if not inward.any():
        return
    outermost, inside = _containers(triangles, part, np.flatnonzero(closed), np.abs(volume))
    for index in outermost:
        if volume[index] < 0:
            turn[index] = True
            turn[inside.get(index, [])] = True


def _containers(
    triangles: Floats, part: Faces, closed: NDArray[np.intp], size: NDArray[np.floating]
) -> tuple[list[int], dict[int, list[int]]]:
    """Closed parts that lie in no other, and the parts that lie in each of them.

    Parts are visited from the largest to the smallest. A part lies in another where a ray from
    one of its points crosses the other an odd number of times.
    """
    outermost: list[int] = []
    inside: dict[int, list[int]] = {}
    corners = {int(index): triangles[part == index] for index in closed}
    boxes = {i: (t.min(axis=(0, 1)), t.max(axis=(0, 1))) for i, t in corners.items()}
    # No edge of a file's own axes: a ray along one would meet edges of faces.
    direction = np.array([0.534, 0.267, 0.802])
    direction /= np.linalg.norm(direction)
    for index in sorted(closed, key=lambda each: -size[each]):
        point = corners[index][0].mean(axis=0)
        for other in outermost:
            low, high = boxes[other]
            if not ((point >= low) & (point <= high)).all():
                continue
            hits = _hits(point[None], direction[None], corners[other])
            if hits.sum() % 2:
                inside.setdefault(other, []).append(index)
                break
        else:
            outermost.append(int(index))
    return outermost, inside


def _judge_open(
    triangles: Floats,
    part: Faces,
    is_open: NDArray[np.bool_],
    turn: NDArray[np.bool_],
    unclear: NDArray[np.bool_],
) -> None:
    """Mark open parts whose front is hidden from outside more than their back."""
    across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    areas = np.linalg.norm(across, axis=1)
    size = float(np.abs(triangles).max())
    rng = np.random.default_rng(0)
    tests = 0
    open_parts = np.flatnonzero(is_open)
    share = np.bincount(part, areas, minlength=len(is_open))
    for index in open_parts[np.argsort(-share[open_parts])]:
        unclear[index] = True
        tests += 2 * RAYS * len(triangles)
        faces = np.flatnonzero(part == index)
        if tests > MOST_TESTS or share[index] == 0:
            continue
        which = rng.choice(faces, RAYS, p=areas[faces] / areas[faces].sum())
        normals = across[which] / areas[which, None]
        root, second = np.sqrt(rng.random(RAYS)), rng.random(RAYS)
        weights = np.stack([1 - root, root * (1 - second), root * second], axis=1)
        points = np.einsum("nk,nkd->nd", weights, triangles[which])
        # Cosine-weighted about the normal.
        away = rng.normal(size=(RAYS, 3))
        away = away / np.linalg.norm(away, axis=1)[:, None] + (1 + 1e-6) * normals
        away /= np.linalg.norm(away, axis=1)[:, None]
        back = away - 2 * np.einsum("nd,nd->n", away, normals)[:, None] * normals
        free = [
            ~_hits(points + AWAY * size * direction, direction, triangles).any(axis=1)
            for direction in (away, back)
        ]
        vote = (free[0].astype(int) - free[1]).mean()
        if abs(vote) >= LEAST_VOTE:
            unclear[index] = False
            turn[index] = vote < 0


def _hits(origins: Floats, directions: Floats, triangles: Floats) -> NDArray[np.bool_]:
    """Tell which rays (R,) meet which triangles (F,): (R, F) (Möller & Trumbore 1997)."""
    first = triangles[:, 1] - triangles[:, 0]
    second = triangles[:, 2] - triangles[:, 0]
    found = np.empty((len(origins), len(triangles)), bool)
    for ray, (origin, direction) in enumerate(zip(origins, directions, strict=True)):
        across = np.cross(direction, second)
        determinant = np.einsum("fd,fd->f", first, across)
        scale = np.where(determinant == 0, 1, determinant)
        offset = origin - triangles[:, 0]
        u = np.einsum("fd,fd->f", offset, across) / scale
        perpendicular = np.cross(offset, first)
        v = perpendicular @ direction / scale
        distance = np.einsum("fd,fd->f", perpendicular, second) / scale
        met = (determinant != 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)
        found[ray] = met
    return found
