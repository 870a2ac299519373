import OpenEXR
import pytest

from scenes.pictures.linear_names import is_called_linear, linear_gamut, says_nothing
from scenes.pictures.primaries import KNOWN, name_of

NAMES = {
    "Rec. 709": (
        *("linear", "Linear", "scene_linear", "lin_srgb", "lin_rec709", "lin_rec709_scene"),
        *("lin_rec709_srgb", "Linear Rec.709", "Linear Rec.709 (sRGB)", "Linear BT.709"),
        *("scene-linear Rec.709-sRGB", "scene-linear Rec 709/sRGB", "Linear sRGB"),
        *("Utility - Linear - sRGB", "Utility - Linear - Rec.709", "sRGB - linear", "srgb_linear"),
    ),
    "Rec. 2020": ("lin_rec2020", "lin_rec2020_scene", "Linear Rec.2020", "scene-linear Rec.2020"),
    "Display P3": (
        *("lin_p3d65", "lin_p3d65_scene", "lin_displayp3", "Linear P3-D65", "Linear Display P3"),
        *("Linear DCI-P3 D65", "scene-linear DCI-P3 D65", "Utility - Linear - P3-D65"),
    ),
    "Adobe RGB": ("lin_adobergb", "lin_adobergb_scene", "Linear AdobeRGB"),
    "ACEScg": ("ACEScg", "acescg", "ACES - ACEScg", "lin_ap1", "lin_ap1_scene", "Linear ACEScg"),
    "ACES2065-1": ("ACES2065-1", "aces2065_1", "ACES - ACES2065-1", "aces", "lin_ap0_scene"),
}


@pytest.mark.parametrize("gamut", NAMES)
def test_names_of_linear_spaces_give_their_primaries(gamut):
    assert gamut in KNOWN
    for name in NAMES[gamut]:
        assert linear_gamut(name) == gamut, name
        assert is_called_linear(name), name
        assert not says_nothing(name), name
        published = OpenEXR.colorInteropIDToChromaticities(name)
        if published is not None:
            assert name_of([published[i : i + 2] for i in (0, 2, 4, 6)]) == gamut


@pytest.mark.parametrize(
    "name",
    [
        *("sRGB", "srgb_rec709_scene", "g22_rec709_scene", "Rec.709", "ACEScc", "ACES - ACEScct"),
        *("srgb_ap1_scene", "ACEScct", "non-linear", "sRGB (nonlinear)", "Output - sRGB"),
        "ARRI LogC3",
    ],
)
def test_names_of_encoded_colours_are_not_linear(name):
    assert linear_gamut(name) is None
    assert not is_called_linear(name)
    assert not says_nothing(name)


@pytest.mark.parametrize("name", ["lin_ciexyzd65_scene", "Linear FilmLight E-Gamut", "lin_p3"])
def test_other_linear_spaces_have_no_known_primaries(name):
    assert linear_gamut(name) is None
    assert is_called_linear(name)


@pytest.mark.parametrize("name", ["", "unknown", "data", "Raw", "Utility - Raw", "Non-Color"])
def test_names_that_say_nothing(name):
    assert says_nothing(name)
    assert linear_gamut(name) is None or not name
