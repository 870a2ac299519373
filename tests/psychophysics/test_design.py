"""From a set's table to conditions: what is found, what is refused."""

import pandas as pd
import pytest

from psychophysics.design import find_conditions
from scenes.base.errors import InputError
from tests.small_set import small_table

WHERE = "set.h5"


@pytest.fixture
def table() -> pd.DataFrame:
    return small_table()


def test_every_series_is_a_condition(table, config):
    found = find_conditions(table, config(comparisons=["result", "control", "pixel"]), WHERE)
    assert [each.name for each in found] == [
        "vase-material-net-s1-control",
        "vase-material-net-s1-result",
        "vase-material-pixels-s1-pixel",
        "vase-shape-net-s1-control",
        "vase-shape-net-s1-result",
        "vase-shape-pixels-s1-pixel",
    ]
    one = found[1]
    assert (one.target, one.attribute, one.model, one.layer) == (
        "vase", "material", "net", "early;late",
    )  # fmt: skip
    assert one.levels == (0.0, 0.5, 1.0)
    assert (one.cameras, one.lights, one.seeds) == (("c0", "c1"), ("own",), 3)


def test_images_are_found_by_side_level_cell_and_rank(table, config):
    one = find_conditions(table, config(), WHERE)[1]
    cell = ("c1", "own")
    assert one.image("target", 1.0, cell, 2).stimulus_id == "vase-material_target-0_c1_own_2"
    assert one.image("comparison", 0.0, cell, 1).role == "rerender"
    assert one.image("comparison", 0.5, cell, 0).role == "series"
    assert one.image("comparison", 1.0, cell, 0).role == "result"


def test_no_null_scene_is_ever_shown(table, config):
    for one in find_conditions(table, config(cameras="all"), WHERE):
        sets = [one.target_images, *one.comparison_images.values()]
        roles = {image.role for cells in sets for cell in cells.values() for image in cell}
        assert "null" not in roles


def test_cameras_are_chosen(table, config):
    assert find_conditions(table, config(cameras="held_out"), WHERE)[0].cameras == ("h0",)
    assert find_conditions(table, config(cameras="all"), WHERE)[0].cameras == ("c0", "c1", "h0")


def test_attributes_and_comparisons_are_chosen(table, config):
    found = find_conditions(table, config(attributes=["shape"], comparisons=["control"]), WHERE)
    assert [each.name for each in found] == ["vase-shape-net-s1-control"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"targets": ["vas"]}, r"set\.h5: experiment\.targets: the set has no 'vas'; did you mean"),
        ({"models": ["nets"]}, r"experiment\.models: the set has no 'nets'; did you mean 'net'"),
        ({"attributes": ["pose"]}, r"it has: material, shape"),
        ({"lights": ["dusk"]}, r"experiment\.lights: the set has no 'dusk'; it has: own"),
        ({"vary": ["camera"]}, r"vary: camera: .* shows 3 images, and the set has 2 \(c0, c1\)"),
        ({"vary": ["lighting"]}, r"vary: lighting: .* the set has 1 \(own\)"),
        ({"models": ["pixels"]}, r"no series of result, control is left with"),
    ],
)
def test_what_the_set_does_not_hold_is_refused(words, text, table, config):
    with pytest.raises(InputError, match=text):
        find_conditions(table, config(**words), WHERE)


def test_too_few_levels_are_refused(table, config):
    few = table[table["level"].isna() | (table["level"] != 0.5)]
    with pytest.raises(InputError, match="2 levels, level 0 included; at least 3 are needed"):
        find_conditions(few, config(), WHERE)


def test_too_few_noise_seeds_are_refused(table, config):
    few = table[table["noise_seed"] % 3 < 2]  # those of the re-rendered target start at 3
    with pytest.raises(InputError, match="the set has 2 noise seeds of a scene"):
        find_conditions(few, config(), WHERE)
    assert find_conditions(few, config(task="same_different"), WHERE)  # a pair needs no more


def test_missing_images_are_refused(table, config):
    gone = (table["role"] == "result") & (table["camera"] == "c1")
    with pytest.raises(InputError, match="level 1: no image at camera c1 under light own"):
        find_conditions(table[~gone], config(), WHERE)
    gone = table["role"] == "rerender"
    with pytest.raises(InputError, match="the set has no images of role rerender; build"):
        find_conditions(table[~gone], config(), WHERE)
