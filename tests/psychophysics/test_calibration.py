"""The display's table, from readings of a display that is known."""

import numpy as np
import pytest

from psychophysics import calibration, patches
from scenes.errors import InputError
from scenes.film import srgb_decode

GAMMAS = {"red": 2.0, "green": 2.2, "blue": 2.6}


def readings(noise=0.0, rng=None):
    made = {}
    for number, (gun, gamma) in enumerate(GAMMAS.items()):
        values = calibration.patch_values(9)
        light = [0.3 + (40, 120, 20)[number] * (value / 255) ** gamma for value in values]
        if rng is not None:
            light = [each * (1 + noise * rng.normal()) for each in light]
        made[gun] = list(zip(values, light, strict=True))
    return made


def test_gammas_are_found():
    made = calibration.fitted(readings(), {})
    assert [gun.gamma for gun in made.guns] == pytest.approx([2.0, 2.2, 2.6], abs=1e-4)
    assert made.guns[1].dark == pytest.approx(0.3, abs=1e-3)
    assert made.guns[1].range == pytest.approx(120, abs=1e-2)


def test_gammas_are_found_in_noisy_readings(rng):
    # 1 % of noise on 9 readings leaves γ with an sd below .02: 6 sd.
    made = calibration.fitted(readings(0.01, rng), {})
    assert [gun.gamma for gun in made.guns] == pytest.approx([2.0, 2.2, 2.6], abs=0.12)


def test_through_the_table_light_is_linear_in_srgb():
    """Light of the table's values, minus dark, over range: sRGB decoded, but for 8-bit rounding.

    A step of the table is at most γ/255 of light: half of it for rounding.
    """
    made = calibration.fitted(readings(), {})
    meant = srgb_decode(np.arange(256) / 255)
    for number, gamma in enumerate(GAMMAS.values()):
        light = (made.table[:, number] / 255) ** gamma
        assert np.abs(light - meant).max() < 0.5 * gamma / 255 + 1e-6
    assert made.largest_error() < 0.5 * 2.6 / 255 + 1e-6


def test_the_identity_changes_nothing(rng):
    image = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(calibration.on_display(image, calibration.IDENTITY), image)
    wide = image.astype(np.uint16) * 257
    assert np.array_equal(calibration.on_display(wide, calibration.IDENTITY), image)


def test_each_gun_goes_through_its_own_column():
    table = calibration.IDENTITY.copy()
    table[:, 1] = 255 - table[:, 1]
    image = np.array([[[10, 20, 30]]], dtype=np.uint8)
    assert calibration.on_display(image, table).tolist() == [[[10, 235, 30]]]


def test_a_calibration_is_read_as_it_was_saved(tmp_path):
    made = calibration.fitted(readings(), {"instrument": "typed readings"})
    calibration.save(made, tmp_path / "calibration.json")
    read = calibration.load(tmp_path / "calibration.json")
    assert read.guns == made.guns
    assert np.array_equal(read.table, made.table)
    assert read.facts["readings"]["red"][0] == [0, pytest.approx(0.3)]


def test_broken_calibrations_are_told(tmp_path):
    path = tmp_path / "calibration.json"
    with pytest.raises(InputError, match="cannot be read as JSON"):
        calibration.load(path)
    path.write_text('{"schema_version": 2}')
    with pytest.raises(InputError, match="is no calibration of this version"):
        calibration.load(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"red": []}, "red has 0 readings; take at least 5"),
        ({"green": [(v, 5.0) for v in range(0, 256, 51)]}, "green does not grow from dark to 255"),
        ({"blue": [(v, v / 9) for v in range(0, 200, 20)]}, "measure 255 too"),
        ({"blue": [(v, -1.0) for v in range(0, 256, 51)]}, "no luminance of 0 or more"),
    ],
)
def test_impossible_readings_are_told(change, text):
    with pytest.raises(InputError, match=text):
        calibration.fitted(readings() | change, {})


def test_readings_are_read_from_a_file(tmp_path):
    path = tmp_path / "readings.csv"
    lines = [f"{gun},{v},{light}" for gun, pairs in readings().items() for v, light in pairs]
    path.write_text("\n".join(["gun,value,luminance", *lines]))
    assert calibration.read_readings(path) == readings()
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"readings\.csv:1: 'red,0,0\.3' is not the header; write"):
        calibration.read_readings(path)
    path.write_text("")
    with pytest.raises(InputError, match=r"readings\.csv:1: '' is not the header"):
        calibration.read_readings(path)
    path.write_text("gun,value,luminance\nred,300,4\n")
    with pytest.raises(InputError, match=r"readings\.csv:2: 'red,300,4' is no reading"):
        calibration.read_readings(path)


def typed(*keys):
    text = ""
    for key in keys:
        text = patches.edited(text, key)
    return text


def test_readings_are_typed_with_either_row_of_digits_and_either_point():
    assert typed("1", "num_7", "comma", "5", "backspace", "3", "period", "q") == "17.3"
    assert patches.luminance("17.3") == 17.3
    assert patches.luminance(typed("num_decimal", "5")) == 0.5
    assert typed("backspace") == ""
    assert patches.luminance(typed("period")) is None
