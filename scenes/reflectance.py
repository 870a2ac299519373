"""Reflectance of a material: Mitsuba 3's `principled` BSDF in NumPy.

It evaluates reflection from the front of an opaque or refracting (solid, not thin) surface, after
Burley, "Physically Based Shading at Disney" (2012), and "Extending the Disney BRDF to a BSDF with
Integrated Subsurface Scattering" (2015). Tests compare it with Mitsuba's own evaluation. Refracted
light is left out: light that leaves through the back depends on the whole object. Directions are in
the surface's frame: x along the tangent (u), y along the bitangent, z along the normal.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from scenes.arrays import Picture
from scenes.film import LUMINANCE
from scenes.material import SCALARS, Material

Array = NDArray[np.floating]

TEXTURE_CELLS = 12  # per side of the grid of texture places, one place in each cell
# Degrees.
HALF_ANGLES = (0.0, 2.5, 5.0, 10.0, 20.0, 35.0, 55.0, 75.0)
HALF_AZIMUTHS = (0.0, 45.0, 90.0)
DIFFERENCE_ANGLES = (0.0, 15.0, 30.0, 45.0, 60.0, 75.0)
DIFFERENCE_AZIMUTHS = (0.0, 60.0, 120.0)
LOWEST_COSINE = np.cos(np.radians(85))  # of directions used


@dataclass(frozen=True)
class MaterialValues:
    """Parameters of a material at U places of its texture."""

    base_color: Array  # (U, 1, 3) linear RGB
    scalars: dict[str, Array]  # (U, 1, 1) each


@cache
def direction_table() -> tuple[Array, Array]:
    """Return the incident and outgoing unit vectors, (P, 3) each, used to compare materials."""
    # A grid in half-vector coordinates (Rusinkiewicz 1998), denser near the mirror direction, where
    # glossy materials differ. Low directions and repetitions are left out.
    grid = np.meshgrid(
        *(
            np.radians(angles)
            for angles in (HALF_ANGLES, HALF_AZIMUTHS, DIFFERENCE_ANGLES, DIFFERENCE_AZIMUTHS)
        ),
        indexing="ij",
    )
    half_angle, half_azimuth, angle, azimuth = (each.ravel() for each in grid)
    local = _spherical(angle, azimuth)
    mirrored = local * (-1, -1, 1)
    pairs = np.stack([_about_half(v, half_angle, half_azimuth) for v in (local, mirrored)], axis=1)
    pairs = pairs[(pairs[:, :, 2] >= LOWEST_COSINE).all(axis=1)]
    _, first = np.unique(np.round(pairs.reshape(-1, 6), 9), axis=0, return_index=True)
    pairs = pairs[np.sort(first)]
    return pairs[:, 0], pairs[:, 1]


@cache
def texture_places() -> Array:
    """Return the places (U, 2) at which textures are compared: u from the left, v from the top."""
    cells = np.stack(np.meshgrid(np.arange(TEXTURE_CELLS), np.arange(TEXTURE_CELLS)), axis=-1)
    inside = np.random.default_rng(0).random((TEXTURE_CELLS**2, 2))
    return (cells.reshape(-1, 2) + inside) / TEXTURE_CELLS


def has_textures(material: Material) -> bool:
    """Return whether any parameter of a loaded material is a texture."""
    return any(isinstance(getattr(material, n), Picture) for n in ("base_color", *SCALARS))


def values_at(material: Material, places: Array) -> MaterialValues:
    """Return the parameters of a loaded material at places (U, 2) of its texture."""
    scalars = {name: _read(getattr(material, name), places, 1) for name in SCALARS}
    return MaterialValues(_read(material.base_color, places, 3), scalars)


def reflectance(values: MaterialValues, incident: Array, outgoing: Array) -> Array:
    """Return π f (U, P, 3), f the BSDF, for P pairs of directions (1 for white Lambertian)."""
    half = incident + outgoing
    half = half / np.linalg.norm(half, axis=1, keepdims=True)
    geometry = _Geometry(
        incident,
        outgoing,
        half,
        incident[:, 2:],
        outgoing[:, 2:],
        np.sum(incident * half, axis=1, keepdims=True),
    )
    total = _specular(values, geometry) + _clearcoat(values, geometry)
    return np.pi * (total + _diffuse(values, geometry) + _sheen(values, geometry))


@dataclass(frozen=True)
class _Geometry:
    """Pairs of directions, their half vectors and cosines."""

    incident: Array  # (P, 3), as the next two
    outgoing: Array
    half: Array
    cos_i: Array  # (P, 1), as the next two
    cos_o: Array
    cos_d: Array  # between a direction and the half vector


def _specular(values: MaterialValues, at: _Geometry) -> Array:
    """Return the specular reflection."""
    s = values.scalars
    # Burley 2012, section 5.4: roughness² is the width, stretched along u by anisotropy.
    aspect = np.sqrt(1 - 0.9 * s["anisotropic"])
    ax = np.maximum(0.001, s["roughness"] ** 2 / aspect)
    ay = np.maximum(0.001, s["roughness"] ** 2 * aspect)
    x, y, z = (at.half[:, [axis]] for axis in range(3))
    d = 1 / (np.pi * ax * ay * ((x / ax) ** 2 + (y / ay) ** 2 + z**2) ** 2)
    g = _smith(at.incident, ax, ay) * _smith(at.outgoing, ax, ay)
    return _fresnel(values, at.cos_d) * d * g / (4 * at.cos_i * at.cos_o)


def _fresnel(values: MaterialValues, cos_d: Array) -> Array:
    """Return the Fresnel factor, a mixture of metal and dielectric."""
    s, weight = values.scalars, _schlick_weight(cos_d)
    metal = values.base_color + (1 - values.base_color) * weight
    normal_incidence = ((s["eta"] - 1) / (s["eta"] + 1)) ** 2 * _hue(values.base_color)
    tinted = normal_incidence + (1 - normal_incidence) * weight
    plain = _dielectric(cos_d, s["eta"])
    dielectric = s["spec_tint"] * tinted + (1 - s["spec_tint"]) * plain
    return s["metallic"] * metal + (1 - s["metallic"]) * dielectric


def _clearcoat(values: MaterialValues, at: _Geometry) -> Array:
    """Return the reflection of the clearcoat."""
    s = values.scalars
    # Burley 2012, section 5.4: GTR with γ = 1, index 1.5, masking of width 0.25, strength 1/4.
    width = (0.1 + (0.001 - 0.1) * s["clearcoat_gloss"]) ** 2
    d = (width - 1) / (np.pi * np.log(width) * (1 + (width - 1) * at.half[:, 2:] ** 2))
    f = 0.04 + 0.96 * _schlick_weight(at.cos_d)
    g = _smith(at.incident, 0.25, 0.25) * _smith(at.outgoing, 0.25, 0.25)
    return 0.25 * s["clearcoat"] * d * f * g


def _diffuse(values: MaterialValues, at: _Geometry) -> Array:
    """Return the diffuse reflection."""
    s = values.scalars
    fi, fo = _schlick_weight(at.cos_i), _schlick_weight(at.cos_o)
    # Burley 2015, section 5.3: Lambert with Fresnel darkening, and retro-reflection.
    retro = 2 * s["roughness"] * at.cos_d**2
    rough = (1 - fi / 2) * (1 - fo / 2) + retro * (fi + fo + fi * fo * (retro - 1))
    # Burley 2012, section 5.3: an approximation of Hanrahan & Krueger's subsurface scattering.
    grazing = retro / 2
    flat = (1 + (grazing - 1) * fi) * (1 + (grazing - 1) * fo)
    flat = 1.25 * (flat * (1 / (at.cos_i + at.cos_o) - 0.5) + 0.5)
    share = (1 - s["metallic"]) * (1 - s["spec_trans"])
    blend = rough + (flat - rough) * s["flatness"]
    return share * values.base_color / np.pi * blend


def _sheen(values: MaterialValues, at: _Geometry) -> Array:
    """Return the sheen."""
    s = values.scalars
    color = 1 + (_hue(values.base_color) - 1) * s["sheen_tint"]
    return s["sheen"] * (1 - s["metallic"]) * _schlick_weight(at.cos_d) * color


def _smith(v: Array, ax: Array | float, ay: Array | float) -> Array:
    # Smith's masking for GGX (Walter et al. 2007, equation 34), widths projected on v.
    """Return the share of microfacets that are not masked from direction v."""
    x, y, z = (v[:, [axis]] for axis in range(3))
    return 2 / (1 + np.sqrt(1 + ((ax * x) ** 2 + (ay * y) ** 2) / z**2))


def _dielectric(cos_i: Array, eta: Array) -> Array:
    # Fresnel's equations for unpolarised light entering a denser medium.
    """Return the share of unpolarised light that a dielectric surface reflects."""
    cos_t = np.sqrt(1 - (1 - cos_i**2) / eta**2)
    s = (cos_i - eta * cos_t) / (cos_i + eta * cos_t)
    p = (cos_t - eta * cos_i) / (cos_t + eta * cos_i)
    return (s**2 + p**2) / 2


def _schlick_weight(cosine: Array) -> Array:
    """Return Schlick's approximation (1 − cosine)⁵."""
    return np.clip(1 - cosine, 0, 1) ** 5


def _hue(color: Array) -> Array:
    """Return a colour divided by its luminance; white for black."""
    luminance = (color @ LUMINANCE)[..., None]
    return np.where(luminance > 0, color / np.where(luminance > 0, luminance, 1), 1.0)


def _read(value: object, places: Array, channels: int) -> Array:
    """Return the values of a parameter at places of its texture."""
    if isinstance(value, Picture):
        return _bilinear(value.pixels.astype(np.float64), places)[:, None, :]
    shape = (len(places), 1, channels)
    return np.broadcast_to(np.asarray(value, np.float64), shape)


def _bilinear(pixels: Array, places: Array) -> Array:
    # Centres of pixels at half integers, repeating beyond the edge, as the renderer reads them.
    """Return pixel values at places, interpolated, with the texture repeating at its edges."""
    height, width, channels = pixels.shape
    at = places[:, ::-1].T * [[height], [width]] - 0.5
    read = [map_coordinates(pixels[..., k], at, order=1, mode="grid-wrap") for k in range(channels)]
    return np.stack(read, axis=1)


def _spherical(angle: Array, azimuth: Array) -> Array:
    """Return unit vectors of angles from the normal and azimuths."""
    return np.stack(
        [np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), np.cos(angle)], axis=-1
    )


def _about_half(v: Array, angle: Array, azimuth: Array) -> Array:
    # Rotate the normal onto the half vector: about y by its angle, then about z by its azimuth.
    """Return directions given relative to the half vector, relative to the normal."""
    x = np.cos(angle) * v[:, 0] + np.sin(angle) * v[:, 2]
    z = -np.sin(angle) * v[:, 0] + np.cos(angle) * v[:, 2]
    return np.stack(
        [
            np.cos(azimuth) * x - np.sin(azimuth) * v[:, 1],
            np.sin(azimuth) * x + np.cos(azimuth) * v[:, 1],
            z,
        ],
        axis=-1,
    )
