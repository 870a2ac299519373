"""Materials of glTF: metallic-roughness, with extensions for other parameters of our materials."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenes.arrays import Picture
from scenes.exported.glb import Entry, Glb
from scenes.exported.remarks import Remarks
from scenes.film import srgb_encode
from scenes.material import Material

DEFAULT_IOR = 1.5  # of glTF
REPEAT, LINEAR = 10497, 9729
COAT_ALPHA = (0.1, 0.001)  # roughness of the coat at gloss 0 and 1, as Mitsuba defines it
SHEEN_ROUGHNESS = 0.5  # ours has no such parameter
# Parameters without a counterpart that is widely read.
WITHOUT_COUNTERPART = ("spec_tint", "anisotropic", "flatness")


def add_material(glb: Glb, material: Material, name: str, radius: float) -> tuple[int, Remarks]:
    """Store a material; return its index and what differs.

    `radius` of the object is the thickness that viewers use for refraction.
    """
    surface: Entry = {}
    if isinstance(material.base_color, Picture):
        surface["baseColorTexture"] = _texture(glb, _shown(material.base_color), f"{name} colour")
    else:
        surface["baseColorFactor"] = [*colour_of(material), 1.0]
    surface |= _metallic_roughness(glb, material, name)
    extensions, notes = _extensions(material, radius)
    for extension in extensions:
        glb.use(extension)
    entry: Entry = {"name": name, "pbrMetallicRoughness": surface}
    entry |= {"extensions": extensions} if extensions else {}
    left_out = tuple(
        f"{key} {getattr(material, key):g}"
        for key in WITHOUT_COUNTERPART
        if getattr(material, key) > 0
    )
    return glb.add("materials", entry), notes + Remarks(left_out=left_out)


def colour_of(material: Material) -> list[float]:
    """Return the base colour as three numbers, linear Rec. 709; the mean of a texture."""
    color = material.base_color
    if isinstance(color, Picture):
        return [float(each) for each in color.pixels.mean(axis=(0, 1))]
    return [float(each) for each in np.broadcast_to(np.asarray(color, np.float64), 3)]


def _metallic_roughness(glb: Glb, material: Material, name: str) -> Entry:
    """Return roughness and metallic as factors, or as one texture (green and blue)."""
    values = (material.roughness, material.metallic)
    keys = ("roughnessFactor", "metallicFactor")
    pictures = [each for each in values if isinstance(each, Picture)]
    if not pictures:
        return {key: float(each) for key, each in zip(keys, values, strict=True)}  # type: ignore[arg-type]
    height, width = np.max([each.pixels.shape[:2] for each in pictures], axis=0).tolist()
    pixels = np.full((height, width, 3), 1.0)
    factors: Entry = {}
    for channel, key, value in zip((1, 2), keys, values, strict=True):
        if isinstance(value, Picture):
            pixels[:, :, channel] = _resized(value.pixels[:, :, 0], height, width)
        else:
            factors[key] = float(value)
    texture = _texture(glb, _bytes(pixels), f"{name} roughness and metallic")
    return {**factors, "metallicRoughnessTexture": texture}


def _extensions(material: Material, radius: float) -> tuple[dict[str, Entry], Remarks]:
    """Return the extensions of a material, and what they only approximate."""
    extensions: dict[str, Entry] = {}
    rough: list[str] = []
    if material.eta != DEFAULT_IOR:
        extensions["KHR_materials_ior"] = {"ior": material.eta}
    if material.spec_trans > 0:
        extensions["KHR_materials_transmission"] = {"transmissionFactor": material.spec_trans}
        # Without a thickness, glTF means a thin sheet, which does not refract.
        extensions["KHR_materials_volume"] = {"thicknessFactor": radius}
        rough.append("spec_trans: transmission; many viewers refract only once")
    if material.clearcoat > 0:
        low, high = COAT_ALPHA
        alpha = low + (high - low) * material.clearcoat_gloss
        extensions["KHR_materials_clearcoat"] = {
            "clearcoatFactor": material.clearcoat,
            "clearcoatRoughnessFactor": alpha**0.5,
        }
        rough.append("clearcoat: glTF's coat reflects about 1.5 times as much light")
    if material.sheen > 0:
        colour = np.array(colour_of(material))
        hue = colour / max(float(colour.max()), 1e-6)
        tinted = material.sheen * (1 + material.sheen_tint * (hue - 1))
        extensions["KHR_materials_sheen"] = {
            "sheenColorFactor": tinted.tolist(),
            "sheenRoughnessFactor": SHEEN_ROUGHNESS,
        }
        rough.append(f"sheen: glTF's sheen of roughness {SHEEN_ROUGHNESS:g}")
    return extensions, Remarks(approximated=tuple(rough))


def _texture(glb: Glb, pixels: NDArray[np.uint8], name: str) -> Entry:
    """Store a picture as a repeating texture; return what a material holds of it."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    sampler = glb.add(
        "samplers", {"magFilter": LINEAR, "minFilter": LINEAR, "wrapS": REPEAT, "wrapT": REPEAT}
    )
    texture = {"sampler": sampler, "source": glb.image(file.getvalue(), name)}
    return {"index": glb.add("textures", texture)}


def _shown(picture: Picture) -> NDArray[np.uint8]:
    """Return linear colours as sRGB with 8 bits, which glTF prescribes for base colours."""
    return _bytes(srgb_encode(picture.pixels))


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return values from 0 to 1 with 8 bits."""
    return np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)


def _resized(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return a picture (h, w) with another number of pixels: each is the nearest one."""
    rows = np.arange(height) * values.shape[0] // height
    columns = np.arange(width) * values.shape[1] // width
    return values[rows][:, columns]
