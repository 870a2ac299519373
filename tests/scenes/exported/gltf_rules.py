"""Rules of the glTF 2.0 specification that a GLB file is checked against.

Numbers in brackets are sections of the specification (Khronos, version 2.0.1).
"""

import json
import struct
from typing import Any

import numpy as np

KNOWN_EXTENSIONS = {
    "KHR_lights_punctual",
    "KHR_materials_clearcoat",
    "KHR_materials_emissive_strength",
    "KHR_materials_ior",
    "KHR_materials_sheen",
    "KHR_materials_transmission",
    "KHR_materials_volume",
}
COMPONENTS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
VERTEX_BUFFER, INDEX_BUFFER = 34962, 34963
PNG = b"\x89PNG\r\n\x1a\n"


class GlbRead:
    """A GLB file that follows the rules: its document, and the content of its accessors."""

    def __init__(self, data: bytes) -> None:
        self.document, self._binary = chunks(data)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        return self.document.get(kind, [])

    def view(self, number: int) -> bytes:
        view = self.entries("bufferViews")[number]
        start = view.get("byteOffset", 0)
        return self._binary[start : start + view["byteLength"]]

    def values(self, number: int) -> np.ndarray:
        accessor = self.entries("accessors")[number]
        kind = np.dtype(COMPONENTS[accessor["componentType"]]).newbyteorder("<")
        width = WIDTHS[accessor["type"]]
        data = self.view(accessor["bufferView"])[accessor.get("byteOffset", 0) :]
        values = np.frombuffer(data, kind, accessor["count"] * width)
        return values.reshape(-1, width) if width > 1 else values

    def node(self, name: str) -> dict[str, Any]:
        (node,) = [each for each in self.entries("nodes") if each["name"] == name]
        return node

    def part(self, name: str) -> dict[str, Any]:
        """Return the only primitive of a node's mesh."""
        (part,) = self.entries("meshes")[self.node(name)["mesh"]]["primitives"]
        return part

    def material(self, name: str) -> dict[str, Any]:
        return self.entries("materials")[self.part(name)["material"]]

    def lights(self) -> dict[str, dict[str, Any]]:
        lights = self.document.get("extensions", {}).get("KHR_lights_punctual", {})
        return {each["name"]: each for each in lights.get("lights", [])}


def chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return document and buffer of a GLB file; assert the rules of the container [4.4]."""
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    assert length % 4 == 0
    place, found = 12, []
    while place < length:
        size, kind = struct.unpack_from("<I4s", data, place)
        assert size % 4 == 0, "a chunk ends on a boundary of 4 bytes"
        found.append((kind, data[place + 8 : place + 8 + size]))
        place += 8 + size
    assert place == length
    assert [kind for kind, _ in found] in ([b"JSON"], [b"JSON", b"BIN\0"])
    assert found[0][1].rstrip(b" ").endswith(b"}"), "JSON is padded with spaces"
    return json.loads(found[0][1]), found[1][1] if len(found) > 1 else b""


def check(data: bytes) -> GlbRead:
    """Assert that a GLB file follows the rules; return it."""
    file = GlbRead(data)
    document = file.document
    assert document["asset"]["version"] == "2.0"
    _check_references(file)
    _check_buffers(file)
    for mesh in file.entries("meshes"):
        for part in mesh["primitives"]:
            _check_part(file, part)
    for node in file.entries("nodes"):
        _check_node(node)
    for material in file.entries("materials"):
        _check_material(material)
    _check_extensions(document)
    for camera in file.entries("cameras"):
        view = camera["perspective"]
        assert 0 < view["yfov"] < np.pi
        assert view["aspectRatio"] > 0
        assert view["znear"] > 0
    for light in file.lights().values():
        assert min(light["color"]) >= 0
        assert max(light["color"]) <= 1
        assert light["intensity"] >= 0
        if light["type"] == "spot":
            cone = light["spot"]
            assert 0 <= cone["innerConeAngle"] < cone["outerConeAngle"] <= np.pi / 2
    return file


def _check_references(file: GlbRead) -> None:
    """Assert that every index is one of an existing entry [3.2], and that nothing is unused."""
    used: dict[str, set[int]] = {}

    def use(kind: str, number: int) -> None:
        assert 0 <= number < len(file.entries(kind)), (kind, number)
        used.setdefault(kind, set()).add(number)

    for scene in file.entries("scenes"):
        assert len(set(scene["nodes"])) == len(scene["nodes"])
        for number in scene["nodes"]:
            use("nodes", number)
    for node in file.entries("nodes"):
        for key, kind in (("mesh", "meshes"), ("camera", "cameras")):
            if key in node:
                use(kind, node[key])
    for mesh in file.entries("meshes"):
        for part in mesh["primitives"]:
            use("materials", part["material"])
            for number in (part["indices"], *part["attributes"].values()):
                use("accessors", number)
    for material in file.entries("materials"):
        for value in material["pbrMetallicRoughness"].values():
            if isinstance(value, dict):
                use("textures", value["index"])
    for texture in file.entries("textures"):
        use("samplers", texture["sampler"])
        use("images", texture["source"])
    for entry in (*file.entries("accessors"), *file.entries("images")):
        use("bufferViews", entry["bufferView"])
    for kind, numbers in used.items():
        assert numbers == set(range(len(file.entries(kind)))), f"unused {kind}"
    empty = [key for key, value in file.document.items() if value in ([], {})]
    assert empty == [], "empty arrays are not allowed [3.2]"


def _check_buffers(file: GlbRead) -> None:
    """Assert the rules of buffers, views and accessors [3.6]."""
    (buffer,) = file.entries("buffers")
    assert "uri" not in buffer
    assert 0 <= len(file._binary) - buffer["byteLength"] < 4  # padding of the chunk
    end = 0
    for view in file.entries("bufferViews"):
        start = view.get("byteOffset", 0)
        assert start % 4 == 0, "a view begins on a boundary of 4 bytes"
        assert end <= start <= end + 3, "views follow each other without gaps"
        assert view["byteLength"] > 0
        end = start + view["byteLength"]
        assert end <= buffer["byteLength"]
    for number, accessor in enumerate(file.entries("accessors")):
        values = file.values(number)
        assert len(values) == accessor["count"] > 0
        assert values.nbytes <= len(file.view(accessor["bufferView"]))
        if values.dtype.kind == "f":
            assert np.isfinite(values).all()
        for bound, of in (("min", np.min), ("max", np.max)):
            if bound in accessor:
                np.testing.assert_array_equal(accessor[bound], of(values, axis=0))
    for image in file.entries("images"):
        assert image["mimeType"] == "image/png"
        assert file.view(image["bufferView"]).startswith(PNG)


def _check_part(file: GlbRead, part: dict[str, Any]) -> None:
    """Assert the rules of a mesh [3.7.2]."""
    accessors, views = file.entries("accessors"), file.entries("bufferViews")
    count = accessors[part["attributes"]["POSITION"]]["count"]
    for name, number in part["attributes"].items():
        accessor = accessors[number]
        assert accessor["count"] == count
        assert accessor["componentType"] == 5126
        assert views[accessor["bufferView"]].get("target") == VERTEX_BUFFER
        assert accessor["type"] == ("VEC2" if name == "TEXCOORD_0" else "VEC3")
    assert {"min", "max"} <= accessors[part["attributes"]["POSITION"]].keys()
    if "NORMAL" in part["attributes"]:
        lengths = np.linalg.norm(file.values(part["attributes"]["NORMAL"]), axis=1)
        np.testing.assert_allclose(lengths, 1, atol=0.00674)  # of the Khronos validator
    indices = file.values(part["indices"])
    assert part.get("mode", 4) == 4
    assert indices.dtype.kind == "u"
    assert len(indices) % 3 == 0
    assert views[accessors[part["indices"]]["bufferView"]].get("target") == INDEX_BUFFER
    # Neither out of range nor the value that restarts a primitive.
    assert indices.max() < min(count, np.iinfo(indices.dtype).max)


def _check_node(node: dict[str, Any]) -> None:
    """Assert that a node's rotation is a unit quaternion [3.5.3] and nothing is NaN."""
    if "rotation" in node:
        assert len(node["rotation"]) == 4
        np.testing.assert_allclose(np.linalg.norm(node["rotation"]), 1, atol=1e-6)
    if "translation" in node:
        assert len(node["translation"]) == 3
        assert np.isfinite(node["translation"]).all()


def _check_material(material: dict[str, Any]) -> None:
    """Assert that factors are in their ranges [3.9]."""
    surface, extensions = material["pbrMetallicRoughness"], material.get("extensions", {})
    clear = extensions.get("KHR_materials_clearcoat", {})
    sheen = extensions.get("KHR_materials_sheen", {})
    through = extensions.get("KHR_materials_transmission", {})
    numbers = [
        *surface.get("baseColorFactor", [1, 1, 1, 1]),
        surface.get("metallicFactor", 1),
        surface.get("roughnessFactor", 1),
        *material.get("emissiveFactor", [0, 0, 0]),
        *clear.values(),
        *sheen.get("sheenColorFactor", [0, 0, 0]),
        sheen.get("sheenRoughnessFactor", 0),
        *through.values(),
    ]
    assert min(numbers) >= 0
    assert max(numbers) <= 1
    assert len(surface.get("baseColorFactor", range(4))) == 4
    assert extensions.get("KHR_materials_ior", {}).get("ior", 1.5) >= 1
    assert extensions.get("KHR_materials_emissive_strength", {}).get("emissiveStrength", 1) >= 0


def _check_extensions(document: dict[str, Any]) -> None:
    """Assert that exactly the extensions that occur are listed [3.12], and none is required."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            found.update(value.get("extensions", {}))
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)

    look(document)
    assert found == set(document.get("extensionsUsed", []))
    assert found <= KNOWN_EXTENSIONS
    assert "extensionsRequired" not in document
