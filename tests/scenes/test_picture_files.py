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
from scenes.errors import InputError
from scenes.film import srgb_decode
from scenes.picture_files import read_picture, read_repaired, write_picture

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


def test_alpha_is_left_out_and_other_channels_are_refused(tmp_path):
    layers = {name: np.full((2, 2), i) for i, name in enumerate("RGBA")}
    write_exr(tmp_path / "rgba.exr", **layers)
    assert read_picture(tmp_path / "rgba.exr").pixels[0, 0].tolist() == [0, 1, 2]
    write_exr(tmp_path / "z.exr", **layers, Z=np.ones((2, 2)))
    with pytest.raises(InputError, match=r"z\.exr: has the channels A, B, G, R, Z; use R, G and B"):
        read_picture(tmp_path / "z.exr")


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
    image[0, 0] = (255, 0, 0, 128)
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
    picture, repaired = read_repaired(spoiled(tmp_path), "clip")
    assert picture.pixels[0, :, 0].tolist() == [0, 0, 7, 7, 0]
    assert repaired == 4
    assert read_repaired(spoiled(tmp_path), "clip")[0] == read_picture(spoiled(tmp_path), "clip")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.exr", None, "no such picture file; check the path"),
        ("text.exr", b"hello", "cannot be read as EXR"),
        ("empty.exr", b"", "cannot be read as EXR"),
        ("text.png", b"hello", "cannot be read as a picture"),
        ("cut.png", "png", "cannot be read as a picture"),
        ("cut.exr", "exr", "cannot be read as EXR"),
        ("photo.gif", b"GIF89a", "unknown kind of picture '.gif'; use .exr, .png or .jpg"),
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
