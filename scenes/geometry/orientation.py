"""Find the outside of a surface, and turn its faces outward."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial.transform import Rotation

from scenes.base.errors import InputError
from scenes.geometry.rays import crossings, ray_grid
from scenes.geometry.topology import Edges, edges_of

Floats = NDArray[np.float64]
Faces = NDArray[np.int64]

GRID = 160  # rays per side of the grid, from both ends of each direction
DIRECTIONS = 8
# How many more rays must meet one side of an open part than the other: as a fraction of the rays
# that meet the part, and in standard deviations.
LEAST_LEAD = 0.03
DEVIATIONS = 3
POINTS = 12  # points of a part that must all be inside another part


@dataclass(frozen=True, eq=False)
class Turned:
    """Faces that were turned outward."""

    faces: Faces  # (F, 3), counter-clockwise from outside
    count: int  # number of faces that were turned
    without_outside: int  # number of faces whose outside is unclear: flat sheets, or hidden
    edges: Edges


def turned_outward(vertices: Floats, faces: Faces, *, open_parts: bool = True) -> Turned:
    """Return faces (F, 3) turned outward, each with three different positions.

    A part is a set of faces that are connected by edges of two faces. The faces of a part are first
    made consistent. A closed part is turned so that its volume is positive; parts inside it turn
    with it, so that cavities stay cavities. The outside of an open part is the side that more rays
    from outside meet first (after Takayama et al. 2014, A simple method for correcting facet
    orientations in polygon meshes based on ray casting). Without `open_parts`, open parts are only
    made consistent.
    """
    edges = edges_of(vertices, faces)
    part, flips = _agreed(faces, edges)
    agreed = np.where(flips[:, None], faces[:, ::-1], faces)
    triangles = vertices[agreed] - vertices[agreed].reshape(-1, 3).mean(axis=0)
    closed = _closed(part, edges)
    turn = _turned_closed(triangles, part, closed)
    unclear = np.zeros(len(closed), bool)
    if open_parts and not closed.all():
        vote, seen = _seen_from_outside(triangles, part, len(closed))
        known = np.abs(vote) >= np.maximum(LEAST_LEAD * seen, DEVIATIONS * np.sqrt(seen))
        known &= seen > 0
        turn |= ~closed & known & (vote < 0)
        unclear = ~closed & ~known
    # In an unclear part, faces are consistent, and most are as stored.
    turned = flips ^ turn[part]
    return Turned(
        np.where(turned[:, None], faces[:, ::-1], faces),
        int(np.count_nonzero(turned)),
        int(np.count_nonzero(unclear[part])),
        edges,
    )


def _agreed(faces: Faces, edges: Edges) -> tuple[Faces, NDArray[np.bool_]]:
    """Return the part of each face, and the fewest faces to turn to make all parts consistent."""
    # A graph contains every face twice, unchanged and turned. Neighbours that are consistent are
    # connected in equal states, others in opposite ones. A part whose two states are connected has
    # only one side.
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
    """Return, for each part, whether all its edges belong to two faces."""
    loose = (edges.times[edges.sides] != 2).reshape(-1, 3).any(axis=1)
    return np.bincount(part, loose) == 0


def _turned_closed(triangles: Floats, part: Faces, closed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which closed parts to turn: outermost ones of negative volume, and all inside them."""
    turn = np.zeros(len(closed), bool)
    volumes = np.einsum("fd,fd->f", triangles[:, 0], np.cross(triangles[:, 1], triangles[:, 2]))
    volume = np.bincount(part, volumes, minlength=len(closed))
    inward = [int(index) for index in np.flatnonzero(closed & (volume < 0))]
    if not inward:
        return turn
    bodies = _Bodies(triangles, part, np.flatnonzero(closed), np.abs(volume))
    outermost = [index for index in inward if not bodies.holders(index)]
    turn[outermost] = True
    for index in outermost:
        turn[bodies.held(index)] = True
    return turn


class _Bodies:
    """Closed parts; finds which of them are inside each other."""

    def __init__(
        self, triangles: Floats, part: Faces, closed: NDArray[np.intp], size: NDArray[np.floating]
    ) -> None:
        order = np.argsort(part, kind="stable")
        bounds = np.searchsorted(part[order], np.arange(len(size) + 1))
        self._faces = {int(k): order[bounds[k] : bounds[k + 1]] for k in closed}
        self._triangles = triangles
        self._closed = closed
        self._size = size
        corners = triangles.reshape(len(triangles), -1, 3)
        self._low = np.array([corners[each].min(axis=(0, 1)) for each in self._faces.values()])
        self._high = np.array([corners[each].max(axis=(0, 1)) for each in self._faces.values()])
        self._row = {int(index): row for row, index in enumerate(closed)}

    def holders(self, index: int) -> list[int]:
        """Return the larger parts around a part."""
        row = self._row[index]
        around = ((self._low <= self._low[row]) & (self._high >= self._high[row])).all(axis=1)
        larger = self._size[self._closed] > self._size[index]
        return [int(k) for k in self._closed[around & larger] if self._in(index, int(k))]

    def held(self, index: int) -> list[int]:
        """Return the smaller parts inside a part."""
        row = self._row[index]
        within = ((self._low >= self._low[row]) & (self._high <= self._high[row])).all(axis=1)
        smaller = self._size[self._closed] < self._size[index]
        return [int(k) for k in self._closed[within & smaller] if self._in(int(k), index)]

    def _in(self, index: int, other: int) -> bool:
        """Return whether a part is inside another: rays from it cross the other an odd number."""
        faces = self._faces[index]
        spread = faces[np.linspace(0, len(faces) - 1, min(POINTS, len(faces))).astype(int)]
        corners = self._triangles[self._faces[other]]
        # Not along an axis, where rays often meet edges of faces.
        direction = np.array([0.534, 0.267, 0.802])
        return all(
            np.count_nonzero(_meets(point, direction, corners)) % 2
            for point in self._triangles[spread].mean(axis=1)
        )


def _meets(origin: Floats, direction: Floats, triangles: Floats) -> NDArray[np.bool_]:
    """Return which triangles (F,) a ray meets (Möller & Trumbore 1997)."""
    first = triangles[:, 1] - triangles[:, 0]
    second = triangles[:, 2] - triangles[:, 0]
    across = np.cross(direction, second)
    determinant = np.einsum("fd,fd->f", first, across)
    scale = np.where(determinant == 0, 1, determinant)
    offset = origin - triangles[:, 0]
    u = np.einsum("fd,fd->f", offset, across) / scale
    perpendicular = np.cross(offset, first)
    v = perpendicular @ direction / scale
    distance = np.einsum("fd,fd->f", perpendicular, second) / scale
    return (determinant != 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)


def _seen_from_outside(triangles: Floats, part: Faces, parts: int) -> tuple[Floats, Floats]:
    """Return two counts (parts,) of rays from outside, by the part that they meet first.

    The first is rays that meet the front minus those that meet the back, the second their sum.
    """
    rng = np.random.default_rng(0)
    vote, seen = np.zeros(parts), np.zeros(parts)
    for turn in Rotation.random(DIRECTIONS, rng=rng).as_matrix():
        turned = triangles @ turn.T
        flat = turned[:, :, :2].reshape(-1, 2)
        grid = ray_grid(flat.min(axis=0), flat.max(axis=0), GRID, rng)
        met = crossings(turned, *grid)
        order = np.lexsort((met.heights, met.rays))
        ray = met.rays[order]
        first = np.ones(len(ray), bool)
        first[1:] = ray[1:] != ray[:-1]
        last = np.append(first[1:], True)[: len(ray)]
        # A front that faces +z is seen from the upper end: it is the last crossing of its ray.
        for end, side in ((last, 1), (first, -1)):
            hits = order[end]
            of = part[met.triangles[hits]]
            np.add.at(vote, of, side * met.turns[hits])
            np.add.at(seen, of, 1)
    return vote, seen
