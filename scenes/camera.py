"""Cameras, and the rigs (arrangements of cameras) that place them.

A direction from a rig's target is given by azimuth and elevation in degrees: azimuth 0 is in
front (+z), positive toward the viewer's right (+x); elevation 90 is directly above (+y).
"""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from scenes.base.frozen import Frozen, Number, Triple, between

Vectors = NDArray[np.floating]
FieldOfView = Annotated[float, between(0, 170, above_low=True)]  # horizontal, in degrees
Pixels = Annotated[int, between(8, 8192)]
Elevation = Annotated[float, between(-90, 90)]
Count = Annotated[int, between(1, 1000)]
HeldOut = Annotated[int, between(0, 1000)]

GOLDEN_ANGLE = 180 * (3 - math.sqrt(5))
STEEP = 89.9  # elevation in degrees above which +y cannot be the camera's up direction
CANDIDATES = 2000  # positions from which held-out cameras are chosen


class Camera(Frozen):
    """A pinhole camera at `origin` that looks at `target`; lengths in scene units."""

    name: str  # c0, c1 … for training cameras, h0, h1 … for held-out ones
    origin: Triple
    target: Triple = (0.0, 0.0, 0.0)
    up: Triple = (0.0, 1.0, 0.0)  # direction that is up in the image
    field_of_view: FieldOfView = 32.0
    width: Pixels = 128
    height: Pixels = 128
    held_out: bool = False  # no search uses its view

    @model_validator(mode="after")
    def _has_a_direction(self) -> "Camera":
        view = np.subtract(self.target, self.origin)
        if not view.any():
            raise ValueError("origin and target are the same place")
        across = np.linalg.norm(np.cross(view, self.up))
        if across <= 1e-6 * np.linalg.norm(view) * max(float(np.linalg.norm(self.up)), 1e-300):
            raise ValueError("up is parallel to the view, or zero; give another up")
        return self

    def to_world(self) -> NDArray[np.float64]:
        """Return the camera-to-world matrix (4, 4); camera axes: +x right, +y up, −z ahead."""
        backward = _unit(np.subtract(self.origin, self.target))
        right = _unit(np.cross(self.up, backward))
        matrix = np.eye(4)
        matrix[:3, :3] = np.column_stack([right, np.cross(backward, right), backward])
        matrix[:3, 3] = self.origin
        return matrix

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return where world points (N, 3) appear in the image, as pixels (N, 2).

        x and y are from the left and top edges: the centre of the first pixel is (0.5, 0.5). Points
        beside or behind the camera are NaN.
        """
        world = np.atleast_2d(np.asarray(points, np.float64))
        matrix = self.to_world()
        local = (world - matrix[:3, 3]) @ matrix[:3, :3]
        depth = np.where(local[:, 2] < 0, -local[:, 2], np.nan)
        focal = 0.5 * self.width / np.tan(np.radians(self.field_of_view) / 2)
        x, y = focal * local[:, 0] / depth, focal * local[:, 1] / depth
        return np.column_stack([self.width / 2 + x, self.height / 2 - y])


class _Rig(Frozen):
    distance: Annotated[float, between(0, 1e6, above_low=True)] = 5.0
    field_of_view: FieldOfView = 32.0
    resolution: Pixels = 128
    target: Triple = (0.0, 0.0, 0.0)


class Fibonacci(_Rig):
    """Cameras spread evenly over the sphere, on a Fibonacci spiral.

    Training camera i of n is at height sin(elevation) = (i + ½)/n of the way between the two
    `elevations`, each rotated by the golden angle from the previous one (Swinbank & Purser 2006).
    Each held-out camera is placed farthest from all cameras before it.

    Parameters
    ----------
    count
        Number of training cameras, 1 to 1000.
    held_out
        Number of held-out cameras, 0 to 1000.
    elevations
        Lowest and highest elevation in degrees, within −90 to 90.
    distance
        Distance from the target, in scene units.
    field_of_view
        Horizontal field of view, in degrees.
    resolution
        Side of the square image, in pixels.
    target
        Point that the cameras look at.
    """

    kind: Literal["fibonacci"] = "fibonacci"
    count: Count = 4
    held_out: HeldOut = 0
    elevations: tuple[Elevation, Elevation] = (-90.0, 90.0)

    @model_validator(mode="after")
    def _elevations_are_ordered(self) -> "Fibonacci":
        if self.elevations[0] >= self.elevations[1]:
            raise ValueError(f"elevations {self.elevations}: give the lower first, then the higher")
        return self


class Ring(_Rig):
    """Cameras at equal steps of azimuth on one ring; held-out ones in the gaps between them.

    Parameters
    ----------
    count
        Number of training cameras, 1 to 1000.
    held_out
        Number of held-out cameras, 0 to 1000.
    elevation
        In degrees, −89 to 89.
    azimuth
        Of the first camera, in degrees.
    distance, field_of_view, resolution, target
        As in `Fibonacci`.
    """

    kind: Literal["ring"] = "ring"
    count: Count = 4
    held_out: HeldOut = 0
    elevation: Annotated[float, between(-89, 89)] = 15.0
    azimuth: Number = 0.0


class Single(_Rig):
    """One camera.

    Parameters
    ----------
    azimuth
        Position around the object, in degrees.
    elevation
        Height, in degrees, −90 to 90.
    held_out_azimuths
        Azimuths of held-out cameras at the same elevation, in degrees; all must differ.
    distance, field_of_view, resolution, target
        As in `Fibonacci`.
    """

    kind: Literal["single"] = "single"
    azimuth: Number = 0.0
    elevation: Elevation = 15.0
    held_out_azimuths: tuple[Number, ...] = ()

    @model_validator(mode="after")
    def _places_differ(self) -> "Single":
        if self.held_out_azimuths and abs(self.elevation) > STEEP:
            raise ValueError("a camera above or below its target has no other azimuths")
        turns = np.sort(np.mod([self.azimuth, *self.held_out_azimuths], 360))
        gaps = np.diff(np.append(turns, turns[0] + 360))
        if len(turns) > 1 and gaps.min() < 1e-6:
            raise ValueError("two cameras have the same azimuth; give each another one")
        return self


class Place(Frozen):
    """Where one camera of `Placed` is.

    Parameters
    ----------
    origin
        Its place, in scene units.
    target
        Point that it looks at.
    up
        Direction that is up in the image.
    field_of_view
        Horizontal field of view, in degrees.
    held_out
        Whether no search uses its view.
    """

    origin: Triple
    target: Triple = (0.0, 0.0, 0.0)
    up: Triple = (0.0, 1.0, 0.0)
    field_of_view: FieldOfView = 32.0
    held_out: bool = False


class Placed(Frozen):
    """Cameras at given places, such as those of a scene that was imported.

    Parameters
    ----------
    places
        The cameras; training cameras first, then held-out ones.
    resolution
        Side of the square image, in pixels.
    """

    kind: Literal["placed"] = "placed"
    places: Annotated[tuple[Place, ...], Field(min_length=1, max_length=1000)]
    resolution: Pixels = 128

    @model_validator(mode="after")
    def _training_comes_first(self) -> "Placed":
        held_out = [each.held_out for each in self.places]
        if held_out[0] or held_out != sorted(held_out):
            raise ValueError("places: give training cameras first, then held-out ones")
        return self

    @property
    def target(self) -> Triple:
        """Point that the first camera looks at."""
        return self.places[0].target

    @property
    def distance(self) -> float:
        """Distance of the first camera from the point that it looks at, in scene units."""
        return float(np.linalg.norm(np.subtract(self.places[0].origin, self.places[0].target)))

    @property
    def field_of_view(self) -> float:
        """Horizontal field of view of the first camera, in degrees."""
        return self.places[0].field_of_view


Cameras = Annotated[Fibonacci | Ring | Single | Placed, Field(discriminator="kind")]


def cameras(rig: Cameras) -> tuple[Camera, ...]:
    """Return the cameras of a rig.

    Parameters
    ----------
    rig
        A `Fibonacci`, `Ring`, `Single` or `Placed` rig.

    Returns
    -------
    tuple of Camera
        Training cameras ``c0``, ``c1`` … first, then held-out ones ``h0``, ``h1`` …
    """
    match rig:
        case Fibonacci():
            training = _spiral(rig.count, rig.elevations)
            candidates = _spiral(max(CANDIDATES, 4 * (rig.count + rig.held_out)), rig.elevations)
            held_out = _farthest(candidates, training, rig.held_out)
        case Ring():
            step = 360 / rig.count
            training = _directions(rig.azimuth + step * np.arange(rig.count), rig.elevation)
            gaps = _in_gaps(rig.count, rig.held_out)
            held_out = _directions(rig.azimuth + step * gaps, rig.elevation)
        case Single():
            training = _directions([rig.azimuth], rig.elevation)
            held_out = _directions(rig.held_out_azimuths, rig.elevation)
        case Placed():
            return _placed(rig)
    return (
        *(_place(rig, f"c{i}", d, held_out=False) for i, d in enumerate(training)),
        *(_place(rig, f"h{i}", d, held_out=True) for i, d in enumerate(held_out)),
    )


def _placed(rig: Placed) -> tuple[Camera, ...]:
    """Return the cameras at given places."""
    training = sum(not each.held_out for each in rig.places)
    names = [f"c{i}" if i < training else f"h{i - training}" for i in range(len(rig.places))]
    side = {"width": rig.resolution, "height": rig.resolution}
    return tuple(
        Camera(name=name, **dict(each), **side)
        for name, each in zip(names, rig.places, strict=True)
    )


def _place(rig: _Rig, name: str, direction: Vectors, *, held_out: bool) -> Camera:
    """Return the camera of a rig in a direction from its target."""
    origin = np.add(rig.target, rig.distance * direction)
    # Seen from directly above, the front of the object (+z) is at the bottom of the image.
    steep = abs(direction[1]) > np.sin(np.radians(STEEP))
    up = (0.0, 0.0, -float(np.sign(direction[1]))) if steep else (0.0, 1.0, 0.0)
    return Camera(
        name=name,
        origin=_triple(origin),
        target=rig.target,
        up=up,
        field_of_view=rig.field_of_view,
        width=rig.resolution,
        height=rig.resolution,
        held_out=held_out,
    )


def _directions(azimuths: Sequence[float] | Vectors, elevation: float | Vectors) -> Vectors:
    """Return unit vectors (N, 3) of azimuths and elevations in degrees."""
    azimuth, up = np.radians(np.asarray(azimuths, np.float64)), np.radians(elevation)
    x, z = np.sin(azimuth) * np.cos(up), np.cos(azimuth) * np.cos(up)
    return np.column_stack([x, np.broadcast_to(np.sin(up), x.shape), z])


def _spiral(count: int, elevations: tuple[float, float]) -> Vectors:
    """Return directions (N, 3) that are spread evenly between two elevations."""
    low, high = np.sin(np.radians(np.asarray(elevations, np.float64)))
    heights = low + (high - low) * (np.arange(count) + 0.5) / count
    azimuths = GOLDEN_ANGLE * np.arange(count)
    return _directions(azimuths, np.degrees(np.arcsin(heights)))


def _farthest(candidates: Vectors, taken: Vectors, count: int) -> Vectors:
    """Return the candidates that are, one after the other, farthest from all directions so far."""
    chosen = np.empty((count, 3))
    closeness = (candidates @ taken.T).max(axis=1)
    for i in range(count):
        chosen[i] = candidates[closeness.argmin()]
        closeness = np.maximum(closeness, candidates @ chosen[i])
    return chosen


def _in_gaps(gaps: int, count: int) -> Vectors:
    """Return positions in the gaps between cameras, in units of one gap, spread over all gaps."""
    if count == 0:
        return np.empty(0)
    gap = np.arange(count) * gaps // count if count <= gaps else np.arange(count) % gaps
    nth = np.array([np.count_nonzero(gap[:i] == gap[i]) for i in range(count)])
    of = np.bincount(gap, minlength=gaps)[gap]
    return np.asarray(gap + (nth + 1) / (of + 1), np.float64)


def _unit(vector: Vectors) -> Vectors:
    """Return a vector with length 1."""
    return vector / np.linalg.norm(vector)


def _triple(vector: Vectors) -> Triple:
    x, y, z = (float(each) for each in vector)
    return (x, y, z)


def sides_of_view(
    rig: Cameras, distance: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return half-spaces n · x ≥ b, (5 C, 3) and (5 C,): their overlap is seen by all C cameras."""
    # Held-out cameras are included: a view without the object cannot be scored.
    normals, offsets = [], []
    for camera in cameras(rig):
        across = np.tan(np.radians(camera.field_of_view) / 2)
        up = across * camera.height / camera.width
        local = [(-1, 0, -across), (1, 0, -across), (0, -1, -up), (0, 1, -up), (0, 0, -1)]
        matrix = camera.to_world()
        facing = np.array(local) @ matrix[:3, :3].T
        normals.append(facing)
        offsets.append(facing @ matrix[:3, 3] + [0, 0, 0, 0, distance])
    return np.concatenate(normals), np.concatenate(offsets)


def share_in_view(
    start: NDArray[np.float64],
    shift: NDArray[np.float64],
    normals: NDArray[np.float64],
    offsets: NDArray[np.float64],
) -> float:
    """Return the largest share, 0 to 1, of a shift that keeps a point inside the half-spaces.

    Half-spaces that the point `start` is outside of are ignored.
    """
    room = normals @ start - offsets
    taken = -(normals @ shift)
    leaving = (room > 0) & (taken > room)
    return float(np.min(room[leaving] / taken[leaving], initial=1.0))
