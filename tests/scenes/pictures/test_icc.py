import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from scenes.base.errors import InputError
from scenes.film import srgb_decode, srgb_encode
from scenes.pictures.encoded import SRGB
from scenes.pictures.files import read_picture
from scenes.pictures.icc import colour_space
from tests.scenes.pictures.profiles import (
    SRGB_CURVE,
    description,
    grey_profile,
    matrix_profile,
    power_curve,
    profile,
    table_curve,
    xyz,
)


def test_profiles_of_srgb_are_srgb():
    table = table_curve(srgb_decode(np.linspace(0, 1, 1024)))
    for data in (
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        matrix_profile("sRGB"),
        matrix_profile("sRGB", table),
    ):
        assert colour_space(data, 3) is SRGB
    assert colour_space(grey_profile(SRGB_CURVE), 1) is SRGB


@pytest.mark.parametrize("name", ["sRGB", "Display P3", "Adobe RGB"])
@pytest.mark.parametrize("curve", [None, power_curve(1.8), table_curve([0, 0.1, 0.3, 0.6, 1])])
def test_colours_agree_with_a_colour_management_system(tmp_path, rng, name, curve):
    data = matrix_profile(name, curve)
    # Pastel colours, which sRGB holds too.
    samples = rng.integers(130, 200, (8, 8, 3)).astype(np.uint8)
    image = Image.fromarray(samples)
    theirs = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(data)), ImageCms.createProfile("sRGB")
    )
    image.save(tmp_path / "p.png", icc_profile=data)
    ours = srgb_encode(read_picture(tmp_path / "p.png").pixels)
    np.testing.assert_allclose(ours * 255, np.array(theirs), atol=1.01)


def test_a_grey_profile_gives_its_curve(tmp_path):
    samples = np.arange(256, dtype=np.uint8)[None]
    Image.fromarray(samples).save(tmp_path / "p.png", icc_profile=grey_profile(power_curve(1.5)))
    found = read_picture(tmp_path / "p.png").pixels[0, :, 0]
    np.testing.assert_allclose(found, (np.arange(256) / 255) ** 1.5, atol=1e-6)


@pytest.mark.parametrize(
    ("form", "numbers", "expected"),
    [
        (0, (2.0,), lambda x: x**2),
        (1, (2.0, 0.5, 0.5), lambda x: (0.5 * x + 0.5) ** 2),
        (2, (2.0, 0.5, 0.25, 0.125), lambda x: (0.5 * x + 0.25) ** 2 + 0.125),
        (3, (2.0, 1.0, 0.0, 0.5, 0.5), lambda x: np.where(x >= 0.5, x**2, 0.5 * x)),
        (
            4,
            (2.0, 1.0, 0.0, 0.5, 0.5, -0.125, 0.0625),
            lambda x: np.where(x >= 0.5, x**2 - 0.125, 0.5 * x + 0.0625),
        ),
    ],
)
def test_parametric_curves_follow_the_standard(form, numbers, expected):
    fixed = np.rint(np.array(numbers) * 65536).astype(">i4").tobytes()
    curve = b"para\0\0\0\0" + bytes([0, form, 0, 0]) + fixed
    (found,) = colour_space(grey_profile(curve), 1).curves
    stored = np.linspace(0, 1, 33)
    np.testing.assert_allclose(found(stored), expected(stored), atol=1e-9)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_grey_picture_with_a_profile_for_colours_has_its_curve(tmp_path, suffix):
    theirs = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    levels = np.repeat(np.arange(0, 256, 17, dtype=np.uint8), 8)[None].repeat(8, axis=0)
    colours = Image.fromarray(np.stack([levels] * 3, axis=2))
    for data, curve in (
        (theirs, srgb_decode),
        (matrix_profile("Display P3"), srgb_decode),
        (matrix_profile("Adobe RGB", power_curve(1.5)), lambda stored: stored**1.5),
    ):
        colours.save(tmp_path / "tagged.png", icc_profile=data)
        grey = Image.open(tmp_path / "tagged.png").convert("L")
        grey.save(tmp_path / f"p.{suffix}", icc_profile=grey.info["icc_profile"], quality=100)
        found = read_picture(tmp_path / f"p.{suffix}").pixels
        assert found.shape == (8, 128, 1)
        np.testing.assert_allclose(found[:, :, 0], curve(levels / 255), atol=1e-3)


GOOD = matrix_profile("Display P3")
THREE_CURVES = matrix_profile("sRGB", name="camera", blue=power_curve(1.9))
LAB = grey_profile(power_curve(1.0), connection=b"Lab ")


@pytest.mark.parametrize(
    ("data", "channels", "message"),
    [
        (THREE_CURVES, 1, "is grey, and the three curves of its ICC profile 'camera' differ; conv"),
        (profile({}, b"CMYK"), 1, "has 1 colour channels and an ICC profile for CMYK; convert the"),
        (LAB, 1, "'grey' is not a matrix with curves; convert the picture to sRGB"),
        (grey_profile(SRGB_CURVE), 3, "has 3 colour channels and an ICC profile for GRAY"),
        (GOOD[:300], 3, "cannot be read .it is cut short"),
        (b"", 3, "cannot be read .it is not one"),
        (profile({b"desc": description("table"), b"A2B0": bytes(32)}), 3, "'table' is not a matri"),
        (profile({b"desc": description("none")}), 3, "'none' is not a matrix with curves"),
        (grey_profile(b"what\0\0\0\0" + bytes(8)), 1, "a curve is of an unknown kind"),
        (grey_profile(b"curv\0\0\0\0\xff\xff\xff\xff"), 1, "a curve is too long"),
        (
            profile(
                {each + b"TRC": SRGB_CURVE for each in (b"r", b"g", b"b")}
                | {each + b"XYZ": xyz((0.3, 0.3, 0.3)) for each in (b"r", b"g", b"b")}
            ),
            3,
            "'without a name' has a matrix without a white",
        ),
    ],
)
def test_other_profiles_are_refused(data, channels, message):
    with pytest.raises(InputError, match=message):
        colour_space(data, channels)
