"""glTF files with values changed at random: a scene or an `InputError`, and nothing else."""

import copy
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scenes.base.errors import InputError
from scenes.imported.import_scene import import_scene
from tests.scenes.imported.gltf_files import CORNERS, TRIANGLE, Gltf, png

LIGHTS = "KHR_lights_punctual"
VALUES = st.sampled_from(
    [None, True, -1, 0, 1, 5126, 1e300, -0.5, "", "x", "../x", [], [0], {}, {"x": 1}, 10**12]
)  # fmt: skip


def whole():
    """Return a document with one of everything that is read."""
    texture = {
        "index": 0,
        "texCoord": 0,
        "extensions": {"KHR_texture_transform": {"scale": [2, 2]}},
    }
    gltf = Gltf(
        scene=0,
        scenes=[{"nodes": [0, 1, 2]}],
        nodes=[
            {"mesh": 0, "name": "thing", "rotation": [0, 0, 0, 1], "scale": [1, 2, 1]},
            {"camera": 0, "name": "eye", "translation": [0, 0, 9]},
            {"name": "lamp", "extensions": {LIGHTS: {"light": 0}}, "translation": [0, 0, 4]},
        ],
        cameras=[{"type": "perspective", "perspective": {"yfov": 0.6, "aspectRatio": 1.5}}],
        extensions={
            LIGHTS: {
                "lights": [
                    {
                        "type": "spot",
                        "color": [1, 1, 1],
                        "intensity": 5,
                        "range": 4,
                        "spot": {"innerConeAngle": 0.1, "outerConeAngle": 0.4},
                    }
                ]
            }
        },
        extensionsUsed=[LIGHTS],
        materials=[
            {
                "name": "stuff",
                "doubleSided": True,
                "emissiveFactor": [0, 0, 0],
                "alphaMode": "OPAQUE",
                "pbrMetallicRoughness": {
                    "baseColorFactor": [1, 1, 1, 1],
                    "roughnessFactor": 0.5,
                    "baseColorTexture": texture,
                    "metallicRoughnessTexture": copy.deepcopy(texture),
                },
                "extensions": {
                    "KHR_materials_ior": {"ior": 1.4},
                    "KHR_materials_clearcoat": {"clearcoatFactor": 0.5},
                    "KHR_materials_sheen": {"sheenColorFactor": [0.1, 0.1, 0.1]},
                },
            }
        ],
        textures=[{"source": 0, "sampler": 0}],
        samplers=[{"wrapS": 10497}],
    )
    normals = np.tile([[0.0, 0, 1]], (3, 1))
    gltf.mesh(gltf.primitive(TRIANGLE, [0, 1, 2], 0, TEXCOORD_0=CORNERS, NORMAL=normals))
    picture = png(np.full((2, 2, 3), 128))
    gltf.document["images"] = [{"bufferView": gltf.view(picture), "mimeType": "image/png"}]
    return gltf


def places(value, path=()):
    """Yield the path of every value in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        yield (*path, key)
        if isinstance(each, dict | list):
            yield from places(each, (*path, key))


WHOLE = whole()
PLACES = list(places(WHOLE.document))


def test_the_whole_file_is_imported(tmp_path):
    result = import_scene(WHOLE.write(tmp_path / "whole.glb"), tmp_path / "out")
    assert list(result.scene.lamps) == ["lamp"]
    assert result.scene.cameras.kind == "placed"
    assert result.not_imported == ("light 'lamp': its range, 4",)


@given(data=st.data())
def test_a_changed_document_is_imported_or_refused(data):
    gltf = copy.deepcopy(WHOLE)
    for path in data.draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=2)):
        at = gltf.document
        try:
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = data.draw(VALUES)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # an earlier change has removed this place
    with tempfile.TemporaryDirectory() as folder:
        path = gltf.write(Path(folder) / "changed.glb")
        try:
            import_scene(path, Path(folder) / "out")
        except InputError as refused:
            message = str(refused)
        else:
            message = f"{path}: imported"
        assert message.startswith(str(folder))
        assert (Path(folder) / "out").exists() == message.endswith(": imported")
