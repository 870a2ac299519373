"""The same solid through every format and variant: what exporters write, by hand.

A solid is vertices (V, 3) and polygons (lists of vertices, counter-clockwise seen from outside).
Every writer returns name → content of the files it makes, the mesh first.
"""

import base64
import json
import struct
from collections.abc import Callable

import numpy as np

Solid = tuple[np.ndarray, list[list[int]]]
Files = dict[str, bytes]


# ---- Text ---------------------------------------------------------------------------------------


def obj(solid: Solid, corner: Callable[[int], str] = str, end: str = "\n") -> str:
    vertices, polygons = solid
    lines = [
        "# written by hand",
        "o Würfel",
        *(f"v {x!r} {y!r} {z!r}" for x, y, z in floats(vertices)),
    ]
    lines += ["f " + " ".join(corner(v + 1) for v in face) for face in polygons]
    return end.join(lines) + end


def floats(vertices: np.ndarray) -> list[tuple[float, float, float]]:
    return [tuple(map(float, row)) for row in vertices]


def obj_plain(solid: Solid) -> Files:
    return {"s.obj": obj(solid).encode()}


def obj_relative(solid: Solid) -> Files:
    """Each polygon directly after its own vertices, with negative indices."""
    vertices, polygons = solid
    lines = []
    for face in polygons:
        lines += [f"v {x!r} {y!r} {z!r}" for x, y, z in floats(vertices[face])]
        lines.append("f " + " ".join(str(k - len(face)) for k in range(len(face))))
    return {"s.obj": "\n".join(lines).encode()}


def obj_with_normals(solid: Solid) -> Files:
    return {"s.obj": b"vn 0 1 0\n" + obj(solid, lambda v: f"{v}//1").encode()}


def obj_with_colours_and_old_letters(solid: Solid) -> Files:
    vertices, polygons = solid
    lines = [f"v {x!r} {y!r} {z!r} 0.5 0.25 1" for x, y, z in floats(vertices)]
    lines += ["fo " + " ".join(str(v + 1) for v in face) for face in polygons]
    return {"S.OBJ": "\r\n".join(["g  größe", *lines, "l 1 2", "p 1"]).encode("latin-1")}


def obj_continued(solid: Solid) -> Files:
    return {"s.obj": obj(solid).replace(" ", " \\\n").encode("utf-8-sig")}


def obj_faces_first(solid: Solid) -> Files:
    lines = obj(solid).splitlines()
    return {"s.obj": "\r".join(sorted(lines, key=lambda line: line[0] != "f")).encode()}


def obj_textured(solid: Solid) -> Files:
    """Texture coordinates that differ at every corner: all edges are seams."""
    vertices, polygons = solid
    lines = obj((vertices, [])).splitlines()
    count = 0
    for face in polygons:
        lines += [f"vt {(count + k) / 1000} 0.5" for k in range(len(face))]
        lines.append("f " + " ".join(f"{v + 1}/{count + k + 1}" for k, v in enumerate(face)))
        count += len(face)
    return {"s.obj": "\n".join(lines).encode()}


def off(solid: Solid, head: str = "OFF\n", tail: str = "") -> str:
    vertices, polygons = solid
    lines = [f"{len(vertices)} {len(polygons)} 0"]
    lines += [f"{x!r} {y!r} {z!r}{tail}" for x, y, z in floats(vertices)]
    lines += [f"{len(face)} " + " ".join(map(str, face)) for face in polygons]
    return head + "\n".join(lines) + "\n"


def off_plain(solid: Solid) -> Files:
    return {"s.off": off(solid).encode()}


def off_on_one_line(solid: Solid) -> Files:
    return {"s.off": ("# by hand\n\n" + off(solid, "OFF ").replace("\n", "\r\n")).encode()}


def off_coloured(solid: Solid) -> Files:
    return {"s.off": off(solid, "COFF # colours\n", " 255 0 0 255").encode()}


def stl_text(solid: Solid) -> Files:
    """The fan of each polygon: only for convex ones."""
    lines = []
    for a, b, c in triangles(solid):
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += [f"vertex {x!r} {y!r} {z!r}" for x, y, z in floats(solid[0][[a, b, c]])]
        lines += ["endloop", "endfacet"]
    half = len(lines) // 14 * 7
    parts = ["solid one", *lines[:half], "endsolid one", "solid two", *lines[half:], "endsolid"]
    return {"s.stl": "\r\n".join(parts).encode()}


# ---- Binary -------------------------------------------------------------------------------------


def triangles(solid: Solid) -> np.ndarray:
    return np.array([(f[0], f[k], f[k + 1]) for f in solid[1] for k in range(1, len(f) - 1)])


def stl_binary(solid: Solid, header: bytes = b"solid exported", attribute: int = 0) -> Files:
    faces = triangles(solid)
    data = header.ljust(80) + struct.pack("<I", len(faces))
    for face in solid[0].astype("<f4")[faces]:
        data += np.zeros(3, "<f4").tobytes() + face.tobytes() + struct.pack("<H", attribute)
    return {"s.stl": data}


def stl_coloured(solid: Solid) -> Files:
    return stl_binary(solid, b"COLOR=\xff\0\0\xff", 31)


def ply(solid: Solid, kind: str, number: str, count: str, index: str, name: str) -> Files:
    vertices, polygons = solid
    head = (
        f"ply\nformat {kind} 1.0\ncomment by hand\nobj_info none\nelement vertex {len(vertices)}\n"
    )
    head += "".join(f"property {number} {axis}\n" for axis in "xyz") + "property uchar flag\n"
    head += f"element face {len(polygons)}\nproperty float quality\n"
    head += f"property list {count} {index} {name}\nelement edge 1\n"
    head += "property int vertex1\nproperty int vertex2\nend_header\n"
    if kind == "ascii":
        rows = [f"{x!r} {y!r} {z!r} 1" for x, y, z in floats(vertices)]
        rows += [f"0.5 {len(face)} " + " ".join(map(str, face)) for face in polygons]
        return {"s.ply": (head + "\n".join([*rows, "0 1"]) + "\n").encode()}
    order = "<" if "little" in kind else ">"
    code = {"float": "f", "double": "d", "uchar": "B", "int": "i", "uint": "I", "ushort": "H",
            "short": "h", "float32": "f", "uint8": "B", "int32": "i"}  # fmt: skip
    data = b"".join(struct.pack(f"{order}3{code[number]}B", *row, 1) for row in vertices)
    for face in polygons:
        layout = f"{order}f{code[count]}{len(face)}{code[index]}"
        data += struct.pack(layout, 0.5, len(face), *face)
    return {"s.ply": head.encode() + data + struct.pack(f"{order}ii", 0, 1)}


def ply_ascii(solid: Solid) -> Files:
    return ply(solid, "ascii", "double", "uchar", "int", "vertex_indices")


def ply_little(solid: Solid) -> Files:
    return ply(solid, "binary_little_endian", "float32", "uint8", "int32", "vertex_index")


def ply_big(solid: Solid) -> Files:
    return ply(solid, "binary_big_endian", "double", "int", "ushort", "vertex_indices")


def ply_strips(solid: Solid) -> Files:
    """Every triangle is a separate strip, ended by −1, as old scanners wrote them."""
    strip = np.column_stack([triangles(solid), np.full(len(triangles(solid)), -1)]).ravel()
    head = f"ply\nformat binary_big_endian 1.0\nelement vertex {len(solid[0])}\n"
    head += "".join(f"property double {axis}\n" for axis in "xyz")
    head += "element tristrips 1\nproperty list int int vertex_indices\nend_header\n"
    data = solid[0].astype(">f8").tobytes() + struct.pack(">i", len(strip))
    return {"s.ply": head.encode() + data + strip.astype(">i4").tobytes()}


# ---- glTF ---------------------------------------------------------------------------------------


class Document:
    """A glTF document under construction."""

    def __init__(self) -> None:
        self.binary = b""
        self.json: dict = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}]}
        self.json |= {"nodes": [], "meshes": [], "accessors": [], "bufferViews": []}

    def view(self, data: bytes, **more: int) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data), **more}
        self.json["bufferViews"].append(view)
        self.binary += data
        return len(self.json["bufferViews"]) - 1

    def accessor(self, values: np.ndarray, **more: object) -> int:
        code = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
        record = {
            "bufferView": self.view(values.tobytes()),
            "componentType": code[values.dtype.str[1:]],
            "count": len(values),
            "type": {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (16,): "MAT4"}[
                values.shape[1:]
            ],
            **more,
        }
        self.json["accessors"].append(record)
        return len(self.json["accessors"]) - 1

    def mesh(self, position: int, indices: int | None = None, mode: int = 4, **more: int) -> int:
        primitive: dict = {"attributes": {"POSITION": position, **more}, "mode": mode}
        if indices is not None:
            primitive["indices"] = indices
        self.json["meshes"].append({"primitives": [primitive]})
        return len(self.json["meshes"]) - 1

    def node(self, **record: object) -> int:
        self.json["nodes"].append(record)
        return len(self.json["nodes"]) - 1

    def glb(self) -> Files:
        self.json["buffers"] = [{"byteLength": len(self.binary)}]
        return {"s.glb": packed(self.json, self.binary)}

    def gltf(self, uri: str | None = None) -> Files:
        code = base64.b64encode(self.binary).decode()
        where = uri or f"data:application/octet-stream;base64,{code}"
        self.json["buffers"] = [{"byteLength": len(self.binary), "uri": where}]
        files = {"s.gltf": json.dumps(self.json).encode()}
        return files if uri is None else {**files, "a b.bin": self.binary}


def packed(document: dict, binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text
    body += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def simple(solid: Solid, vertices: np.ndarray | None = None, kind: str = "<u4") -> Document:
    """One mesh, 32-bit positions, no node yet."""
    document = Document()
    where = (solid[0] if vertices is None else vertices).astype("<f4")
    indices = triangles(solid).astype(kind).ravel()
    document.mesh(document.accessor(where), document.accessor(indices))
    return document


def glb_plain(solid: Solid) -> Files:
    document = simple(solid)
    document.node(mesh=0)
    return document.glb()


def gltf_embedded(solid: Solid) -> Files:
    document = simple(solid, kind="<u2")
    document.node(mesh=0)
    return document.gltf()


def gltf_beside(solid: Solid) -> Files:
    document = simple(solid)
    document.node(mesh=0)
    return document.gltf("a%20b.bin")


def glb_moved(solid: Solid) -> Files:
    """Rotated, scaled and moved by two nodes, one a matrix; the stored mesh is the inverse."""
    size = float(np.abs(solid[0]).max())  # far smaller solids would be lost in 32 bits
    outer = np.array([[0, 0, 2, 1.5], [0, 3, 0, -2], [-1, 0, 0, 4], [0, 0, 0, 1.0]])
    outer[:3, 3] *= size
    inner = np.diag([0.5, 2, 1, 1.0])
    inner[:3, 3] = size * np.array([3, -1, 2])
    vertices = np.linalg.inv(outer @ inner) @ np.column_stack([solid[0], np.ones(len(solid[0]))]).T
    document = simple(solid, vertices[:3].T)
    document.node(children=[1], matrix=outer.T.ravel().tolist())
    document.node(mesh=0, translation=inner[:3, 3].tolist(), scale=[0.5, 2, 1])
    return document.glb()


def glb_mirrored(solid: Solid) -> Files:
    """Mirrored by its node: the stored faces are turned, the shown ones are not."""
    document = simple((solid[0], [face[::-1] for face in solid[1]]), solid[0] * [-1, 1, 1])
    document.node(mesh=0, scale=[-1, 1, 1])
    return document.glb()


def glb_rotated(solid: Solid) -> Files:
    half = np.sqrt(0.5)
    document = simple(solid, solid[0] @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]]).T)
    document.node(mesh=0, rotation=[half, 0, 0, half])
    return document.glb()


def glb_interleaved(solid: Solid) -> Files:
    """Positions, normals and texture coordinates of a vertex side by side; indices of one byte."""
    count = len(solid[0])
    rows = np.zeros((count, 8), "<f4")
    rows[:, :3] = solid[0]
    document = Document()
    view = document.view(rows.tobytes(), byteStride=32)
    for at, kind in ((0, "VEC3"), (12, "VEC3"), (24, "VEC2")):
        document.json["accessors"].append(
            {"bufferView": view, "byteOffset": at, "componentType": 5126, "count": count,
             "type": kind}
        )  # fmt: skip
    kind = "u1" if count < 256 else "<u2"
    indices = document.accessor(triangles(solid).astype(kind).ravel())
    document.mesh(0, indices, NORMAL=1, TEXCOORD_0=2)
    document.node(mesh=0)
    return document.glb()


def glb_sparse(solid: Solid) -> Files:
    """All positions but the first come from a sparse accessor over zeros."""
    document = Document()
    rows = np.arange(len(solid[0])).astype("<u2")
    values = document.view(solid[0].astype("<f4").tobytes())
    document.json["accessors"].append(
        {"componentType": 5126, "count": len(rows), "type": "VEC3",
         "sparse": {"count": len(rows),
                    "indices": {"bufferView": document.view(rows.tobytes()), "componentType": 5123},
                    "values": {"bufferView": values}}}
    )  # fmt: skip
    document.mesh(0, document.accessor(triangles(solid).astype("<u4").ravel()))
    document.node(mesh=0)
    return document.glb()


def glb_without_indices(solid: Solid) -> Files:
    document = Document()
    document.mesh(document.accessor(solid[0][triangles(solid)].reshape(-1, 3).astype("<f4")))
    document.node(mesh=0)
    return document.glb()


def glb_of_fans(solid: Solid) -> Files:
    """A fan for each polygon (only for convex ones), or a strip for each triangle."""
    document = Document()
    position = document.accessor(solid[0].astype("<f4"))
    primitives = []
    for face in solid[1]:
        indices = document.accessor(np.array(face, "<u2"))
        mode = 6 if len(face) > 3 else 5
        primitives.append({"attributes": {"POSITION": position}, "indices": indices, "mode": mode})
    document.json["meshes"].append({"primitives": primitives})
    document.node(mesh=0)
    return document.glb()


def glb_instanced(solid: Solid) -> Files:
    """Moved by one instance of EXT_mesh_gpu_instancing."""
    by = np.float32(np.ptp(solid[0]))
    document = simple(solid, solid[0] - [by, 0, 0])
    shift = document.accessor(np.array([[by, 0, 0]], "<f4"))
    extension = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": shift}}}
    document.node(mesh=0, extensions=extension)
    document.json["extensionsRequired"] = ["EXT_mesh_gpu_instancing"]
    return document.glb()


def glb_skinned(solid: Solid) -> Files:
    """Stored to the side; the only joint moves it back, and the node's own move has no effect."""
    by = float(np.float32(np.ptp(solid[0])))
    document = simple(solid, solid[0] + [by, 0, 0])
    count = len(solid[0])
    shares = np.zeros((count, 4), "<f4")
    shares[:, 0] = 1
    joints = document.accessor(np.zeros((count, 4), "u1"))
    inverse = np.eye(4)
    inverse[:3, 3] = (-3 * by, 0, 0)
    primitive = document.json["meshes"][0]["primitives"][0]
    primitive["attributes"] |= {"JOINTS_0": joints, "WEIGHTS_0": document.accessor(shares)}
    bind = document.accessor(inverse.T.reshape(1, 16).astype("<f4"))
    document.json["skins"] = [{"joints": [1], "inverseBindMatrices": bind}]
    document.json["scenes"] = [{"nodes": [0, 1]}]
    document.node(mesh=0, skin=0, translation=[100, 0, 0])
    document.node(translation=[2 * by, 0, 0])
    return document.glb()


def glb_morphed(solid: Solid) -> Files:
    by = float(np.float32(np.ptp(solid[0])))
    document = simple(solid, solid[0] - [0, by, 0])
    target = document.accessor(np.tile(np.array([0, 2 * by, 0], "<f4"), (len(solid[0]), 1)))
    document.json["meshes"][0]["primitives"][0]["targets"] = [{"POSITION": target}]
    document.json["meshes"][0]["weights"] = [0.5]
    document.node(mesh=0)
    return document.glb()


FLAT = (
    obj_plain, obj_relative, obj_with_normals, obj_with_colours_and_old_letters, obj_continued,
    obj_faces_first, obj_textured, off_plain, off_on_one_line, off_coloured, ply_ascii, ply_little,
    ply_big,
)  # fmt: skip
TRIANGLES = (
    stl_text, stl_binary, stl_coloured, ply_strips, glb_plain, gltf_embedded, gltf_beside,
    glb_moved, glb_mirrored, glb_rotated, glb_interleaved, glb_sparse, glb_without_indices,
    glb_of_fans, glb_instanced, glb_skinned, glb_morphed,
)  # fmt: skip
