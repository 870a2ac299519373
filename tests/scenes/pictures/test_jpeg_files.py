import io

import numpy as np
import pytest
from PIL import Image

from scenes.base.errors import InputError
from scenes.film import srgb_decode
from scenes.pictures.files import read_picture, read_picture_file
from tests.scenes.pictures.profiles import matrix_profile

COLOUR = (180, 120, 90)
PLAIN = Image.new("RGB", (16, 8), COLOUR)


def saved(image=PLAIN, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def read(folder, data, **options):
    (folder / "p.jpg").write_bytes(data)
    return read_picture_file(folder / "p.jpg", **options)


def with_segment(data, marker, body):
    size = (len(body) + 2).to_bytes(2, "big")
    return data[:2] + bytes([0xFF, marker]) + size + body + data[2:]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 2}])
def test_colours_are_decoded_and_data_are_not(tmp_path, options):
    data = saved(**options)
    found = read(tmp_path, data)
    linear = srgb_decode(np.array(COLOUR) / 255)
    np.testing.assert_allclose(found.picture.pixels[4, 4], linear, atol=0.01)
    assert found.notes == ()
    as_data = read(tmp_path, data, encoding="linear").picture.pixels
    np.testing.assert_allclose(as_data[4, 4], np.array(COLOUR) / 255, atol=0.01)


def test_grey_has_one_channel(tmp_path):
    found = read(tmp_path, saved(Image.new("L", (16, 8), 188))).picture
    assert found.channels == 1
    np.testing.assert_allclose(found.pixels, 0.5, atol=0.01)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_is_turned_upright(tmp_path, orientation):
    # A bright corner, where each orientation stores the upright picture's top left.
    stored = np.full((16, 32), 20, np.uint8)
    rows, columns = slice(0, 8), slice(0, 8)
    if orientation in (2, 3, 7, 8):
        columns = slice(24, 32)
    if orientation in (3, 4, 6, 7):
        rows = slice(8, 16)
    stored[rows, columns] = 230
    exif = Image.Exif()
    exif[274] = orientation
    found = read(tmp_path, saved(Image.fromarray(stored), exif=exif))
    pixels = found.picture.pixels[:, :, 0]
    assert pixels.shape == ((32, 16) if orientation >= 5 else (16, 32))
    assert (pixels[:6, :6] > 0.5).all()
    assert np.count_nonzero(pixels > 0.5) <= 100
    assert (found.notes == ()) == (orientation == 1)


@pytest.mark.parametrize(
    ("by", "options"),
    [
        ("profile", {"icc_profile": matrix_profile("Adobe RGB")}),
        ("tag", "ColorSpace"),
        ("tag", "R03"),
    ],
)
def test_adobe_rgb_is_converted(tmp_path, by, options):
    if by == "tag":
        exif = Image.Exif()
        if options == "ColorSpace":
            exif.get_ifd(0x8769)[0xA001] = 2
        else:
            exif.get_ifd(0x8769)[0xA001] = 0xFFFF
            exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
        options = {"exif": exif}
    found = read(tmp_path, saved(**options))
    linear = (np.array(COLOUR) / 255) ** (563 / 256)
    # Adobe RGB (1998) to sRGB, both with D65.
    matrix = [[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]]
    np.testing.assert_allclose(found.picture.pixels[4, 4], np.array(matrix) @ linear, atol=0.012)
    assert "Adobe RGB" in found.notes[0]


def test_a_gain_map_is_noted(tmp_path):
    xmp = b"http://ns.adobe.com/xap/1.0/\0<rdf hdrgm:Version='1.0'/>"
    found = read(tmp_path, with_segment(saved(), 0xE1, xmp))
    assert found.notes == ("its HDR gain map is not applied: the standard picture is read",)


def test_further_pictures_are_noted(tmp_path):
    PLAIN.save(tmp_path / "p.mpo", save_all=True, append_images=[Image.new("RGB", (16, 8))])
    found = read(tmp_path, (tmp_path / "p.mpo").read_bytes())
    assert found.notes == ("holds further pictures (MPF): the first is read",)
    np.testing.assert_allclose(found.picture.pixels[4, 4, 0], srgb_decode(180 / 255), atol=0.01)


def twelve_bits(data):
    place = data.index(b"\xff\xc0") + 4
    return data[:place] + b"\x0c" + data[place + 1 :]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (saved(PLAIN.convert("CMYK")), "has CMYK colours; save it as RGB or grey"),
        (twelve_bits(saved()), "is a JPEG with 12 bits a channel; save it as PNG with 16 bits"),
        (saved(Image.effect_noise((64, 64), 90))[:-900], "cannot be read as JPEG: .*truncated"),
        (saved()[:40], "it ends, or is broken, before its pixels"),
        (b"\xff\xd8\xff\xd9", "it ends, or is broken, before its pixels"),
        (saved(icc_profile=b"nonsense" * 20), "its ICC profile cannot be read"),
        (with_segment(saved(), 0xE1, b"Exif\0\0MM\0*\0\0\xff\xff"), "none"),
    ],
)
def test_an_unsupported_format_is_named(tmp_path, data, message):
    if message == "none":  # broken EXIF data without an orientation: read unchanged
        np.testing.assert_allclose(
            read(tmp_path, data).picture.pixels, read(tmp_path, saved()).picture.pixels
        )
        return
    with pytest.raises(InputError, match=rf"p\.jpg: .*{message}"):
        read(tmp_path, data)


def test_a_jpeg_is_read_by_its_path(tmp_path):
    (tmp_path / "p.jpeg").write_bytes(saved())
    assert read_picture(tmp_path / "p.jpeg").channels == 3
