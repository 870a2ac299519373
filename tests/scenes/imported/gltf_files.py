"""Write small glTF files by hand: JSON, and one buffer."""

import base64
import json
import struct
import zlib

import numpy as np

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
CORNERS = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


class Gltf:
    """A document with one buffer; `keys` are its further sections."""

    def __init__(self, **keys):
        self.document = {"asset": {"version": "2.0"}, **keys}
        self.data = b""

    def view(self, data):
        """Add bytes; return the index of their buffer view."""
        views = self.document.setdefault("bufferViews", [])
        views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)})
        self.data += data + bytes(-len(data) % 4)
        return len(views) - 1

    def accessor(self, values):
        """Add an array; return the index of its accessor."""
        values = np.asarray(values)
        width = values.shape[1] if values.ndim == 2 else 1
        kind = 5126 if values.dtype.kind == "f" else 5125
        array = values.astype("<f4" if kind == 5126 else "<u4")
        record = {
            "bufferView": self.view(array.tobytes()),
            "componentType": kind,
            "count": len(array),
            "type": TYPES[width],
        }
        accessors = self.document.setdefault("accessors", [])
        accessors.append(record)
        return len(accessors) - 1

    def primitive(self, vertices=TRIANGLE, faces=None, material=None, **attributes):
        """Return a primitive; `attributes` are arrays such as NORMAL."""
        record = {"attributes": {"POSITION": self.accessor(np.asarray(vertices, np.float32))}}
        record["attributes"] |= {key: self.accessor(value) for key, value in attributes.items()}
        if faces is not None:
            record["indices"] = self.accessor(np.asarray(faces).reshape(-1))
        if material is not None:
            record["material"] = material
        return record

    def mesh(self, *primitives):
        """Add a mesh; return its index."""
        meshes = self.document.setdefault("meshes", [])
        meshes.append({"primitives": list(primitives)})
        return len(meshes) - 1

    def write(self, path):
        """Write a GLB, or a .gltf file with its buffer as a data URI; return the path."""
        document = dict(self.document)
        if path.suffix == ".gltf":
            uri = "data:application/octet-stream;base64," + base64.b64encode(self.data).decode()
            document["buffers"] = [{"byteLength": len(self.data), "uri": uri}]
            path.write_text(json.dumps(document))
            return path
        if self.data:
            document["buffers"] = [{"byteLength": len(self.data)}]
        text = json.dumps(document).encode()
        text += b" " * (-len(text) % 4)
        body = struct.pack("<II", len(text), 0x4E4F534A) + text
        body += struct.pack("<II", len(self.data), 0x004E4942) + self.data
        path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)
        return path


def png(pixels, width=None, height=None):
    """Return a PNG of 8 bits (H, W, 3 or 4); its header may state another size."""
    pixels = np.asarray(pixels, np.uint8)
    rows, columns, channels = pixels.shape
    size = (width or columns, height or rows)
    header = struct.pack(">IIBBBBB", *size, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
