"""The display's table, from readings of a display that is known."""

import json

import numpy as np
import pytest

from psychophysics.lab import calibration, patches
from psychophysics.lab.display_curve import Gun, Misfit, curve
from psychophysics.lab.photometer_readings import read_readings, write_readings
from scenes.base.errors import InputError
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
    made = calibration.fit(readings(), {})
    assert [gun.gamma for gun in made.guns] == pytest.approx([2.0, 2.2, 2.6], abs=1e-4)
    assert made.guns[1].dark == pytest.approx(0.3, abs=1e-3)
    assert made.guns[1].range == pytest.approx(120, abs=1e-2)


def test_gammas_are_found_in_noisy_readings(rng):
    # 1 % of noise on 9 readings leaves γ with an sd below .02: 6 sd.
    made = calibration.fit(readings(0.01, rng), {})
    assert [gun.gamma for gun in made.guns] == pytest.approx([2.0, 2.2, 2.6], abs=0.12)


def test_through_the_table_light_is_linear_in_srgb():
    """Light of the table's values, minus dark, over range: sRGB decoded, but for 8-bit rounding.

    A step of the table is at most γ/255 of light: half of it for rounding.
    """
    made = calibration.fit(readings(), {})
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
    made = calibration.fit(readings(), {"instrument": "typed readings"})
    calibration.save(made, tmp_path / "calibration.json")
    read = calibration.load(tmp_path / "calibration.json")
    assert read.guns == made.guns
    assert np.array_equal(read.table, made.table)
    assert read.facts["readings"]["red"][0] == [0, pytest.approx(0.3)]


def test_broken_calibrations_are_reported(tmp_path):
    path = tmp_path / "calibration.json"
    with pytest.raises(InputError, match="cannot be read: No such file"):
        calibration.load(path)
    path.write_text('{"schema_version": 2}')
    with pytest.raises(InputError, match="is not a calibration of this version"):
        calibration.load(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"red": []}, "red has readings of 0 values; take at least 5"),
        ({"red": [(v, 5.0) for v in (0, 0, 64, 64, 255)]}, "red has readings of 3 values"),
        (
            {"green": [(v, 5.0) for v in range(0, 256, 51)]},
            "green 255 is 5 cd/m², and at 0 it is 5: light must",
        ),
        ({"blue": [(v, v / 9) for v in range(0, 200, 20)]}, "no reading of 255; measure both"),
        ({"blue": [(v, v / 9) for v in range(51, 256, 51)]}, "no reading of 0; measure both"),
        ({"blue": [(v, -1.0) for v in range(0, 256, 51)]}, "blue 0 is -1 cd/m²; it must be"),
        ({"blue": [(v, float("nan")) for v in range(0, 256, 51)]}, "blue 0 is nan cd/m²; it must"),
        ({"red": [(v, 0.3 + 40 * (v / 255) ** 0.5) for v in range(0, 256, 51)]}, "gamma of 0.50"),
        ({"white": [(255, 100.0)]}, "white 255 is 100 cd/m², and the three guns add up to 180"),
    ],
)
def test_impossible_readings_are_refused(change, text):
    with pytest.raises(InputError, match=text):
        calibration.fit(readings() | change, {})


def changed(gun, value, light):
    made = readings()
    made[gun] = [(v, light if v == value else each) for v, each in made[gun]]
    return made


@pytest.mark.parametrize(
    ("gun", "value", "light", "text"),
    [
        ("red", 128, 101.7, "red 128 is 101.7 cd/m², and the other readings of red give 10.4"),
        ("red", 255, 5.0, "red 255 is 5 cd/m², and the other readings of red give 40.3"),
        ("green", 32, 0.0, "green 32 is 0 cd/m², and the other readings of green give 1.5"),
        ("blue", 0, 0.4, "blue 0 is 0.4 cd/m², and another gun's 0 is 0.3; all are the same"),
    ],
)
def test_a_reading_that_differs_from_the_others_is_named(gun, value, light, text):
    with pytest.raises(InputError, match=text):
        calibration.fit(changed(gun, value, light), {})


def test_repeated_readings_are_averaged_and_differing_ones_are_refused():
    twice = readings()
    twice["red"] = twice["red"] + [(v, light * 1.02) for v, light in twice["red"]]
    made = calibration.fit(twice, {})
    assert made.guns[0].range == pytest.approx(40 * 1.01, rel=1e-3)
    twice["red"][9 + 4] = (128, 12.9)
    with pytest.raises(InputError, match=r"red 128 is .* another reading of the same value"):
        calibration.fit(twice, {})


def display(rng):
    """A sane display that is no fit of ours: power, sRGB or BT.1886, with a black level."""
    top = np.exp(rng.uniform(np.log(5), np.log(400)))
    dark = top * np.exp(rng.uniform(np.log(2e-4), np.log(1e-2)))
    kind, gamma, offset = rng.integers(3), rng.uniform(1.6, 2.8), rng.uniform(-0.05, 0.1)

    def light(values):
        if kind == 0:
            return dark + (top - dark) * srgb_decode(values)
        if kind == 1:
            low, high = dark ** (1 / 2.4), top ** (1 / 2.4)
            return (low + (high - low) * values) ** 2.4
        shape = np.clip(values + offset, 0, None) ** gamma
        shape = shape - max(offset, 0) ** gamma
        return dark + (top - dark) * shape / ((1 + offset) ** gamma - max(offset, 0) ** gamma)

    return light


def noisy(light, rng):
    values = np.array(calibration.patch_values(9))
    noise = 1 + rng.uniform(0.01, 0.02) * rng.normal(size=9)
    return values / 255, np.round(light(values / 255) * noise, 3)


def test_sane_displays_are_accepted_and_the_light_is_as_claimed(rng):
    """With 1 to 2 % of noise: none of 45 displays is refused.

    A reading 5 standard deviations off comes once in a million, so a refusal is a fault. True light
    of every step is within 5 % of the range: 2 % of noise at the top, and what follows from it.
    """
    for _ in range(15):
        lights = [display(rng) for _ in range(3)]
        guns = [curve(*noisy(light, rng)) for light in lights]
        meant = srgb_decode(np.arange(256) / 255)
        for light, gun in zip(lights, guns, strict=True):
            table = calibration.nearest(gun, meant)
            shown = (light(table / 255) - light(0.0)) / (light(1.0) - light(0.0))
            assert np.abs(shown - meant).max() < 0.05


def test_a_wrong_reading_is_refused_and_named(rng):
    """One of 8 readings above dark is wrong by a factor of 1.5 or more, or two digits swapped.

    In a simulation of 600, 97 % are named: fewer than 53 of 60 have a chance of 3 in a million.
    """
    found = 0
    for _ in range(60):
        values, light = noisy(display(rng), rng)
        wrong = int(rng.integers(1, 9))
        light[wrong] *= rng.choice([1.5, 2, 10]) ** rng.choice([-1, 1])
        try:
            curve(values, light)
        except Misfit as misfit:
            found += misfit.worst == wrong
    assert found >= 53


def test_a_curve_in_the_shape_of_an_s_needs_many_readings():
    def light(values):
        shape = 1 / (1 + np.exp(-7 * (values - 0.5)))
        return 0.3 + 50 * (shape - shape[0]) / (shape[-1] - shape[0])

    few, many = (np.array(calibration.patch_values(count)) for count in (9, 17))
    with pytest.raises(InputError, match=r"the readings follow none; .* \(--patches 17\)"):
        calibration.fit(readings() | {"red": list(zip(few, light(few / 255), strict=True))}, {})
    made = calibration.fit(
        readings() | {"red": list(zip(many, light(many / 255), strict=True))}, {}
    )
    assert made.guns[0].gamma is None
    shown = light(np.sort(np.append(made.table[:, 0] / 255, [0, 1])))[1:-1]
    meant = srgb_decode(np.arange(256) / 255)
    assert np.abs((np.sort(shown) - 0.3) / 50 - meant).max() < 0.02
    wrong = light(many / 255)
    wrong[8] *= 1.5
    with pytest.raises(InputError, match=r"red 128 is .*, and the other readings of red give 25"):
        calibration.fit(readings() | {"red": list(zip(many, wrong, strict=True))}, {})


def test_the_error_is_that_of_the_readings():
    """A reading 3 % off the curve: the claim includes it, in light and in steps."""
    exact = calibration.fit(readings(), {})
    made = calibration.fit(changed("green", 191, 65.9), {})  # 64.0 without
    assert exact.largest_error() < 0.006 < 0.008 < made.largest_error() < 0.02
    green = made.residuals()[1]
    assert (green.gun, green.value) == ("green", 191)
    assert 0.5 < green.light < 1.9
    assert 0.5 < green.steps < 4


def test_calibrations_without_an_offset_are_read_as_before(tmp_path):
    path = tmp_path / "calibration.json"
    gun = {"dark": 0.1, "range": 20.0, "gamma": 2.2}
    facts = {"readings": {name: [[0, 0.1], [255, 20.1]] for name in GAMMAS}}
    content = {"schema_version": 1, "guns": dict.fromkeys(GAMMAS, gun), "facts": facts}
    path.write_text(json.dumps(content | {"table": calibration.IDENTITY.tolist()}))
    read = calibration.load(path)
    assert read.guns[0] == Gun(0.1, 20.0, 2.2)
    assert read.guns[0].light(np.array([0.0, 1.0])).tolist() == pytest.approx([0.1, 20.1])


def as_file(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return read_readings(path)


ROWS = [(gun, v, round(light, 3)) for gun, pairs in readings().items() for v, light in pairs]


@pytest.mark.parametrize(
    ("header", "row", "encoding"),
    [
        ("gun,value,luminance", "{gun},{value},{light}", "utf-8"),
        ("Gun, Value, Luminance", " {gun} , {value} , {light} ", "utf-8-sig"),
        ("GUN;VALUE;LUMINANCE", "{gun};{value};{comma}", "utf-8-sig"),
        ("sep=;\ngun;value;luminance (cd/m²);", "{gun};{value},00;{comma} cd/m²;", "cp1252"),
        ("luminance [cd/m^2]\tgun\tvalue", "{light}\t{letter}\t{value}.0", "utf-16"),
        ('"gun","value","luminance"', '"{gun}","{value}","{comma}"\n', "utf-8"),
        ("gun,value,luminance", "{gun},{value},{light:e}\r", "utf-8"),
    ],
)
def test_readings_are_read_as_spreadsheets_write_them(header, row, encoding, tmp_path):
    lines = [
        row.format(gun=g, letter=g[0].upper(), value=v, light=x, comma=str(x).replace(".", ","))
        for g, v, x in ROWS
    ]
    found = as_file(tmp_path / "r.csv", "\n".join([header, *lines]), encoding)
    assert [(gun, r.value, r.light) for gun, some in found.items() for r in some] == ROWS
    first = header.count("\n") + 2
    assert found["red"][0].place == f"{tmp_path / 'r.csv'}:{first}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red,0,0.3", r"r\.csv:1: 'red,0,0\.3' is not the header; write"),
        ("", r"r\.csv:1: '' is not the header"),
        ("gun,value,luminance,x\nred,0,1,2", "without other columns"),
        ("gun,value,luminance (fL)\nred,0,1", "is not the header"),
        ("gun,value,luminance\nred,300,4\n", r"r\.csv:2: 'red,300,4' is not a reading"),
        ("gun,value,luminance\nred,0.5,4\n", "is not a reading"),
        ("gun,value,luminance\nred,1,nan\n", "is not a reading"),
        ("gun,value,luminance\nred,1,1_0\n", "is not a reading"),
        ("gun,value,luminance\n\npink,1,4\n", r"r\.csv:3: 'pink,1,4' is not a reading"),
        ("gun,value,luminance\nred,1,4,5\n", "with a decimal comma, put semicolons between"),
        ("gun;value;luminance\nred;1;4,5\nred;2;4.6\n", r"r\.csv:3: '4\.6' has another decimal"),
        (
            'gun,value,luminance\nred,0,1\n"red,1,4\nred,2,5\n',
            r"csv:3: '\"red,1,4' is not a CSV row",
        ),
        (
            f'gun,value,luminance\n\nred,"1,4\n{20_000 * "red,2,5 "}',
            r"csv:3: 'red,\"1,4' is not a CSV row",
        ),
        ('gun,value,luminance\n"red"x,1,4\n', r"csv:2: '\"red\"x,1,4' is not a CSV row"),
        ('gun,value,luminance\n"red\n",1,4\n\npink,1,4', r"csv:5: 'pink,1,4' is not a reading"),
        ('gun,value,luminance\nred,"1\n",4,5\nred,2,5\n', r"csv:2: 'red,\"1' is not a reading"),
        (f"gun,value,luminance\nred,1,{'4' * 200_000}\n", r"csv:2: 'red,1,4{54}' is not a CSV row"),
        ("PK\0\0", "is not a text file; save the table as CSV"),
    ],
)
def test_files_that_hold_no_readings_are_refused(text, message, tmp_path):
    with pytest.raises(InputError, match=message):
        as_file(tmp_path / "r.csv", text)


def test_readings_that_were_written_are_read_again(tmp_path):
    write_readings(tmp_path / "r.csv", readings())
    found = read_readings(tmp_path / "r.csv")
    assert {gun: [pair[:2] for pair in some] for gun, some in found.items()} == readings()
    with pytest.raises(InputError, match="cannot be read"):
        read_readings(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("top", "message"),
    [
        (
            "20,100",
            r"r\.csv:10: red 255 is 20\.1 cd/m² \('20,100': the comma is the .* at 0 it is 300",
        ),
        ("0,210", r"r\.csv:10: red 255 is 0\.21 cd/m², and at 0 it is 300: light must grow"),
    ],
)
def test_a_comma_between_thousands_is_named_with_its_line(top, message, tmp_path):
    lights = {gun: [light for _, light in pairs] for gun, pairs in readings().items()}
    lights["red"] = [300, *lights["red"][1:-1], top]
    values = calibration.patch_values(9)
    rows = [
        f"{gun}\t{value}\t{str(light).replace('.', ',')}"
        for gun, some in lights.items()
        for value, light in zip(values, some, strict=True)
    ]
    found = as_file(tmp_path / "r.csv", "\n".join(["gun\tvalue\tluminance", *rows]))
    with pytest.raises(InputError, match=message):
        calibration.fit(found, {})


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
