"""Material of the surface: the principled BSDF."""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Tag, model_validator
from pydantic_core import PydanticCustomError

from scenes.arrays import Picture
from scenes.base.errors import nearest
from scenes.base.frozen import Frozen, between, by_type

ETA_RANGE = (1.0, 4.0)  # index of refraction; 1 itself is not allowed

Unit = Annotated[float, between(0, 1)]
RGB = tuple[Unit, Unit, Unit]


def _within_unit(texture: Picture) -> Picture:
    """Return a texture; raise unless all its values are from 0 to 1."""
    outside = int(np.count_nonzero((texture.pixels < 0) | (texture.pixels > 1)))
    if outside:
        low, high = float(texture.pixels.min()), float(texture.pixels.max())
        raise PydanticCustomError(
            "texture_range",
            "{count} of {size} texture values are out of range ({low} to {high}); allowed: 0 to 1",
            {"count": outside, "size": texture.pixels.size, "low": f"{low:g}", "high": f"{high:g}"},
        )
    return texture


def _three_channels(texture: Picture) -> Picture:
    """Return a texture; raise unless it has three channels."""
    if texture.channels != 3:
        raise PydanticCustomError(
            "texture_channels", "a colour texture needs 3 channels, this one has 1"
        )
    return texture


def _one_channel(texture: Picture) -> Picture:
    """Return a texture; raise unless it has one channel."""
    if texture.channels != 1:
        raise PydanticCustomError(
            "texture_channels",
            "a texture of a scalar needs 1 channel, this one has 3; save it as greyscale",
        )
    return texture


ColorTexture = Annotated[Picture, AfterValidator(_three_channels), AfterValidator(_within_unit)]
ScalarTexture = Annotated[Picture, AfterValidator(_one_channel), AfterValidator(_within_unit)]
Color = Annotated[
    Annotated[Unit, Tag("number")]
    | Annotated[RGB, Tag("rgb")]
    | Annotated[str, Tag("file")]
    | Annotated[ColorTexture, Tag("texture")],
    by_type(
        "use a number, three numbers (linear RGB), or the file of a texture",
        texture=Picture,
        file=str,
        rgb=(list, tuple),
        number=(int, float),
    ),
]
Scalar = Annotated[
    Annotated[Unit, Tag("number")]
    | Annotated[str, Tag("file")]
    | Annotated[ScalarTexture, Tag("texture")],
    by_type(
        "use a number, or the file of a texture with one channel",
        texture=Picture,
        file=str,
        number=(int, float),
    ),
]

# Parameters that each preset sets; the others keep their defaults.
PRESETS: dict[str, dict[str, Any]] = {
    # Paper, plaster, chalk: almost no highlight.
    "matte": {"base_color": 0.5, "roughness": 1.0},
    "glossy_plastic": {"base_color": 0.5, "roughness": 0.15},
    "brushed_metal": {
        "base_color": (0.91, 0.92, 0.92),
        "metallic": 1.0,
        "roughness": 0.35,
        "anisotropic": 0.8,
    },
    "translucent": {
        "base_color": (0.85, 0.9, 0.88),
        "roughness": 0.25,
        "spec_trans": 0.9,
        "eta": 1.4,
    },
}


class Material(Frozen):
    """The principled BSDF (Burley 2012, 2015), as Mitsuba 3's `principled` defines it.

    In a file, a material may be the name of a preset, or a mapping that may start from a preset:
    ``{preset: matte, base_color: [0.8, 0.2, 0.1]}``.

    Parameters
    ----------
    base_color
        Linear Rec. 709, each channel 0 to 1: a number (grey), three numbers, or a texture with 3
        channels (a file, or a `Picture`).
    roughness
        Width of the highlights, 0 (mirror) to 1 (matte): a number, or a texture with 1 channel.
    metallic
        0 (dielectric: diffuse, white highlights) to 1 (metal: no diffuse part, highlights in
        `base_color`): a number, or a texture with 1 channel.
    eta
        Index of refraction inside ÷ outside, above 1 up to 4.
    spec_tint
        0 to 1: how much the dielectric highlight has the hue of `base_color`.
    anisotropic
        0 to 1: how much the highlight is stretched along the surface's u direction.
    sheen
        0 to 1: strength of an additional reflection at grazing angles, as of cloth.
    sheen_tint
        0 to 1: how much the sheen has the hue of `base_color`; without `sheen`, no effect.
    clearcoat
        0 to 1: strength of the highlight of a second, clear layer, as of varnish.
    clearcoat_gloss
        0 to 1: sharpness of that highlight; 1 is the sharpest. Without `clearcoat`, no effect.
    spec_trans
        0 to 1: proportion of light that is refracted instead of reflected diffusely.
    flatness
        0 to 1: blend from diffuse to an approximation of subsurface scattering.
    """

    kind: Literal["principled"] = "principled"
    base_color: Color = 0.5
    roughness: Scalar = 0.5
    metallic: Scalar = 0.0
    eta: Annotated[float, between(*ETA_RANGE, above_low=True)] = 1.5
    spec_tint: Unit = 0.0
    anisotropic: Unit = 0.0
    sheen: Unit = 0.0
    sheen_tint: Unit = 0.0
    clearcoat: Unit = 0.0
    clearcoat_gloss: Unit = 0.0
    spec_trans: Unit = 0.0
    flatness: Unit = 0.0

    @model_validator(mode="before")
    @classmethod
    def _start_from_preset(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = {"preset": data}
        if not isinstance(data, dict) or "preset" not in data:
            return data
        name = str(data["preset"])
        if name not in PRESETS:
            raise PydanticCustomError(
                "unknown_preset",
                "no material is called '{name}'; {known}",
                {
                    "name": name,
                    "known": f"{nearest(name, PRESETS)} known: {', '.join(PRESETS)}".strip(),
                },
            )
        changes = {key: value for key, value in data.items() if key != "preset"}
        return PRESETS[name] | changes


# Parameters with one number (or one number per pixel of a texture), and their ranges.
SCALARS = tuple(name for name in Material.model_fields if name not in ("kind", "base_color"))
RANGES = {name: ETA_RANGE if name == "eta" else (0.0, 1.0) for name in SCALARS}
# Parameters that may be a texture, and the number of channels that it needs.
TEXTURED: dict[str, int] = {"base_color": 3, "roughness": 1, "metallic": 1}
