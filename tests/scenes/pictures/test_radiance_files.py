import numpy as np
import pytest

from scenes.base.errors import InputError
from scenes.pictures.files import read_picture, read_picture_file
from tests.paths import DATA

PICTURES = DATA / "pictures"
HEADER = "#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n"


def file_of(pixels, header=HEADER, resolution=None):
    """A flat Radiance file of (H, W, 4) bytes."""
    height, width, _ = pixels.shape
    resolution = resolution or f"-Y {height} +X {width}"
    return f"{header}\n{resolution}\n".encode() + pixels.astype(np.uint8).tobytes()


def run_length(pixels):
    """The bytes of (H, W, 4) with run-length coding by channel."""
    out = b""
    for line in pixels:
        out += bytes([2, 2, len(line) >> 8, len(line) & 255])
        for channel in line.T.tolist():
            at = 0
            while at < len(channel):
                run = 1
                while at + run < len(channel) and run < 127 and channel[at + run] == channel[at]:
                    run += 1
                if run > 2:
                    out += bytes([128 + run, channel[at]])
                else:
                    run = min(7, len(channel) - at)
                    out += bytes([run, *channel[at : at + run]])
                at += run
    return out


def old_run_length(pixels):
    """The bytes of (H, W, 4), repeats of whole pixels as (1, 1, 1, n)."""
    out = b""
    for line in pixels.tolist():
        at = 0
        while at < len(line):
            out += bytes(line[at])
            run = 0
            while at + run + 1 < len(line) and line[at + run + 1] == line[at]:
                run += 1
            if run:
                out += bytes([1, 1, 1, run & 255])
                out += bytes([1, 1, 1, run >> 8]) if run >> 8 else b""
            at += 1 + run
    return out


def values_of(pixels):
    """What the bytes mean: mantissa × 2^(exponent − 136)."""
    exponent = pixels[:, :, 3:].astype(float)
    return np.where(exponent == 0, 0, pixels[:, :, :3] * 2.0 ** (exponent - 136))


def read(folder, data, name="p.hdr", **options):
    (folder / name).write_bytes(data)
    return read_picture_file(folder / name, **options)


def few_bytes(rng, height, width):
    """Pixels with runs, and none that looks like a mark of run-length coding."""
    pixels = rng.integers(3, 6, (height, width, 4))
    pixels[:, :, 3] += 125
    return pixels.repeat(3, axis=1)[:, :width]


def test_the_map_of_the_manual_is_read():
    found = read_picture_file(PICTURES / "sky.hdr")
    assert found.kind == "Radiance HDR"
    assert found.picture.pixels.shape == (16, 32, 3)
    assert found.picture.pixels[0, 0].tolist() == [25 / 256, 25 / 256, 153 / 256]
    assert found.notes == ()


@pytest.mark.parametrize("shape", [(16, 32), (5, 7), (3, 200)])
def test_it_is_read_as_the_renderer_reads_and_writes_it(mi, tmp_path, rng, shape):
    import drjit

    threads = drjit.thread_count()
    drjit.set_thread_count(max(threads, 2))  # with one, Mitsuba's reader waits for itself for ever
    values = rng.lognormal(0, 3, (*shape, 3)).astype(np.float32)
    values[0, 0] = 0
    mi.Bitmap(values).write(str(tmp_path / "p.hdr"))
    theirs = mi.Bitmap(str(tmp_path / "p.hdr"))
    theirs = theirs.convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.Float32)
    ours = read_picture(tmp_path / "p.hdr").pixels
    np.testing.assert_array_equal(ours, np.array(theirs))
    assert (np.abs(ours - values) <= values.max(axis=2, keepdims=True) / 127).all()
    drjit.set_thread_count(threads)


def test_a_map_that_opencv_wrote_is_read():
    written = np.random.default_rng(0).lognormal(0, 2, (16, 32, 3)).astype(np.float32)
    found = read_picture(PICTURES / "opencv.hdr").pixels
    assert (np.abs(found - written) <= written.max(axis=2, keepdims=True) / 127).all()


@pytest.mark.parametrize("width", [1, 7, 8, 9, 127, 128, 300, 2**15])
def test_every_coding_gives_the_same_picture(tmp_path, rng, width):
    pixels = few_bytes(rng, 2, width)
    pixels[1] = pixels[1, 0]  # a run over the whole line
    start = file_of(pixels[:0], resolution=f"-Y 2 +X {width}")
    codings = [pixels.astype(np.uint8).tobytes(), old_run_length(pixels)]
    if 8 <= width < 2**15:
        codings.append(run_length(pixels))
    for body in codings:
        found = read(tmp_path, start + body).picture.pixels
        np.testing.assert_allclose(found, values_of(pixels), rtol=1e-6)


def test_exposures_and_colour_corrections_are_divided_out(tmp_path, rng):
    pixels = few_bytes(rng, 2, 4)
    header = HEADER + "EXPOSURE=2\nEXPOSURE= 4.0\nCOLORCORR= 1 2 0.5\n\tEXPOSURE=64\n"
    found = read(tmp_path, file_of(pixels, header))
    np.testing.assert_allclose(found.picture.pixels, values_of(pixels) / [8, 16, 4], rtol=1e-6)
    assert found.notes == ("its values were divided by the exposure 8 16 4 of its header",)


@pytest.mark.parametrize(
    ("resolution", "place"),
    [
        # Where the file's third pixel of its first line of three is in a picture.
        ("-Y 2 +X 3", (0, 2)),
        ("-Y 2 -X 3", (0, 0)),
        ("+Y 2 +X 3", (1, 2)),
        ("+Y 2 -X 3", (1, 0)),
        ("+X 2 -Y 3", (2, 0)),
        ("-X 2 -Y 3", (2, 1)),
        ("+X 2 +Y 3", (0, 0)),
        ("-X 2 +Y 3", (0, 1)),
    ],
)
def test_every_orientation_is_turned_upright(tmp_path, resolution, place):
    pixels = np.full((2, 3, 4), (8, 8, 8, 130))
    pixels[0, 2, :3] = 200
    found = read(tmp_path, file_of(pixels, resolution=resolution))
    is_bright = found.picture.pixels[:, :, 0] > 1
    assert is_bright.shape == ((2, 3) if "Y 2" in resolution else (3, 2))
    assert np.argwhere(is_bright).tolist() == [list(place)]
    assert (found.notes == ()) == (resolution == "-Y 2 +X 3")


def test_primaries_are_converted(tmp_path):
    white = np.full((2, 4, 4), (128, 128, 128, 129))
    header = HEADER + "PRIMARIES= 0.708 0.292 0.170 0.797 0.131 0.046 0.3127 0.3290\n"
    found = read(tmp_path, file_of(white, header))
    np.testing.assert_allclose(found.picture.pixels, 1, rtol=1e-5)
    assert found.notes == ("converted from Rec. 2020 to Rec. 709",)
    # ITU-R BT.2087: Rec. 2020 to Rec. 709.
    green = np.full((2, 4, 4), (64, 128, 64, 129))
    found = read(tmp_path, file_of(green, header)).picture.pixels[0, 0]
    matrix = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    np.testing.assert_allclose(found, np.array(matrix) @ [0.5, 1, 0.5], atol=1e-3)
    same = HEADER + "PRIMARIES=0.64 0.33 0.30 0.60 0.15 0.06 0.3127 0.3290\n"
    assert read(tmp_path, file_of(white, same)).notes == ()
    unstated = HEADER + "PRIMARIES=0 0 0 0 0 0 0 0\n"
    found = read(tmp_path, file_of(green, unstated))
    np.testing.assert_array_equal(found.picture.pixels[0, 0], [0.5, 1, 0.5])
    assert found.notes == ("its PRIMARIES are all 0: taken as Rec. 709",)


def test_other_names_line_ends_and_headers_are_read(tmp_path, rng):
    pixels = few_bytes(rng, 2, 4)
    plain = file_of(pixels)
    table = [
        plain.replace(b"RADIANCE", b"RGBE"),
        plain.replace(b"FORMAT=32-bit_rle_rgbe\n", b"SOFTWARE=any = thing\nVIEW= -vtv\nGAMMA=1\n"),
        plain.replace(b"FORMAT", b"# a remark\n\nFORMAT", 0),
        file_of(pixels[:0], HEADER, "-Y 2 +X 4").replace(b"\n", b"\r\n")
        + pixels.astype(np.uint8).tobytes(),
    ]
    for data in table:
        for name in ("p.hdr", "p.pic", "P.HDR"):
            found = read(tmp_path, data, name)
            np.testing.assert_allclose(found.picture.pixels, values_of(pixels), rtol=1e-6)
            assert found.notes == ()


def test_pixels_that_are_not_square_are_noted(tmp_path):
    pixels = np.full((2, 4, 4), (8, 8, 8, 130))
    found = read(tmp_path, file_of(pixels, HEADER + "PIXASPECT=0.5\n"))
    assert found.pixel_aspect == 2
    assert found.notes[0].startswith("its pixels are not square (2 times as wide as high)")


GREY = np.full((2, 9, 4), (8, 8, 8, 130))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (file_of(GREY, HEADER.replace("rgbe", "xyze")), r"holds CIE XYZ .*ra_xyze -r"),
        (file_of(GREY, HEADER.replace("32-bit_rle_rgbe", "ascii")), "in the format 'ascii'; allo"),
        (file_of(GREY, HEADER + "GAMMA=2.2\n"), r"has a GAMMA of 2\.2; save it with linear values"),
        (file_of(GREY, HEADER + "EXPOSURE=0\n"), "EXPOSURE=0 in its header: use 1 numbers above 0"),
        (file_of(GREY, HEADER + "EXPOSURE=nan\n"), "EXPOSURE=nan in its header"),
        (file_of(GREY, HEADER + "EXPOSURE=one\n"), "EXPOSURE=one in its header"),
        (file_of(GREY, HEADER + "COLORCORR=1 1\n"), "COLORCORR=1 1 in its header: use 3 numbers"),
        (file_of(GREY, HEADER + "PRIMARIES=1 1\n"), "PRIMARIES=1 1 in its header: use 8 numbers$"),
        (file_of(GREY, HEADER + "PRIMARIES=" + "0.3 " * 8 + "\n"), "are no colour space"),
        (file_of(GREY)[:-1], "it is cut short; get the file again"),
        (file_of(GREY[:0], resolution="-Y 2 +X 9") + run_length(GREY)[:-1], "it is cut short"),
        (file_of(GREY[:0], resolution="-Y 2 +X 9"), "it is cut short"),
        (file_of(GREY[:0], resolution="-Y 2 +X 9") + b"\2\2\0\7", "a line of 7 pixels in place of"),
        (file_of(GREY[:0], resolution="-Y 1 +X 9") + b"\2\2\0\x09\x8a\1", "crosses the end of its"),
        (file_of(GREY[:0], resolution="-Y 1 +X 9") + b"\2\2\0\x09\0\0\0", "a run is empty"),
        (file_of(GREY[:0], resolution="-Y 1 +X 2") + b"\1\1\1\1" * 2, "crosses the end of its"),
        (file_of(GREY[:0], resolution="-Y 0 +X 9"), "has 9 × 0 pixels; use at least 1 × 1"),
        (file_of(GREY[:0], resolution="-Y 99999 +X 99999"), "has 99999 × 99999 pixels; at most"),
        (file_of(GREY[:0], resolution="-Y 2 +Y 9"), "'-Y 2 .Y 9' is no resolution"),
        (file_of(GREY[:0], resolution="2 9"), "'2 9' is no resolution"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "its header has no end"),
        (b"#?RADIANCE", "its header has no end"),
    ],
)
def test_a_broken_or_other_file_is_named(tmp_path, data, message):
    with pytest.raises(InputError, match=rf"p\.hdr: .*{message}"):
        read(tmp_path, data)


def test_a_file_whose_line_ends_were_rewritten_is_refused(tmp_path):
    pixels = np.full((2, 4, 4), (10, 10, 10, 130))
    with pytest.raises(InputError, match="was altered by a transfer as text; get the file again"):
        read(tmp_path, file_of(pixels).replace(b"\n", b"\r\n"))
