"""Levels of a series: spacing, states in growing distance, cameras."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrd.study.series import (
    chosen_cameras,
    chosen_states,
    fractions,
    is_kept,
    joint_distances,
    on_the_way,
)
from mrd.study.series_section import SeriesConfig
from scenes.base.errors import InputError
from scenes.camera import Ring
from scenes.scene import Scene
from scenes.shape import Sphere


def test_linear_levels_end_at_the_result():
    assert fractions(SeriesConfig(levels=4)).tolist() == [0.25, 0.5, 0.75, 1.0]


def test_log_levels_grow_by_equal_ratios_from_the_first():
    levels = fractions(SeriesConfig(levels=3, spacing="log", first=0.25))
    assert levels == pytest.approx([0.25, 0.5, 1.0])
    assert fractions(SeriesConfig(levels=1, spacing="log")).tolist() == [1.0]


def test_kept_states_become_sparser():
    kept = [step for step in range(101) if is_kept(step)]
    assert kept == [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 51, 64, 81]


def test_a_trajectory_begins_at_the_result_and_ends_at_the_farthest():
    distances = [0.1, 0.2, 0.15, 0.35, 0.5, 0.45, 0.9]
    assert chosen_states(distances, SeriesConfig(levels=3)) == [0, 4, 6]  # 0.1, 0.5, 0.9
    assert chosen_states(distances, SeriesConfig(levels=3, spacing="log")) == [0, 3, 6]  # 0.3
    assert chosen_states(distances, SeriesConfig(levels=5)) == [0, 1, 3, 4, 6]
    assert chosen_states(distances, SeriesConfig(levels=1)) == [0]


@given(
    distances=st.lists(st.floats(0.001, 10), min_size=1, max_size=30),
    levels=st.integers(1, 8),
    spacing=st.sampled_from(["linear", "log"]),
)
def test_chosen_states_grow_strictly_or_are_refused(distances, levels, spacing):
    config = SeriesConfig(levels=levels, spacing=spacing)
    records = sum(d > max([0.0, *distances[:i]]) for i, d in enumerate(distances))
    if records < levels:
        with pytest.raises(InputError, match="strictly growing"):
            chosen_states(distances, config)
        return
    chosen = chosen_states(distances, config)
    assert len(chosen) == levels
    assert chosen[0] == 0
    assert chosen == sorted(chosen)
    assert (np.diff([distances[k] for k in chosen]) > 0).all()
    if levels > 1:
        assert distances[chosen[-1]] == max(distances)


def test_a_result_that_is_the_target_is_refused():
    with pytest.raises(InputError, match="only 1 of the search's 2 saved states"):
        chosen_states([0.0, 0.5], SeriesConfig(levels=1))


def test_distances_of_several_attributes_are_averaged_as_shares():
    distances = [{"shape": 0.1, "material": 2.0}, {"shape": 0.4, "material": 1.0}]
    assert joint_distances(distances) == pytest.approx([(0.25 + 1) / 2, (1 + 0.5) / 2])
    assert joint_distances([{"pose": 30.0}, {"pose": 60.0}]).tolist() == [30.0, 60.0]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("all", ("c0", "c1", "h0")),
        ("training", ("c0", "c1")),
        ("held_out", ("h0",)),
        (("h0", "c1"), ("c1", "h0")),
    ],
)
def test_cameras_by_group_and_name(asked, names):
    target = Scene(name="ball", shape=Sphere(), cameras=Ring(count=2, held_out=1))
    assert chosen_cameras(asked, target) == names


def test_cameras_that_do_not_exist_are_refused():
    target = Scene(name="ball", shape=Sphere(), cameras=Ring(count=2))
    with pytest.raises(InputError, match=r"no camera is called 'c9'; .*known: c0, c1"):
        chosen_cameras(("c9",), target)
    with pytest.raises(
        InputError, match="held_out is not allowed: the target has no such camera; known: c0, c1"
    ):
        chosen_cameras("held_out", target)


def test_a_trajectory_has_only_states_of_the_best_start():
    # Three starts of ten steps. The state after the tenth step is the next start.
    kept = [0, 4, 10, 14, 18, 20, 26, 30]
    assert on_the_way(kept, 17, 10) == [10, 14]
    assert on_the_way(kept, 18, 10) == [10, 14]  # the state after step 18 is the result
    assert on_the_way(kept, 20, 10) == [10, 14, 18]
    assert on_the_way(kept, 21, 10) == [20]
    assert on_the_way(kept, 8, 10) == [0, 4]
    assert on_the_way(kept, 30, 10) == [20, 26]


def test_a_trajectory_has_no_states_after_the_best():
    assert on_the_way([0, 4, 7, 10, 16, 30], 9, 30) == [0, 4, 7]
    assert on_the_way([0, 4, 7, 10, 16, 30], 30, 30) == [0, 4, 7, 10, 16]
