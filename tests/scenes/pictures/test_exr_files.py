import struct
import subprocess
import sys

import numpy as np
import OpenEXR
import pytest

from scenes.base.errors import InputError
from scenes.pictures.files import read_picture, read_picture_file
from scenes.pictures.primaries import KNOWN
from tests.paths import DATA, ROOT
from tests.scenes.pictures.hand_made import attribute, raw_exr, write_exr, write_parts

PICTURES = DATA / "pictures"
RGB_OF_FLOATS = [("B", 2, 1), ("G", 2, 1), ("R", 2, 1)]


def flat(*values, shape=(4, 8)):
    """R, G, B (and A) planes of one value each."""
    return {name: np.full(shape, value) for name, value in zip("RGBA", values, strict=False)}


def test_the_colour_part_is_read_where_normals_come_first():
    read = read_picture_file(PICTURES / "multipart_normals_first.exr")
    np.testing.assert_allclose(read.picture.pixels[0, 0], [0.1, 0.1, 0.6], rtol=1e-6)
    assert read.notes == ("read 'beauty'; left out N, albedo",)


def test_parts_that_might_all_be_the_picture_are_refused(tmp_path):
    write_parts(tmp_path / "p.exr", {"diffuse": flat(1, 1, 1), "specular": flat(2, 2, 2)})
    with pytest.raises(InputError, match=r"holds more than one picture: diffuse, specular; save"):
        read_picture(tmp_path / "p.exr")


def test_views_are_refused(tmp_path):
    write_parts(
        tmp_path / "p.exr",
        {
            "rgba_l": (flat(1, 1, 1), {"view": "left"}),
            "rgba": (flat(2, 2, 2), {"view": "right"}),
        },
    )
    with pytest.raises(InputError, match="holds more than one picture: rgba_l, rgba"):
        read_picture(tmp_path / "p.exr")
    channels = flat(1, 1, 1) | {f"right.{name}": np.ones((4, 8)) for name in "RGB"}
    write_exr(tmp_path / "s.exr", channels, multiView=["left", "right"])
    with pytest.raises(InputError, match="holds more than one picture: without a name, right"):
        read_picture(tmp_path / "s.exr")


def test_a_part_that_is_cut_off_is_not_taken_for_absent(tmp_path):
    noise = {name: np.random.default_rng(1).random((40, 80)) for name in "RGB"}
    write_parts(tmp_path / "p.exr", {"beauty": flat(1, 1, 1, shape=(40, 80)), "albedo": noise})
    data = (tmp_path / "p.exr").read_bytes()
    (tmp_path / "p.exr").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="its pixels are broken, or cut short"):
        read_picture(tmp_path / "p.exr")


def test_a_broken_file_is_refused_in_one_line(tmp_path):
    write_exr(tmp_path / "cut.exr", {"Y": np.random.default_rng(1).random((99, 99))})
    (tmp_path / "cut.exr").write_bytes((tmp_path / "cut.exr").read_bytes()[:9000])
    script = (
        "import sys; from pathlib import Path; from scenes.pictures.files import read_picture\n"
    )
    script += "try: read_picture(Path(sys.argv[1]))\nexcept Exception as e: print(e)"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "cut.exr")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.count("\n") == 1
    assert "cut.exr: cannot be read as EXR" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("order", [OpenEXR.INCREASING_Y, OpenEXR.DECREASING_Y])
@pytest.mark.parametrize("kind", [OpenEXR.scanlineimage, OpenEXR.tiledimage])
def test_storage_does_not_change_the_picture(tmp_path, rng, dtype, order, kind):
    values = rng.random((5, 9, 3)).astype(dtype)
    header = {"tiles": OpenEXR.TileDescription()} if kind == OpenEXR.tiledimage else {}
    planes = {name: values[:, :, i].copy() for i, name in enumerate("RGB")}
    write_exr(tmp_path / "p.exr", planes, type=kind, lineOrder=order, **header)
    read = read_picture_file(tmp_path / "p.exr")
    np.testing.assert_array_equal(read.picture.pixels, values)
    assert read.notes == ()


@pytest.mark.parametrize("mode", [1, 2])
def test_of_a_mip_map_the_full_level_is_read(tmp_path, mode):
    sizes = [(0, 4), (1, 2), (2, 1)]
    levels = [(a, a) for a in sizes] if mode == 1 else [(x, y) for y in sizes for x in sizes]
    tiles = []
    for (x, width), (y, height) in levels:
        body = np.full(3 * width * height, 1 + x + y, "<f4").tobytes()
        tiles.append(struct.pack("<5i", 0, 0, x, y, len(body)) + body)
    described = attribute("tiles", "tiledesc", struct.pack("<IIB", 4, 4, mode))
    data = raw_exr(RGB_OF_FLOATS, flags=0x200, tiles=described, chunks=tiles)
    (tmp_path / "p.exr").write_bytes(data)
    np.testing.assert_array_equal(read_picture(tmp_path / "p.exr").pixels, np.ones((4, 4, 3)))


def test_a_texture_that_openimageio_wrote_is_read():
    written = np.random.default_rng(0).lognormal(0, 2, (16, 32, 3)).astype(np.float32)
    found = read_picture_file(PICTURES / "openimageio_mipmap.exr")
    np.testing.assert_array_equal(found.picture.pixels, written)
    assert found.notes == ()


def test_an_orientation_is_turned_upright(tmp_path, rng):
    grey = rng.random((3, 5)).astype(np.float32)
    write_exr(tmp_path / "p.exr", {"Y": grey}, Orientation=6)
    found = read_picture_file(tmp_path / "p.exr")
    np.testing.assert_array_equal(found.picture.pixels[:, :, 0], np.rot90(grey, -1))
    assert found.notes == ("turned as its orientation tag 6 says",)


def window(left, top, right, bottom):
    return np.array([left, top], np.int32), np.array([right, bottom], np.int32)


def test_the_display_window_is_the_picture(tmp_path, rng):
    grey = rng.random((6, 8)).astype(np.float32)
    windows = {"dataWindow": window(-1, -2, 6, 3), "displayWindow": window(0, 0, 3, 1)}
    write_exr(tmp_path / "p.exr", {"Y": grey}, **windows)
    read = read_picture_file(tmp_path / "p.exr")
    np.testing.assert_array_equal(read.picture.pixels[:, :, 0], grey[2:4, 1:5])
    assert read.notes == ("cut from 8 × 6 to its display window, 4 × 2",)


def test_a_window_with_missing_pixels_is_refused(tmp_path):
    windows = {"dataWindow": window(2, 2, 9, 5), "displayWindow": window(0, 0, 15, 7)}
    write_exr(tmp_path / "p.exr", flat(1, 1, 1), **windows)
    with pytest.raises(InputError, match=r"for a part of its frame only \(data window 2 2 to 9 5"):
        read_picture(tmp_path / "p.exr")


def as_attribute(name):
    return tuple(float(each) for pair in KNOWN[name] for each in pair)


def test_white_stays_white_and_grey_stays_grey_from_any_primaries(tmp_path):
    for name in KNOWN:
        write_exr(tmp_path / "p.exr", flat(0.4, 0.4, 0.4), chromaticities=as_attribute(name))
        read = read_picture_file(tmp_path / "p.exr")
        np.testing.assert_allclose(read.picture.pixels, 0.4, rtol=1e-5)
        expected = () if name == "Rec. 709" else (f"converted from {name} to Rec. 709",)
        assert read.notes == expected


def test_acescg_is_converted_by_the_published_matrix(tmp_path):
    # ACEScg to linear Rec. 709 with Bradford (OpenColorIO's ACES configuration).
    published = np.array(
        [
            [1.70505, -0.62179, -0.08326],
            [-0.13026, 1.14080, -0.01055],
            [-0.02400, -0.12897, 1.15297],
        ]
    )
    colour = np.array([0.5, 0.6, 0.7])
    for header in (
        {"chromaticities": as_attribute("ACEScg")},
        {"colorInteropID": "lin_ap1_scene"},
        {"oiio:ColorSpace": "ACEScg"},
    ):
        write_exr(tmp_path / "p.exr", flat(*colour), **header)
        found = read_picture(tmp_path / "p.exr").pixels[0, 0]
        np.testing.assert_allclose(found, published @ colour, atol=2e-4)


def test_colours_that_rec709_lacks_are_refused_or_clipped(tmp_path):
    header = {"chromaticities": as_attribute("ACES2065-1")}
    write_exr(tmp_path / "p.exr", flat(1, 0, 0), **header)
    with pytest.raises(
        InputError, match=r"64 negative .*: colours of ACES2065-1 that Rec\. 709 does"
    ):
        read_picture(tmp_path / "p.exr")
    read = read_picture_file(tmp_path / "p.exr", "clip")
    assert read.repaired == 64
    assert read.notes[0] == "64 values that were negative or not finite were clipped"


def test_infinite_radiance_stays_infinite_in_a_conversion(tmp_path):
    planes = flat(0.5, 0.5, 0.5)
    planes["R"][0, 0] = np.inf
    write_exr(tmp_path / "p.exr", planes, chromaticities=as_attribute("ACEScg"))
    with pytest.raises(InputError, match="of 96 values 1 not finite"):
        read_picture(tmp_path / "p.exr")


def test_an_adopted_neutral_becomes_white(tmp_path):
    neutral = np.array([0.35, 0.36], np.float32)
    x, y = neutral.astype(float)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    colour = np.linalg.solve(to_xyz, [x / y, 1, (1 - x - y) / y])
    write_exr(tmp_path / "p.exr", flat(*colour), adoptedNeutral=neutral)
    np.testing.assert_allclose(read_picture(tmp_path / "p.exr").pixels, 1, atol=2e-3)


@pytest.mark.parametrize(
    ("channels", "header", "message"),
    [
        ({"Z": np.ones((2, 2))}, {}, "has the channels Z; use R, G and B, or one channel"),
        ({"A": np.ones((2, 2))}, {}, "has the channels A; use"),
        ({f"N.{each}": np.ones((2, 2)) for each in "XYZ"}, {}, r"channels N\.X, N\.Y, N\.Z; use"),
        ({each: np.ones((2, 2)) for each in "XYZ"}, {}, "has the channels X, Y, Z; use"),
        (flat(1, 1, 1), {"name": "normals"}, "channels B, G, R in 'normals'; use"),
        (flat(1, 1, 1), {"envmap": OpenEXR.ENVMAP_CUBE}, "is a cube map; convert it to latitude"),
        (flat(1, 1, 1), {"textureformat": "CubeFace Environment"}, "is a cube map; convert it"),
        (flat(1, 1, 1, 0.5), {}, "its alpha is not 1 in 32 of 32 pixels; flatten it"),
        (flat(1, 1, 1, np.nan), {}, "its alpha is not 1 in 32 of 32 pixels; flatten it"),
        (
            {each: np.ones((2, 2), np.uint32) for each in "RGB"},
            {},
            "channel R holds whole numbers; save it as half or float",
        ),
        (flat(1, 1, 1), {"colorInteropID": "srgb_rec709_scene"}, "encoded colours .'srgb_rec709_"),
        (
            flat(1, 1, 1),
            {"colorInteropID": "lin_ciexyzd65_scene"},
            r"'lin_ciexyzd65_scene' \(colorInt",
        ),
        (flat(1, 1, 1), {"oiio:ColorSpace": "sRGB"}, r"colours of 'sRGB' \(oiio:ColorSpace\)"),
        (flat(1, 1, 1), {"chromaticities": (0.3,) * 8}, "are no colour space; save it with Rec"),
    ],
)
def test_a_file_without_a_picture_is_refused(tmp_path, channels, header, message):
    write_exr(tmp_path / "p.exr", channels, **header)
    with pytest.raises(InputError, match=rf"p\.exr: .*{message}"):
        read_picture(tmp_path / "p.exr")


@pytest.mark.parametrize(
    ("header", "note"),
    [
        ({"whiteLuminance": 100.0}, "its whiteLuminance 100 is not applied"),
        ({"pixelAspectRatio": 2.0}, "its pixels are not square (2 times as wide as high)"),
    ],
)
def test_data_that_do_not_change_the_picture_are_noted(tmp_path, header, note):
    write_exr(tmp_path / "p.exr", flat(1, 1, 1), **header)
    read = read_picture_file(tmp_path / "p.exr")
    assert (read.picture.pixels == 1).all()
    assert read.notes[0].startswith(note)


@pytest.mark.parametrize("value", ["data", "unknown", "lin_rec709_scene"])
def test_a_colour_space_that_changes_nothing_is_read(tmp_path, value):
    write_exr(tmp_path / "p.exr", flat(0.1, 0.2, 0.3), colorInteropID=value)
    found = read_picture(tmp_path / "p.exr").pixels[0, 0]
    np.testing.assert_allclose(found, [0.1, 0.2, 0.3], rtol=1e-6)


@pytest.mark.parametrize("attribute", ["colorInteropID", "oiio:ColorSpace"])
@pytest.mark.parametrize(
    ("value", "gamut"),
    [("Linear Rec.709 (sRGB)", "Rec. 709"), ("ACES - ACEScg", "ACEScg"), ("lin_ap0", "ACES2065-1")],
)
def test_both_names_of_a_colour_space_are_looked_up_in_one_table(tmp_path, attribute, value, gamut):
    found = []
    for header in ({attribute: value}, {"chromaticities": as_attribute(gamut)}):
        write_exr(tmp_path / "p.exr", flat(0.5, 0.6, 0.7), **header)
        found.append(read_picture_file(tmp_path / "p.exr"))
    assert found[0].notes == found[1].notes
    np.testing.assert_allclose(found[0].picture.pixels, found[1].picture.pixels, rtol=1e-5)


def scanline(number, *values):
    body = b"".join(np.asarray(each, "<f4").tobytes() for each in values)
    return struct.pack("<ii", number, len(body)) + body


def deep_line(number):
    counts = np.arange(1, 5, dtype="<i4").tobytes()
    samples = np.ones(12, "<f4").tobytes()
    sizes = struct.pack("<iqqq", number, len(counts), len(samples), len(samples))
    return sizes + counts + samples


def test_other_storage_is_refused_by_name(tmp_path):
    half = [[0, 0], []]
    chroma = [scanline(y, half[y % 2], half[y % 2], [1] * 4) for y in range(4)]
    colour = [scanline(y, half[y % 2], [1] * 4, [1] * 4) for y in range(4)]
    deep = attribute("type", "string", b"deepscanline")
    deep += attribute("version", "int", struct.pack("<i", 1))
    deep += attribute("chunkCount", "int", struct.pack("<i", 4))
    table = [
        (raw_exr([("BY", 2, 2), ("RY", 2, 2), ("Y", 2, 1)], chunks=chroma), "luminance and chroma"),
        (raw_exr([("B", 2, 2), *RGB_OF_FLOATS[1:]], chunks=colour), "B is stored at a lower res"),
        (
            raw_exr(RGB_OF_FLOATS, flags=0x800, extra=deep, chunks=[*map(deep_line, range(4))]),
            "holds deep data, many samples a pixel; flatten it",
        ),
        (raw_exr([("Y", 2, 1)], window=(0, 0, 99999, 99999)), "has 100000 × 100000 pixels; at mo"),
        (raw_exr([("Y", 2, 1)], window=(0, 0, -1, 3)), "cannot be read as EXR"),
    ]
    for data, message in table:
        (tmp_path / "p.exr").write_bytes(data)
        with pytest.raises(InputError, match=message):
            read_picture(tmp_path / "p.exr")
