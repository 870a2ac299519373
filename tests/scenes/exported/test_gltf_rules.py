"""The rules of glTF find files that break them."""

import json
import struct

import numpy as np
import pytest

from scenes.exported.glb import Glb
from tests.scenes.exported.gltf_rules import check

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)


def triangle(corners=CORNERS, normals=CORNERS * 0 + [0, 0, 1], faces=((0, 1, 2),), **more):
    """Return the bytes of a file with one triangle."""
    glb = Glb("test")
    attributes = {"POSITION": glb.vertices(corners, bounds=True), "NORMAL": glb.vertices(normals)}
    part = {"attributes": attributes, "indices": glb.indices(np.array(faces)), "material": 0}
    glb.add("materials", {"name": "m", "pbrMetallicRoughness": {}, **more})
    mesh = glb.add("meshes", {"primitives": [part]})
    glb.add("scenes", {"nodes": [glb.add("nodes", {"name": "n", "mesh": mesh})]})
    return glb.to_bytes()


def rewritten(data, change):
    """Return a file whose document was changed."""
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    length = len(data) - size + len(text)
    head = struct.pack("<4sIII4s", b"glTF", 2, length, len(text), b"JSON")
    return head + text + data[20 + size :]


def test_a_triangle_follows_the_rules():
    check(triangle())
    check(rewritten(triangle(), dict.copy))


@pytest.mark.parametrize(
    "data",
    [
        triangle(normals=CORNERS * 0 + [0, 0, 2]),
        triangle(faces=((0, 1, 3),)),
        triangle(emissiveFactor=[2, 0, 0]),
        triangle(extensions={"KHR_materials_ior": {"ior": 1.3}}),  # not in extensionsUsed
        rewritten(triangle(), lambda document: document["accessors"][0].update(max=[2, 1, 0])),
        rewritten(triangle(), lambda document: document["accessors"][0].pop("min")),
        rewritten(triangle(), lambda document: document["accessors"][0].update(count=2)),
        rewritten(triangle(), lambda document: document["bufferViews"][1].update(byteOffset=38)),
        rewritten(triangle(), lambda document: document["bufferViews"][1].pop("target")),
        rewritten(triangle(), lambda document: document["nodes"][0].update(mesh=1)),
        rewritten(triangle(), lambda document: document.update(cameras=[])),
        rewritten(triangle(), lambda document: document["nodes"][0].update(rotation=[0, 0, 0, 2])),
        triangle()[:-4],
        triangle() + b"\0\0\0\0",
    ],
)
def test_a_broken_file_is_found(data):
    with pytest.raises(AssertionError):  # noqa: PT011  each breaks another rule
        check(data)


def test_numbers_that_are_not_finite_are_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        triangle(corners=CORNERS * np.float32(np.nan))
