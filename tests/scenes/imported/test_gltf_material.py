"""Materials and textures of glTF files."""

import base64

import numpy as np
import pytest

from scenes.base.errors import InputError
from scenes.film import srgb_decode
from scenes.imported.import_scene import import_scene
from scenes.material import Material
from tests.scenes.imported.gltf_files import CORNERS, Gltf, png

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (4, 4, 3))
COLOR = {"index": 0}


def triangle(material, **keys):
    """Return a document of one triangle with texture coordinates."""
    gltf = Gltf(nodes=[{"mesh": 0, "name": "thing"}], materials=[{"name": "stuff", **material}])
    gltf.document |= keys
    gltf.mesh(gltf.primitive(material=0, TEXCOORD_0=CORNERS, TEXCOORD_1=CORNERS * 2))
    return gltf


def textured(material, *pictures):
    """Return a document with pictures in its buffer, one texture for each."""
    count = len(pictures)
    gltf = triangle(material, textures=[{"source": number} for number in range(count)])
    views = [gltf.view(each) for each in pictures]
    gltf.document["images"] = [{"bufferView": view, "mimeType": "image/png"} for view in views]
    return gltf


def imported(gltf, tmp_path, name="scene.glb"):
    return import_scene(gltf.write(tmp_path / name), tmp_path / "out")


def test_factors_are_those_of_the_file(tmp_path):
    rough = {"baseColorFactor": [0.8, 0.2, 0.1, 0.5], "roughnessFactor": 0.3, "metallicFactor": 0.4}
    extensions = {
        "KHR_materials_clearcoat": {"clearcoatFactor": 0.7, "clearcoatRoughnessFactor": 0.2},
        "KHR_materials_transmission": {"transmissionFactor": 0.6},
        "KHR_materials_ior": {"ior": 1.33},
        "KHR_materials_sheen": {"sheenColorFactor": [0.3, 0.3, 0.3]},
    }
    result = imported(triangle({"pbrMetallicRoughness": rough, "extensions": extensions}), tmp_path)
    material = result.scene.material
    # α is the square of the roughness; it is 0.1 at gloss 0, and 0.001 at gloss 1.
    assert material.clearcoat_gloss == pytest.approx((0.1 - 0.04) / 0.099)
    assert material.model_copy(update={"clearcoat_gloss": 0.0}) == Material(
        base_color=(0.8, 0.2, 0.1),
        roughness=0.3,
        metallic=0.4,
        clearcoat=0.7,
        spec_trans=0.6,
        eta=1.33,
        sheen=0.3,
    )
    assert result.not_imported == ()


def test_defaults_are_those_of_the_specification(tmp_path):
    material = imported(triangle({}), tmp_path).scene.material
    assert material == Material(base_color=(1, 1, 1), roughness=1, metallic=1)


def test_textures_are_multiplied_by_factors(tmp_path):
    """Colour is decoded from sRGB; roughness is in the green, metallic in the blue channel."""
    rough = {
        "baseColorFactor": [0.5, 1, 0.25, 1],
        "baseColorTexture": {"index": 0},
        "metallicRoughnessTexture": {"index": 1},
        "roughnessFactor": 0.5,
        "metallicFactor": 0.75,
    }
    other = RNG.integers(0, 256, (2, 3, 3))
    gltf = textured({"pbrMetallicRoughness": rough}, png(PIXELS), png(other))
    scene = imported(gltf, tmp_path).scene
    material = scene.material
    expected = srgb_decode(PIXELS / 255) * [0.5, 1, 0.25]
    np.testing.assert_allclose(material.base_color.pixels, expected, atol=1e-6)
    np.testing.assert_allclose(material.roughness.pixels[..., 0], other[..., 1] / 510, atol=1e-6)
    np.testing.assert_allclose(material.metallic.pixels[..., 0], other[..., 2] / 340, atol=1e-6)
    np.testing.assert_allclose(scene.shape.surface.uvs, CORNERS)


def test_the_transform_of_a_texture_is_baked_into_its_coordinates(tmp_path):
    transform = {"KHR_texture_transform": {"offset": [0.5, 0.25], "scale": [2, 3], "texCoord": 1}}
    rough = {"baseColorTexture": {"index": 0, "extensions": transform}}
    result = imported(textured({"pbrMetallicRoughness": rough}, png(PIXELS)), tmp_path)
    expected = CORNERS * 2 * [2, 3] + [0.5, 0.25]
    np.testing.assert_allclose(result.scene.shape.surface.uvs, expected)


def test_alpha_of_an_opaque_material_is_ignored(tmp_path):
    """Its colours are kept where it is transparent, as the specification requires."""
    pixels = np.dstack([PIXELS, np.zeros((4, 4))])
    rough = {"baseColorTexture": COLOR}
    result = imported(textured({"pbrMetallicRoughness": rough}, png(pixels)), tmp_path)
    pixels = result.scene.material.base_color.pixels
    np.testing.assert_allclose(pixels, srgb_decode(PIXELS / 255), atol=1e-6)
    assert result.not_imported == ()


@pytest.mark.parametrize("where", ["beside", "in a folder", "data"])
def test_pictures_are_read_from_files_and_data(tmp_path, where):
    rough = {"baseColorTexture": COLOR}
    gltf = triangle({"pbrMetallicRoughness": rough}, textures=[{"source": 0}])
    uri = {"beside": "a%20b.png", "in a folder": "maps/c.png"}.get(where)
    if uri is None:
        uri = "data:image/png;base64," + base64.b64encode(png(PIXELS)).decode()
    else:
        path = tmp_path / uri.replace("%20", " ")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png(PIXELS))
    gltf.document["images"] = [{"uri": uri}]
    material = imported(gltf, tmp_path, "scene.gltf").scene.material
    np.testing.assert_allclose(material.base_color.pixels, srgb_decode(PIXELS / 255), atol=1e-6)


def test_equal_textures_of_two_objects_are_written_once(tmp_path):
    gltf = textured({"pbrMetallicRoughness": {"baseColorTexture": COLOR}}, png(PIXELS))
    gltf.document["nodes"].append({"mesh": 0, "name": "other", "translation": [2, 0, 0]})
    result = imported(gltf, tmp_path)
    assert len(result.scene.objects) == 2
    assert len(list((tmp_path / "out").glob("*.exr"))) == 1


def test_other_properties_are_listed(tmp_path):
    material = {
        "normalTexture": COLOR,
        "occlusionTexture": COLOR,
        "emissiveFactor": [1, 0, 0],
        "alphaMode": "BLEND",
        "doubleSided": True,
        "pbrMetallicRoughness": {
            "baseColorTexture": COLOR,
            "metallicRoughnessTexture": {"index": 0, "texCoord": 1},
        },
        "extensions": {
            "KHR_materials_iridescence": {},
            "KHR_materials_clearcoat": {"clearcoatTexture": COLOR},
            "KHR_materials_sheen": {"sheenColorFactor": [1, 0, 0], "sheenRoughnessFactor": 0.5},
            "KHR_materials_ior": {"ior": 9},
        },
    }
    result = imported(textured(material, png(PIXELS)), tmp_path)
    assert set(result.not_imported) == {
        "normalTexture of material 'stuff'",
        "occlusionTexture of material 'stuff'",
        "emission of material 'stuff'",
        "transparency (alphaMode BLEND) of material 'stuff'",
        "the texture of roughness and metallic of material 'stuff': its coordinates differ from "
        "those of the base colour",
        "KHR_materials_iridescence of material 'stuff'",
        "clearcoatTexture of material 'stuff'",
        "the hue of the sheen of material 'stuff'",
        "sheenRoughnessFactor of material 'stuff'",
        "the ior 9 of material 'stuff': 4 is used",
        "object 'thing': its two sides; the back sides of 1 faces are black",
    }


def test_a_texture_of_another_kind_is_listed(tmp_path):
    gltf = triangle(
        {"pbrMetallicRoughness": {"baseColorTexture": COLOR}},
        textures=[{"extensions": {"KHR_texture_basisu": {"source": 0}}}],
    )
    result = imported(gltf, tmp_path)
    assert result.not_imported == (
        "the texture of base colour of material 'stuff' (KHR_texture_basisu)",
    )
    assert result.scene.material.base_color == (1, 1, 1)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"uri": "lost.png"}, "lost.png: no such texture; put it there"),
        ({"uri": "../lost.png"}, "'../lost.png' does not name a file below"),
        ({"uri": "http://x/y.png"}, "image 0 is at 'http://x/y.png'; save it beside the file"),
        ({"uri": "data:image/png;base64,AAAA"}, "image 0: is not a picture of a known kind"),
        ({"bufferView": 0, "name": "sky"}, "image 0 ('sky'): has 65536 × 65536 pixels; at most"),
        ({"bufferView": 1}, "image 0: cannot be read as PNG"),
    ],
    ids=["missing", "outside", "web", "not a picture", "large", "cut"],
)
def test_a_texture_that_cannot_be_read_is_refused(tmp_path, image, message):
    gltf = Gltf(
        nodes=[{"mesh": 0}],
        materials=[{"pbrMetallicRoughness": {"baseColorTexture": COLOR}}],
        textures=[{"source": 0}],
        images=[image],
    )
    gltf.view(png(PIXELS, 65536, 65536))
    gltf.view(png(PIXELS)[:-20])
    gltf.mesh(gltf.primitive(material=0, TEXCOORD_0=CORNERS))
    with pytest.raises(InputError, match=r"scene\.gltf: .*material 0") as refused:
        imported(gltf, tmp_path, "scene.gltf")
    assert message in str(refused.value)
    assert "/tmp" not in str(refused.value).replace(str(tmp_path), "")
    assert not (tmp_path / "out").exists()
