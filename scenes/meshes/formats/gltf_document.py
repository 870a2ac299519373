"""Read the JSON and the binary chunk of a glTF 2.0 file (Khronos, 2021)."""

import json
from collections.abc import Iterator
from typing import Any

from scenes.base.errors import InputError

GLB_MAGIC = b"glTF"
# Errors that a document that breaks the specification can raise while it is read.
BROKEN = (
    KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError, MemoryError,
    OverflowError,
)  # fmt: skip
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
INSTANCING = "EXT_mesh_gpu_instancing"
TEXTURE_TRANSFORM = "KHR_texture_transform"
# Extensions that a file may require: those that are read, and those that do not change geometry.
READ = {"KHR_mesh_quantization", INSTANCING, TEXTURE_TRANSFORM, "KHR_node_visibility"}
WITHOUT_GEOMETRY = ("KHR_materials_", "KHR_lights_", "KHR_xmp", "KHR_texture_", "EXT_texture_",
                    "EXT_lights_", "MSFT_texture_", "KHR_animation_")  # fmt: skip
COMPRESSED = {
    "KHR_draco_mesh_compression": "Draco",
    "EXT_meshopt_compression": "meshopt",
    "KHR_meshopt_compression": "meshopt",
}


def gltf_document(data: bytes) -> tuple[dict[str, Any], bytes | None]:
    """Return the JSON and the binary chunk of a GLB; a ``.gltf`` file has only JSON."""
    text, binary = data, None
    if data.startswith(GLB_MAGIC):
        version, length = (int.from_bytes(data[at : at + 4], "little") for at in (4, 8))
        if version != 2:
            raise InputError(f"is glTF version {version}; only version 2 is read: export it again")
        if length > len(data) or len(data) < 20:
            raise InputError(
                f"is cut short: {len(data)} bytes, but its header states {length}; export it again"
            )
        chunks = dict(reversed(list(_glb_chunks(data[:length]))))
        text, binary = chunks.get(JSON_CHUNK, b""), chunks.get(BINARY_CHUNK)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"is damaged, or no glTF: its JSON cannot be read ({error}); check the suffix, or "
            "export it again"
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise InputError("is no glTF file: it names no asset; export it again")
    if not str(document["asset"].get("version", "")).startswith("2"):
        raise InputError("is glTF of another version; only version 2 is read: export it again")
    return document, binary


def _glb_chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of each chunk of a GLB."""
    at = 12
    while at + 8 <= len(data):
        size, kind = (int.from_bytes(data[at + k : at + k + 4], "little") for k in (0, 4))
        if at + 8 + size > len(data):
            raise InputError("is damaged: a chunk is longer than the file; export it again")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size


def check_extensions(document: dict[str, Any]) -> None:
    """Raise if the file requires an extension that is not read."""
    for name in document.get("extensionsRequired", ()):
        if name in COMPRESSED:
            raise compressed(name)
        if name not in READ and not str(name).startswith(WITHOUT_GEOMETRY):
            raise InputError(f"needs the extension {name}, which is not read; export it without")


def compressed(name: str) -> InputError:
    """Return the error for a compressed file."""
    return InputError(
        f"is compressed with {COMPRESSED[name]} ({name}), which is not read; export it without "
        "compression"
    )
