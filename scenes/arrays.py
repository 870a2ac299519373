"""Meshes and pictures as immutable values that are compared and hashed by content."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from scenes.base.errors import InputError

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]


def array_sha256(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's type, shape and bytes (little-endian, C order)."""
    portable = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    digest = hashlib.sha256(f"{array.dtype.name} {array.shape}\n".encode())
    digest.update(portable.tobytes())
    return digest.hexdigest()


class _ByContent:
    """Base of values that contain arrays: equal if the arrays are, and usable in records."""

    def canonical(self) -> dict[str, Any]:
        """Return the hashes, shapes and types of the arrays."""
        raise NotImplementedError

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of `canonical`, in hexadecimal."""
        return hashlib.sha256(repr(sorted(self.canonical().items())).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(
            cls,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value.canonical(), when_used="json"
            ),
        )


def _canonical(array: NDArray[Any] | None) -> dict[str, Any] | None:
    """Return hash, shape and type of an array; None for None."""
    if array is None:
        return None
    return {"sha256": array_sha256(array), "shape": list(array.shape), "dtype": array.dtype.name}


def _frozen_copy(array: Any, dtype: type[np.generic]) -> NDArray[Any]:
    # Values that are too large for the type become infinite; the caller refuses them.
    """Return a read-only copy of an array."""
    with np.errstate(over="ignore", invalid="ignore"):
        copy = np.array(array, dtype=dtype, order="C", copy=True)
    copy.setflags(write=False)
    return copy


def _not_finite(what: str, array: NDArray[Any]) -> str:
    """Return a message on how many numbers are not finite."""
    count = int(np.count_nonzero(~np.isfinite(array)))
    return f"{count} of {array.size} {what} are not finite numbers"


@dataclass(frozen=True, eq=False)
class Mesh(_ByContent):
    """A triangle mesh; `InputError` if shapes, indices or numbers are invalid or it has no area."""

    vertices: Float32  # (V, 3) in scene units, right-handed axes
    faces: Int32  # (F, 3) vertex indices, counter-clockwise seen from outside
    # (V, 2): u from left to right, v from the top row of a texture; [0, 1], repeating beyond.
    uvs: Float32 | None = None

    def __post_init__(self) -> None:
        faces = np.asarray(self.faces)
        if faces.size and not np.issubdtype(faces.dtype, np.integer):
            raise InputError(f"faces hold {faces.dtype} numbers; use whole numbers")
        for name, dtype in (("vertices", np.float32), ("faces", np.int32), ("uvs", np.float32)):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _frozen_copy(value, dtype))
        self._check_shapes()
        self._check_values()

    def _check_shapes(self) -> None:
        """Raise InputError if an array has a wrong shape."""
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3:
            raise InputError(f"vertices have shape {self.vertices.shape}; use (V, 3)")
        if self.faces.ndim != 2 or self.faces.shape[1] != 3 or len(self.faces) == 0:
            raise InputError(f"faces have shape {self.faces.shape}; use (F, 3) with at least one")
        if self.uvs is not None and self.uvs.shape != (len(self.vertices), 2):
            raise InputError(
                f"texture coordinates have shape {self.uvs.shape}; use ({len(self.vertices)}, 2), "
                "one pair a vertex"
            )

    def _check_values(self) -> None:
        """Raise InputError if numbers or indices are not valid, or no face has an area."""
        if not np.isfinite(self.vertices).all():
            raise InputError(_not_finite("vertex coordinates", self.vertices))
        if self.uvs is not None and not np.isfinite(self.uvs).all():
            raise InputError(_not_finite("texture coordinates", self.uvs))
        low, high = int(self.faces.min()), int(self.faces.max())
        if low < 0 or high >= len(self.vertices):
            raise InputError(
                f"faces name vertices {low} to {high}, but there are {len(self.vertices)} vertices "
                f"(0 to {len(self.vertices) - 1})"
            )
        if not self.vertices.any():
            raise InputError(
                f"all {len(self.vertices)} vertices are zero (a compressed file that was not "
                "decoded looks like this); export the mesh without compression"
            )
        corners = self.vertices.astype(np.float64)[self.faces]
        if not np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).any():
            raise InputError(f"all {len(self.faces)} faces have no area")

    def canonical(self) -> dict[str, Any]:
        """Return hash, shape and type of ``vertices``, ``faces`` and ``uvs`` (may be None)."""
        return {name: _canonical(getattr(self, name)) for name in ("vertices", "faces", "uvs")}


@dataclass(frozen=True, eq=False)
class Picture(_ByContent):
    """A picture of linear-light values: a texture, an environment map, a rendered image."""

    # (H, W, C), row 0 at the top; C is 3 (linear Rec. 709) or 1. An (H, W) array has one channel.
    pixels: Float32

    def __post_init__(self) -> None:
        pixels = _frozen_copy(self.pixels, np.float32)
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or pixels.size == 0:
            raise InputError(f"pixels have shape {pixels.shape}; use (H, W, C) with C 1 or 3")
        if not np.isfinite(pixels).all():
            raise InputError(_not_finite("pixel values", pixels))
        object.__setattr__(self, "pixels", pixels)

    @property
    def channels(self) -> int:
        """Number of channels, 1 or 3."""
        return int(self.pixels.shape[2])

    def canonical(self) -> dict[str, Any]:
        """Return ``sha256``, ``shape`` and ``dtype`` of the pixels."""
        return _canonical(self.pixels) or {}
