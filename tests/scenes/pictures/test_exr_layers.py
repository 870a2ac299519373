import pytest

from scenes.base.errors import InputError
from scenes.pictures.exr_layers import Part, left_out, picture_layer

RGB = ("B", "G", "R")


def layered(*prefixes):
    return tuple(f"{prefix}.{each}" for prefix in prefixes for each in RGB)


@pytest.mark.parametrize(
    ("parts", "channels", "note"),
    [
        ([Part("", RGB)], ("R", "G", "B"), None),
        ([Part("", (*RGB, "A"))], ("R", "G", "B"), None),
        ([Part("", (*RGB, "A", "Z"))], ("R", "G", "B"), "read R, G, B; left out Z"),
        ([Part("scene", (*RGB, "N.X", "N.Y", "N.Z"))], ("R", "G", "B"), "read 'scene'; left"),
        ([Part("", (*RGB, *layered("diffuse")))], ("R", "G", "B"), "read R, G, B; left out dif"),
        ([Part("", layered("diffuse"))], ("diffuse.R", "diffuse.G", "diffuse.B"), None),
        (
            [Part("", layered("ViewLayer.Combined", "ViewLayer.DiffCol"))],
            tuple(f"ViewLayer.Combined.{each}" for each in "RGB"),
            "read 'ViewLayer.Combined'; left out",
        ),
        (
            [Part("", (*layered("albedo", "Normal"), "ViewLayer.Depth.Z"))],
            ("albedo.R", "albedo.G", "albedo.B"),
            "read 'albedo'",
        ),
        ([Part("", ("a.red", "a.green", "a.blue"))], ("a.red", "a.green", "a.blue"), None),
        ([Part("zDepth", RGB), Part("rgba", RGB)], ("R", "G", "B"), "read 'rgba'; left out zDe"),
        ([Part("VRayNormals", RGB), Part("foo", RGB)], ("R", "G", "B"), "read 'foo'"),
        ([Part("deep", RGB, is_deep=True), Part("flat", RGB)], ("R", "G", "B"), "read 'flat'"),
        (
            [Part("", layered("Composite.Combined", "ViewLayer.Combined", "ViewLayer.DiffCol"))],
            tuple(f"Composite.Combined.{each}" for each in "RGB"),
            "read 'Composite.Combined'; left out",
        ),
        (
            [Part("ViewLayer.Combined", RGB), Part("Composite.Combined", RGB)],
            ("R", "G", "B"),
            "read 'Composite.Combined'; left out ViewLayer.Combined",
        ),
        (
            [Part("", layered("Composite", "specular"))],
            tuple(f"Composite.{each}" for each in "RGB"),
            "read 'Composite'; left out",
        ),
        ([Part("", ("Y",))], ("Y",), None),
        ([Part("", ("Y", "Z"))], ("Y",), "read Y; left out Z"),
        ([Part("", ("V",))], ("V",), None),
        ([Part("", ("roughness",))], ("roughness",), None),
        ([Part("N", RGB), Part("roughness", ("Y",))], ("Y",), "read 'roughness'; left out N"),
    ],
)
def test_the_picture_is_chosen(parts, channels, note):
    chosen = picture_layer(parts)
    assert chosen.channels == channels
    found = left_out(parts, chosen)
    assert found == () if note is None else found[0].startswith(note)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([Part("a", RGB), Part("b", RGB)], "more than one picture: a, b; save the one"),
        ([Part("rgba", RGB), Part("beauty", RGB)], "more than one picture: rgba, beauty"),
        ([Part("", layered("a", "b"))], r"more than one picture: a, b"),
        ([Part("", layered("A.Combined", "B.Combined"))], "picture: A.Combined, B.Combined"),
        (
            [
                Part("Composite.Combined", RGB, view="left"),
                Part("ViewLayer.Combined", RGB, view="right"),
            ],
            "more than one picture: Composite.Combined, ViewLayer.Combined",
        ),
        ([Part("", ("a.Y", "b.Y"))], r"more than one picture: a, b"),
        ([Part("N", RGB)], "has the channels B, G, R in 'N'; use R, G and B"),
        ([Part("", ("U", "V"))], "has the channels U, V; use"),
        ([Part("", ("X", "Y"))], "has the channels X, Y; use"),
        ([Part("", ("X", "Y", "Z"))], "has the channels X, Y, Z; use"),
        ([Part("", ("depth",))], "has the channels depth; use"),
        ([Part("", ("R", "G"))], "has the channels G, R; use"),
        ([Part("", ("Y", "RY", "BY"))], "holds luminance and chroma"),
        ([Part("", RGB, is_deep=True)], "holds deep data"),
        (
            [Part("", (*RGB, *layered("right")), views=("left", "right"))],
            "more than one picture: without a name, right",
        ),
    ],
)
def test_a_file_without_exactly_one_picture_is_refused(parts, message):
    with pytest.raises(InputError, match=message):
        picture_layer(parts)


@pytest.mark.parametrize(
    "name",
    [
        *("N", "P", "Pref", "Position", "WorldPos", "worldpos", "worldposition", "pointPosition"),
        *("normals", "worldNormal", "bumpnormal", "normalsPass", "NORMAL01", "VRayNormals"),
        *("motionvector", "motionVector", "MotionVectors", "mvec", "velocity", "tangents"),
        *("uv", "UVMap", "uvpass", "UVW", "STMap", "st_map", "coords", "texcoord0", "uvcoords"),
        *("Z_depth", "zdepth", "zbuffer", "ZPass", "scenedepth", "IndexOB", "objectindex"),
        *("objectId", "idmap", "crypto00", "crypto_object", "CryptoMaterial00", "multimatte"),
    ],
)
def test_data_are_not_read_as_light(name):
    for part in (Part(name, RGB), Part("", layered(name)), Part("", (f"{name}.Y",))):
        with pytest.raises(InputError, match="has the channels"):
            picture_layer([part])


@pytest.mark.parametrize(
    "name",
    [
        *("albedo", "ao", "opacity", "facing_ratio", "ViewLayer.Combined", "diffuse", "mattepaint"),
        *("composition", "emotion", "locomotion", "abnormal", "normalised", "normalized", "map"),
        *("compass", "studio", "stone", "spotlight", "exposure"),
    ],
)
def test_other_names_are_read(name):
    assert picture_layer([Part("", layered(name))]).name == name
