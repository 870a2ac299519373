import tempfile
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.film import srgb_decode
from scenes.pictures.files import read_picture, read_picture_file, write_picture

PICTURES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])),
    elements=st.floats(0, width=32, allow_nan=False, allow_infinity=False),
).map(lambda pixels: Picture(np.abs(pixels)))


def write_exr(path, **channels):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {k: np.asarray(v, np.float32) for k, v in channels.items()}).write(
        str(path)
    )


@given(picture=PICTURES)
def test_a_picture_survives_its_file_bit_by_bit(picture):
    with tempfile.TemporaryDirectory() as folder:
        write_picture(picture, Path(folder) / "p.exr")
        assert read_picture(Path(folder) / "p.exr") == picture


def test_the_renderer_reads_the_file(mi, tmp_path, rng):
    picture = Picture(rng.random((4, 6, 3)))
    write_picture(picture, tmp_path / "p.exr")
    import drjit

    threads = drjit.thread_count()
    drjit.set_thread_count(max(threads, 2))  # with one, Mitsuba's reader waits for itself for ever
    np.testing.assert_array_equal(np.array(mi.Bitmap(str(tmp_path / "p.exr"))), picture.pixels)
    drjit.set_thread_count(threads)


def test_alpha_must_be_one_everywhere(tmp_path):
    colours = {name: np.full((2, 2), i) for i, name in enumerate("RGB")}
    write_exr(tmp_path / "rgba.exr", **colours, A=np.ones((2, 2)))
    assert read_picture(tmp_path / "rgba.exr").pixels[0, 0].tolist() == [0, 1, 2]
    write_exr(tmp_path / "rgba.exr", **colours, A=[[1, 1], [1, 0.5]])
    with pytest.raises(
        InputError,
        match=r"rgba\.exr: is transparent: its alpha is not 1 in 1 of 4 pixels; flatten it onto a "
        "background, or remove the alpha channel, and save it again",
    ):
        read_picture(tmp_path / "rgba.exr")


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_png_colours_are_decoded_and_data_are_not(tmp_path, dtype, top):
    grey = np.array([[0, top // 2], [top, top // 4]], dtype)
    imageio.imwrite(tmp_path / "grey.png", grey)
    decoded = read_picture(tmp_path / "grey.png").pixels[:, :, 0]
    np.testing.assert_allclose(decoded, srgb_decode(grey / top), rtol=1e-6)
    data = read_picture(tmp_path / "grey.png", encoding="linear").pixels[:, :, 0]
    np.testing.assert_allclose(data, grey / top, rtol=1e-6)


def test_channels_of_a_png_keep_their_places(tmp_path):
    image = np.zeros((2, 3, 4), np.uint8)
    image[..., 3] = 255
    image[0, 0, 0] = 255
    imageio.imwrite(tmp_path / "red.png", image)
    pixels = read_picture(tmp_path / "red.png").pixels
    assert pixels.shape == (2, 3, 3)
    assert pixels[0, 0].tolist() == [1, 0, 0]
    assert not pixels[1].any()


def test_colours_of_ink_are_refused(tmp_path):
    red = Image.fromarray(np.full((8, 8, 3), (230, 20, 20), np.uint8))
    red.convert("CMYK").save(tmp_path / "ink.jpg")
    with pytest.raises(InputError, match=r"ink\.jpg: has CMYK colours; save it as RGB or grey"):
        read_picture(tmp_path / "ink.jpg")


def test_a_jpeg_is_read(tmp_path):
    imageio.imwrite(tmp_path / "grey.jpg", np.full((8, 8, 3), 188, np.uint8))
    np.testing.assert_allclose(read_picture(tmp_path / "grey.jpg").pixels, 0.5, atol=0.01)


def spoiled(tmp_path):
    pixels = np.ones((2, 5), np.float32)
    pixels[0] = [-3, np.nan, np.inf, 7, -0.5]
    write_exr(tmp_path / "bad.exr", Y=pixels)
    return tmp_path / "bad.exr"


def test_negative_values_and_those_not_finite_are_counted(tmp_path):
    with pytest.raises(
        InputError,
        match=r"bad\.exr: of 10 values 2 negative \(down to -3\) and 2 not finite; .*repair: clip",
    ):
        read_picture(spoiled(tmp_path))


def test_repair_clips_and_counts(tmp_path):
    read = read_picture_file(spoiled(tmp_path), "clip")
    assert read.picture.pixels[0, :, 0].tolist() == [0, 0, 7, 7, 0]
    assert read.repaired == 4
    assert read.picture == read_picture(spoiled(tmp_path), "clip")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.exr", None, "no such picture file; check the path"),
        ("text.exr", b"hello", "is not a picture of a known kind; save it as EXR, HDR, PNG or JP"),
        ("empty.exr", b"", "is empty; get the file again"),
        ("text.png", b"hello", "is not a picture of a known kind"),
        ("cut.png", "png", "cannot be read as PNG: it is cut short"),
        ("cut.exr", "exr", "cannot be read as EXR"),
        ("start.exr", b"\x76\x2f\x31\x01", "cannot be read as EXR"),
        ("start.png", b"\x89PNG\r\n\x1a\n", "cannot be read as PNG"),
        ("start.jpg", b"\xff\xd8\xff\xe0", "cannot be read as JPEG"),
        ("start.hdr", b"#?RADIANCE\n", "cannot be read as Radiance HDR"),
    ],
)
def test_a_broken_file_is_named(tmp_path, rng, name, content, message):
    path = tmp_path / name
    if content == "png":
        imageio.imwrite(path, rng.integers(0, 255, (32, 32, 3)).astype(np.uint8))
        content = path.read_bytes()[:700]
    elif content == "exr":
        write_picture(Picture(rng.random((32, 32, 3))), path)
        content = path.read_bytes()[:2000]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: {message}"):
        read_picture(path)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("GIF", "gif"),
        ("TIFF", "tiff"),
        ("WebP", "webp"),
        ("BMP", "bmp"),
        ("PNM", "ppm"),
        ("GIF", b"GIF89a"),
        ("TIFF", b"MM\0*\0\0\0\x08"),
        ("TIFF", b"II+\0\x08\0\0\0"),
        ("AVIF", b"\0\0\0\x20ftypavif"),
        ("HEIC", b"\0\0\0\x18ftypheic"),
        ("JPEG XL", b"\0\0\0\x0cJXL \r\n"),
        ("JPEG 2000", b"\0\0\0\x0cjP  \r\n"),
        ("Photoshop", b"8BPS\0\1"),
        ("PFM", b"PF\n4 4\n-1\n"),
    ],
)
@pytest.mark.parametrize("name", ["p.png", "p.picture"])
def test_other_kinds_are_refused_by_name(tmp_path, kind, written, name):
    if isinstance(written, bytes):
        (tmp_path / name).write_bytes(written)
    else:
        Image.new("RGB", (4, 4)).save(tmp_path / name, written)
    with pytest.raises(
        InputError,
        match=rf"its format is {kind}, which is not read; save it as EXR, HDR, PNG or JPEG",
    ):
        read_picture(tmp_path / name)


@pytest.mark.parametrize("kind", ["EXR", "Radiance HDR", "PNG", "JPEG"])
@pytest.mark.parametrize("suffix", [".exr", ".EXR", ".hdr", ".png", ".PNG", ".jpg", ".x", ""])
def test_the_content_decides_and_a_wrong_suffix_is_noted(tmp_path, kind, suffix):
    path = tmp_path / f"picture{suffix}"
    if kind == "EXR":
        write_exr(tmp_path / "made.exr", Y=np.ones((4, 8)))
        (tmp_path / "made.exr").rename(path)
    elif kind == "Radiance HDR":
        path.write_bytes(b"#?RADIANCE\n\n-Y 4 +X 8\n" + bytes([128, 128, 128, 129]) * 32)
    else:
        Image.new("L", (8, 4), 255).save(path, kind)
    read = read_picture_file(path)
    assert read.kind == kind
    assert read.picture.pixels.shape[:2] == (4, 8)
    assert (read.picture.pixels == 1).all()
    says_so = suffix.lower() == {"Radiance HDR": ".hdr", "JPEG": ".jpg"}.get(
        kind, f".{kind.lower()}"
    )
    lie = f"its format is {kind}, though its name ends in {suffix.lower() or 'nothing'}"
    assert read.notes == (() if says_so else (lie,))


def test_one_pixel_is_a_picture(tmp_path):
    Image.new("RGB", (1, 1), (255, 0, 0)).save(tmp_path / "p.png")
    assert read_picture(tmp_path / "p.png").pixels.tolist() == [[[1, 0, 0]]]


def test_a_folder_is_no_picture(tmp_path):
    (tmp_path / "p.png").mkdir()
    with pytest.raises(InputError, match=r"p\.png: no such picture file; check the path"):
        read_picture(tmp_path / "p.png")


def test_a_reading_is_one_line_of_text(tmp_path):
    write_exr(tmp_path / "p.x", **{name: np.ones((4, 8)) for name in "RGBZ"})
    assert str(read_picture_file(tmp_path / "p.x")) == (
        "EXR, 8 × 4 pixels, 3 channels; its format is EXR, though its name ends in .x; "
        "read R, G, B; left out Z"
    )
