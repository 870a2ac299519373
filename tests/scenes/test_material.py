import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scenes.arrays import Picture
from scenes.camera import Fibonacci, Ring, Single
from scenes.lighting import SunSky
from scenes.material import PRESETS, RANGES, SCALARS, Material


def texture(channels, value=0.5):
    return Picture(np.full((2, 4, channels), value))


def test_every_number_of_a_material_is_listed():
    numbers = [name for name in Material.model_fields if name not in ("kind", "base_color")]
    assert list(SCALARS) == [
        "roughness", "metallic", "eta", "spec_tint", "anisotropic", "sheen", "sheen_tint",
        "clearcoat", "clearcoat_gloss", "spec_trans", "flatness",
    ]  # fmt: skip
    assert sorted(numbers) == sorted(SCALARS)


@given(name=st.sampled_from(SCALARS), data=st.data())
def test_every_number_has_the_range_stated(name, data):
    low, high = RANGES[name]
    inside = data.draw(st.floats(low, high, exclude_min=name == "eta"))
    assert getattr(Material(**{name: inside}), name) == inside
    outside = data.draw(
        st.floats(high, 1e9, exclude_min=True) | st.floats(-1e9, low, exclude_max=True)
    )
    with pytest.raises(ValidationError, match="is out of range; allowed: "):
        Material(**{name: outside})


def test_eta_of_one_is_refused():
    with pytest.raises(ValidationError, match="1 is out of range; allowed: above 1, up to 4"):
        Material(eta=1)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_materials(name):
    material = Material.model_validate(name)
    for key, value in PRESETS[name].items():
        assert getattr(material, key) == value


def test_a_mapping_may_start_from_a_preset():
    material = Material.model_validate({"preset": "brushed_metal", "roughness": 0.1})
    assert material.roughness == 0.1
    assert material.metallic == 1
    with pytest.raises(ValidationError, match="no material is called 'mate'; did you mean 'matte'"):
        Material.model_validate({"preset": "mate"})
    with pytest.raises(ValidationError, match="no material is called 'glossy'"):
        Material.model_validate("glossy")


def test_textures_have_the_channels_they_need():
    material = Material(base_color=texture(3), roughness=texture(1), metallic=texture(1))
    assert material.base_color.channels == 3
    for name in ("roughness", "metallic"):
        with pytest.raises(
            ValidationError, match="needs 1 channel, this one has 3; save it as grey"
        ):
            Material(**{name: texture(3)})
    with pytest.raises(ValidationError, match="a colour texture needs 3 channels, this one has 1"):
        Material(base_color=texture(1))
    with pytest.raises(ValidationError, match="use a number; allowed: 0 to 1"):
        Material(sheen=texture(1))


def test_textures_have_values_in_range():
    with pytest.raises(
        ValidationError, match=r"24 of 24 texture values are out of range \(1.5 to 1.5\)"
    ):
        Material(base_color=texture(3, 1.5))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.5, "1.5 is out of range; allowed: 0 to 1"),
        ((0.5, -0.1, 0.5), "-0.1 is out of range"),
        ((0.5, 0.5), "Field required"),
        (None, "use a number, three numbers"),
        (True, "use a number"),
    ],
)
def test_an_invalid_colour_is_refused(value, message):
    with pytest.raises(ValidationError, match=message):
        Material(base_color=value)


@pytest.mark.parametrize("section", [Material, Fibonacci, Ring, Single, SunSky])
def test_every_key_has_its_own_description(section):
    """The descriptions make the table of keys of the manual."""
    names = re.findall(r"^    (\w+(?:, \w+)*)$", section.__doc__.split("-\n", 1)[1], re.MULTILINE)
    shared = [each for each in names if "," in each]
    assert shared in ([], ["distance, field_of_view, resolution, target"])  # "as in `Fibonacci`"
    assert len(names) > 3
