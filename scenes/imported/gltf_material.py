"""Materials of glTF files, as principled materials."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from pydantic import ValidationError

from scenes.arrays import Picture
from scenes.base.errors import InputError, about, first_problem
from scenes.base.inside_folder import inside
from scenes.imported.clearcoat import gloss_of
from scenes.imported.report import Report
from scenes.imported.textures import Textures, channel, color_texture
from scenes.material import ETA_RANGE, Material
from scenes.meshes.formats.accessors import from_data_uri
from scenes.meshes.formats.gltf_document import TEXTURE_TRANSFORM
from scenes.pictures.encoded import Encoding

Coordinates = dict[str, Any]  # the reference to a texture in a material

LEAST_ETA = 1.0001  # 1 itself is not allowed
GREEN, BLUE = 1, 2
REPEAT = 10497  # wrapping of a texture in OpenGL
CLEARCOAT, TRANSMISSION, IOR, SHEEN = (
    f"KHR_materials_{name}" for name in ("clearcoat", "transmission", "ior", "sheen")
)
NEUTRAL = {"KHR_materials_emissive_strength"}  # has no effect without emission, which is reported


class GltfMaterials:
    """The materials of a document; each is read once."""

    def __init__(
        self, document: dict[str, Any], buffers: list[bytes | None], path: Path, report: Report
    ) -> None:
        self._document = document
        self._buffers = buffers
        self._path = path
        self._report = report
        self._textures = Textures()
        self._read: dict[int | None, Material] = {}

    def material(self, index: int | None) -> Material:
        """Return a material by its index; without an index, the default of glTF."""
        if index not in self._read:
            record = {} if index is None else self._document["materials"][index]
            with about(f"material '{self._name(index)}'"):
                self._read[index] = self._principled(record, self._name(index))
        return self._read[index]

    def is_two_sided(self, index: int | None) -> bool:
        """Return whether both sides of a material are visible."""
        return index is not None and bool(self._document["materials"][index].get("doubleSided"))

    def coordinates(self, index: int | None) -> Coordinates | None:
        """Return the texture whose coordinates the material uses; None without textures."""
        record = {} if index is None else self._document["materials"][index]
        rough = record.get("pbrMetallicRoughness", {})
        return rough.get("baseColorTexture") or rough.get("metallicRoughnessTexture")

    def report_unread(self) -> None:
        """Report materials that no object uses."""
        count = len(self._document.get("materials", []))
        unread = [self._name(index) for index in range(count) if index not in self._read]
        if unread:
            self._report.note(f"materials that no object uses: {', '.join(unread)}")

    def _name(self, index: int | None) -> str:
        """Return the name of a material."""
        if index is None:
            return "default"
        return str(self._document["materials"][index].get("name") or f"material {index}")

    def _principled(self, record: dict[str, Any], name: str) -> Material:
        """Return a record of a file as a principled material."""
        rough = record.get("pbrMetallicRoughness", {})
        factor = [float(each) for each in rough.get("baseColorFactor", (1, 1, 1, 1))]
        fields: dict[str, Any] = {"base_color": tuple(factor[:3])}
        fields["roughness"] = float(rough.get("roughnessFactor", 1))
        fields["metallic"] = float(rough.get("metallicFactor", 1))
        color = self._texture(rough.get("baseColorTexture"), "srgb", name, "base colour")
        if color is not None:
            fields["base_color"] = color_texture(color, (factor[0], factor[1], factor[2]))
        first, second = (rough.get(f"{key}Texture") for key in ("baseColor", "metallicRoughness"))
        if first and second and not _share_coordinates(first, second):
            self._report.lost(
                f"the texture of roughness and metallic of material '{name}': its coordinates "
                "differ from those of the base colour"
            )
        else:
            data = self._texture(second, "linear", name, "roughness and metallic")
            if data is not None:
                fields["roughness"] = channel(data, GREEN, fields["roughness"])
                fields["metallic"] = channel(data, BLUE, fields["metallic"])
        fields |= self._extensions(record.get("extensions", {}), name)
        self._report_rest(record, name)
        try:
            return Material(**fields)
        except ValidationError as error:
            raise InputError(first_problem(error, fields)) from error

    def _extensions(self, extensions: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the fields that extensions set; others are reported."""
        fields: dict[str, Any] = {}
        if coat := extensions.get(CLEARCOAT):
            fields["clearcoat"] = float(coat.get("clearcoatFactor", 0))
            fields["clearcoat_gloss"] = gloss_of(float(coat.get("clearcoatRoughnessFactor", 0)))
        if through := extensions.get(TRANSMISSION):
            fields["spec_trans"] = float(through.get("transmissionFactor", 0))
        if IOR in extensions:
            eta = float(extensions[IOR].get("ior", 1.5))
            fields["eta"] = min(max(eta, LEAST_ETA), ETA_RANGE[1])
            if fields["eta"] != eta and eta != 1:
                self._report.lost(
                    f"the ior {eta:g} of material '{name}': {fields['eta']:g} is used"
                )
        if sheen := extensions.get(SHEEN):
            color = [float(each) for each in sheen.get("sheenColorFactor", (0, 0, 0))]
            fields["sheen"] = max(color)
            if max(color) > 0 and min(color) < 0.99 * max(color):
                self._report.lost(f"the hue of the sheen of material '{name}'")
            if sheen.get("sheenRoughnessFactor"):
                self._report.lost(f"sheenRoughnessFactor of material '{name}'")
        known = (CLEARCOAT, TRANSMISSION, IOR, SHEEN)
        for extension, keys in extensions.items():
            if extension not in known and extension not in NEUTRAL:
                self._report.lost(f"{extension} of material '{name}'")
            elif isinstance(keys, dict):
                for key in keys:
                    if key.endswith("Texture"):
                        self._report.lost(f"{key} of material '{name}'")
        return fields

    def _report_rest(self, record: dict[str, Any], name: str) -> None:
        """Report properties of a material that a principled one lacks."""
        for key in ("normalTexture", "occlusionTexture"):
            if key in record:
                self._report.lost(f"{key} of material '{name}'")
        if any(record.get("emissiveFactor", ())):
            self._report.lost(f"emission of material '{name}'")
        mode = record.get("alphaMode", "OPAQUE")
        if mode != "OPAQUE":
            self._report.lost(f"transparency (alphaMode {mode}) of material '{name}'")

    # ---- Textures --------------------------------------------------------------------------------

    def _texture(
        self, reference: dict[str, Any] | None, encoding: Encoding, name: str, what: str
    ) -> Picture | None:
        """Return the picture of a texture; None without one, or if its kind is not read."""
        if reference is None:
            return None
        texture = self._document["textures"][reference["index"]]
        if "source" not in texture:
            kinds = ", ".join(texture.get("extensions", {})) or "without a picture"
            self._report.lost(f"the texture of {what} of material '{name}' ({kinds})")
            return None
        if "sampler" in texture:
            sampler = self._document["samplers"][texture["sampler"]]
            if {sampler.get("wrapS", REPEAT), sampler.get("wrapT", REPEAT)} != {REPEAT}:
                self._report.note(f"textures of material '{name}' repeat beyond their edges")
        return self._picture(texture["source"], encoding)

    def _picture(self, index: int, encoding: Encoding) -> Picture:
        """Return a picture of the document: in a buffer, as a data URI, or a file beside it."""
        image = self._document["images"][index]
        label = f"image {index}" + (f" ('{image['name']}')" if image.get("name") else "")
        uri = image.get("uri")
        if uri is None:
            return self._textures.of_bytes(label, self._stored(image, label), encoding)
        if uri.startswith("data:"):
            return self._textures.of_bytes(label, from_data_uri(uri, label), encoding)
        if "://" in uri:
            raise InputError(f"{label} is at '{uri}'; save it beside the file")
        path = inside(self._path.parent, unquote(uri), self._path)
        return self._textures.of_file(path, encoding)

    def _stored(self, image: dict[str, Any], label: str) -> bytes:
        """Return the bytes of a picture in a buffer."""
        view = self._document["bufferViews"][image["bufferView"]]
        data = self._buffers[view["buffer"]]
        first = view.get("byteOffset", 0)
        if data is None or not 0 <= first <= first + view["byteLength"] <= len(data):
            raise InputError(f"{label} is missing or cut short; export the file again")
        return data[first : first + view["byteLength"]]


def _share_coordinates(first: Coordinates, second: Coordinates) -> bool:
    """Return whether two textures use the same coordinates and the same transform of them."""

    def of(reference: Coordinates) -> tuple[Any, ...]:
        transform = reference.get("extensions", {}).get(TEXTURE_TRANSFORM, {})
        number = transform.get("texCoord", reference.get("texCoord", 0))
        offset, scale = transform.get("offset", (0, 0)), transform.get("scale", (1, 1))
        return (number, *np.ravel(offset), *np.ravel(scale), transform.get("rotation", 0))

    return of(first) == of(second)
