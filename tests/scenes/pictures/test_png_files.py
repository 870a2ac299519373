import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scenes.base.errors import InputError
from scenes.film import srgb_decode
from scenes.pictures.files import read_picture, read_picture_file
from tests.paths import DATA
from tests.scenes.pictures.hand_made import chunk, exif, png
from tests.scenes.pictures.profiles import matrix_profile, power_curve

PICTURES = DATA / "pictures"


def read(folder, data, **options):
    (folder / "p.png").write_bytes(data)
    return read_picture_file(folder / "p.png", **options)


def test_sixteen_bits_are_kept():
    found = read_picture(PICTURES / "rgb16.png", encoding="linear").pixels
    stored = np.rint(found * 65535).astype(int)
    assert stored[0, :8, 0].tolist() == list(range(100, 108))
    assert stored[5, 7].tolist() == [107, 200, 30000]
    assert len(np.unique(read_picture(PICTURES / "rgb16.png").pixels[..., 0])) == 32


@given(
    seed=st.integers(0, 2**31),
    channels=st.sampled_from([1, 2, 3, 4]),
    bits=st.sampled_from([8, 16]),
    shape=st.tuples(st.integers(1, 17), st.integers(1, 17)),
    interlaced=st.booleans(),
)
def test_every_sample_is_read_exactly(tmp_path_factory, seed, channels, bits, shape, interlaced):
    top = 2**bits - 1
    samples = np.random.default_rng(seed).integers(0, top + 1, (*shape, channels))
    if channels in (2, 4):
        samples[:, :, -1] = top
    data = png(samples, bits, interlaced=interlaced)
    found = read(tmp_path_factory.mktemp("png"), data, encoding="linear").picture.pixels
    colours = samples[:, :, : 1 if channels < 3 else 3]
    np.testing.assert_array_equal(np.rint(found * top), colours)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_of_any_depth_spans_black_to_white(tmp_path, bits):
    samples = np.array([[[0], [2**bits - 1], [1]]])
    found = read(tmp_path, png(samples, bits), encoding="linear").picture.pixels
    np.testing.assert_allclose(found[0, :, 0], [0, 1, 1 / (2**bits - 1)], rtol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_gives_its_colours(tmp_path, bits):
    palette = (b"PLTE", bytes([10, 20, 30, 200, 100, 50]))
    data = png(np.array([[[1], [0], [1]]]), bits, colour_type=3, extra=[palette])
    found = read(tmp_path, data, encoding="linear").picture.pixels
    np.testing.assert_array_equal(
        np.rint(found[0] * 255), [[200, 100, 50], [10, 20, 30], [200, 100, 50]]
    )
    opaque = (b"tRNS", b"\xff\xff")
    read(tmp_path, png(np.array([[[1], [0]]]), bits, colour_type=3, extra=[palette, opaque]))


GREY_16, RED = np.full((2, 2, 1), 7), np.full((2, 2, 3), (9, 0, 0))


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (png(np.full((2, 2, 4), (9, 9, 9, 254))), 4),
        (png(np.full((2, 2, 2), (9, 0)), 16), 4),
        (png(np.full((2, 2, 4), (9, 9, 9, 65000)), 16), 4),
        (png(GREY_16, 16, extra=[(b"tRNS", b"\0\7")]), 4),
        (png(np.array([[[1], [2]]]), 2, extra=[(b"tRNS", b"\0\2")]), 1),
        (png(np.array([[[1], [0]]]), 1, extra=[(b"tRNS", b"\0\1")]), 1),
        (png(RED, extra=[(b"tRNS", b"\0\x09\0\0\0\0")]), 4),
        (png(RED, 16, extra=[(b"tRNS", b"\0\x09\0\0\0\0")]), 4),
        (
            png(
                np.array([[[1], [0]]]),
                colour_type=3,
                extra=[(b"PLTE", bytes(6)), (b"tRNS", b"\xff\x80")],
            ),
            1,
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["srgb", "linear"])
def test_transparency_is_refused(tmp_path, data, count, encoding):
    with pytest.raises(InputError, match=rf"p\.png: is transparent: .* not 1 in {count} of \d pix"):
        read(tmp_path, data, encoding=encoding)


def test_a_transparent_colour_that_no_pixel_has_does_not_matter(tmp_path):
    # The key differs in its low byte alone.
    found = read(tmp_path, png(GREY_16, 16, extra=[(b"tRNS", b"\0\6")]), encoding="linear")
    np.testing.assert_allclose(found.picture.pixels, 7 / 65535)


def gamma(value):
    return b"gAMA", struct.pack(">I", value)


def primaries(*xy):
    return b"cHRM", struct.pack(">8I", *(round(each * 100000) for each in xy))


REC709 = primaries(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
P3 = primaries(0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
RAMP = np.stack([np.arange(256)] * 3, axis=1)[None]


@pytest.mark.parametrize(
    ("extra", "decode", "note"),
    [
        ([], srgb_decode, None),
        ([(b"sRGB", b"\0")], srgb_decode, None),
        ([(b"sRGB", b"\0"), gamma(100000)], srgb_decode, None),
        ([(b"cICP", bytes([1, 13, 0, 1])), gamma(100000)], srgb_decode, None),
        ([REC709], srgb_decode, None),
        ([gamma(45455)], srgb_decode, "its gAMA is that of sRGB pictures"),
        ([gamma(45455), REC709], srgb_decode, "its gAMA is that of sRGB pictures"),
        ([gamma(100000)], lambda v: v, "its colours are marked as Rec. 709 with gamma 1/1"),
        (
            [gamma(55556)],
            lambda v: v ** (1e5 / 55556),
            "its colours are marked as Rec. 709 with gamma 1/1.8",
        ),
        (
            [gamma(45455), P3],
            lambda v: v ** (1e5 / 45455),
            "its colours are marked as Display P3 with gamma",
        ),
        ([(b"cICP", bytes([12, 13, 0, 1]))], srgb_decode, "its colours are marked as Display P3"),
        ([(b"cICP", bytes([9, 8, 0, 1]))], lambda v: v, "its colours are marked as linear Rec. 2"),
    ],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_the_transfer_curve_is_applied_only_to_colours(tmp_path, extra, decode, note, bits):
    samples = RAMP * (257 if bits == 16 else 1)
    data = png(samples, bits, extra=extra)
    found = read(tmp_path, data)
    np.testing.assert_allclose(found.picture.pixels, decode(RAMP / 255), atol=2e-6)
    assert found.notes == () if note is None else found.notes[0].startswith(note)
    as_data = read(tmp_path, data, encoding="linear")
    np.testing.assert_allclose(as_data.picture.pixels, RAMP / 255, atol=1e-6)
    assert not any("decoded" in each or "converted" in each for each in as_data.notes)


def test_notes_say_that_data_is_not_decoded(tmp_path):
    found = read(tmp_path, png(RAMP, extra=[gamma(100000)]), encoding="linear")
    assert found.notes[0].endswith("Rec. 709 with gamma 1/1; data is read without decoding")


def test_a_profile_that_is_not_read_does_not_matter_for_data(tmp_path):
    # A grey picture with the profile of a display, whose curves differ.
    data = png(RAMP[:, :, :1], extra=[icc("Display P3", blue=power_curve(1.9))])
    with pytest.raises(InputError, match="is grey, and the three curves of its ICC profile 'Displ"):
        read(tmp_path, data)
    found = read(tmp_path, data, encoding="linear")
    np.testing.assert_allclose(found.picture.pixels, RAMP[:, :, :1] / 255, atol=1e-6)
    assert found.notes[0].startswith("its colours are marked as a colour space that is not read")


def icc(name, blue=None):
    return b"iCCP", b"any\0\0" + zlib.compress(matrix_profile(name, blue=blue))


def test_a_profile_is_converted_with_16_bits(tmp_path):
    colour = np.full((2, 2, 3), (40000, 30000, 20000))
    found = read(tmp_path, png(colour, 16, extra=[icc("Display P3")])).picture.pixels[0, 0]
    linear = srgb_decode(np.array([40000, 30000, 20000]) / 65535)
    # Display P3 to sRGB, both with D65 (CSS Color 4, section 10).
    matrix = [[1.22494, -0.22494, 0], [-0.04206, 1.04206, 0], [-0.01964, -0.07864, 1.09827]]
    np.testing.assert_allclose(found, np.array(matrix) @ linear, atol=2e-5)


def test_white_and_srgb_red_stay_in_range_though_they_are_rounded(tmp_path):
    # sRGB red in Display P3 with 8 bits: (234, 51, 35).
    samples = np.array([[[255, 255, 255], [234, 51, 35]]])
    found = read(tmp_path, png(samples, extra=[icc("Display P3")])).picture.pixels[0]
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_allclose(found, [[1, 1, 1], [1, 0, 0]], atol=0.01)


def test_colours_beyond_srgb_are_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"colours of 'Display P3' that Rec\. 709 does not have; con"
    ):
        read(tmp_path, png(np.full((1, 1, 3), (0, 255, 0)), extra=[icc("Display P3")]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_is_turned_upright(tmp_path, rng, orientation):
    samples = rng.integers(0, 256, (3, 5, 1))
    found = read(tmp_path, png(samples, extra=[(b"eXIf", exif(orientation))]), encoding="linear")
    image = Image.fromarray(samples[:, :, 0].astype(np.uint8))
    image.getexif()[274] = orientation
    turns = [None, 0, 3, 1, 5, 4, 6, 2]  # Pillow's numbers of transpositions
    turn = turns[orientation - 1]
    expected = np.array(image if turn is None else image.transpose(Image.Transpose(turn)))
    np.testing.assert_array_equal(np.rint(found.picture.pixels[:, :, 0] * 255), expected)
    said = f"turned as its orientation tag {orientation} says"
    assert found.notes == (() if orientation == 1 else (said,))


def test_pixels_that_are_not_square_are_noted(tmp_path):
    found = read(tmp_path, png(RAMP, extra=[(b"pHYs", struct.pack(">IIB", 100, 200, 0))]))
    assert found.pixel_aspect == 2
    assert "not square" in found.notes[0]


def animated():
    frames = [Image.new("L", (4, 4), value) for value in (0, 90)]
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    return file.getvalue()


PLAIN = png(RAMP)


def with_byte(data, place, value):
    return data[:place] + bytes([value]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (animated(), r"is an animation \(APNG\); save the one frame"),
        (png(RAMP, extra=[(b"sTER", b"\0")]), "holds two views side by side"),
        (png(RAMP, extra=[(b"CgBI", bytes(4))]), "has a part 'CgBI' that PNG does not define"),
        (png(RAMP, extra=[(b"cICP", bytes([9, 16, 0, 1]))]), r"9/16/0/1 \(PQ, high dynamic range"),
        (png(RAMP, extra=[(b"cICP", bytes([9, 18, 0, 1]))]), r"9/18/0/1 \(HLG, high dynamic ran"),
        (png(RAMP, extra=[(b"cICP", bytes([1, 13, 0, 0]))]), r"cICP code points 1/13/0/0; save"),
        (png(RAMP, extra=[gamma(0)]), r"has a gamma \(gAMA\) of 0; allowed: 0\.1 to 10"),
        (png(RAMP, extra=[P3]), "has Display P3 and no transfer curve"),
        (png(RAMP, extra=[primaries(*[0.3] * 8), gamma(45455)]), "are no colour space"),
        (png(RAMP, extra=[(b"gAMA", b"\0")]), "cannot be read as PNG: Truncated gAMA chunk"),
        (png(RAMP, extra=[(b"cICP", bytes(3))]), "its part 'cICP' has another length"),
        (png(RAMP, extra=[(b"iCCP", b"x\0\0nonsense")]), "its ICC profile cannot be unpacked"),
        (
            png(RAMP, extra=[(b"iCCP", b"x\0\0" + zlib.compress(b"nonsense" * 99))]),
            r"its ICC profile cannot be read \(it is not one\); convert the picture to sRGB",
        ),
        (PLAIN[:-30], "it is cut short; get the file again"),
        (PLAIN[:-12], "it is cut short; get the file again"),
        (with_byte(PLAIN, len(PLAIN) - 20, 1), "the checksum of its part 'IDAT' is wrong"),
        (PLAIN[:8] + chunk(b"IEND"), "it has no header, or no pixels"),
        (png(np.zeros((0, 5, 3))), "has 5 × 0 pixels; use at least 1 × 1"),
        (
            PLAIN[:8]
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 99999, 99999, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b""))
            + chunk(b"IEND"),
            "has 99999 × 99999 pixels; at most 134217728",
        ),
        (
            PLAIN[:8]
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes(30)))
            + chunk(b"IEND"),
            "cannot be read as PNG: image file is truncated",
        ),
    ],
)
def test_animations_stereo_and_broken_files_are_refused(tmp_path, data, message):
    with pytest.raises(InputError, match=rf"p\.png: .*{message}"):
        read(tmp_path, data)
