"""Warnings of a search that fails."""

import json

import numpy as np
import pytest
from trimesh.creation import box, icosphere

from mrd.search.health import FALLEN, Health, loss_warnings
from mrd.study.search_section import Remeshing, SearchConfig
from scenes.arrays import Mesh
from tests.mrd.search.small_search import saved

BALL = icosphere(subdivisions=2)
SPHERE = Mesh(BALL.vertices, BALL.faces, None)
TURNED = Mesh(BALL.vertices, BALL.faces[:, ::-1], None)
STAYS = "the loss stays at {} of its mean over the first 12 steps; try "


def config(*attributes, steps=400, **changes):
    return SearchConfig(attributes=attributes or ("material",), steps=steps, **changes)


def observed(health, losses, first=1):
    """Return the notes of some steps, each with its step."""
    steps = enumerate(losses, first)
    return [(step, note) for step, loss in steps for note in health.observe(loss, step)]


# ---- Loss ---------------------------------------------------------------------------------------


def test_a_loss_that_stays_is_noted_once_and_a_warning_until_it_falls():
    health = Health(config(), views=3)
    (note,) = observed(health, [2.0] * 60)
    advice = "another start, a larger learning_rate or more samples"
    assert note == (60, STAYS.format("100%") + advice)
    assert observed(health, [1.9] * 60, 61) == []
    assert health.warnings() == [STAYS.format("95%") + advice]
    assert observed(health, [1.7] * 60, 121) == []
    assert health.warnings() == []
    assert observed(health, [5.0] * 220, 181) == []  # it has fallen once
    assert health.warnings() == []


@pytest.mark.parametrize(("loss", "warned"), [(FALLEN - 0.001, False), (FALLEN + 0.001, True)])
def test_a_loss_has_to_fall_by_a_tenth(loss, warned):
    health = Health(config(), views=4)
    assert bool(observed(health, [1.0] * 30 + [loss] * 30)) is warned


@pytest.mark.parametrize("views", [3, 5, 7, 25])
def test_which_camera_a_step_sees_does_not_matter(views, rng):
    """Losses of cameras differ a thousandfold. All fall by 11 %, or by 9 %, after 25 steps."""
    of_camera = 10.0 ** rng.uniform(0, 3, views)
    order = np.concatenate([rng.permutation(views) for _ in range(60 // views + 1)])[:60]
    for factor, warned in ((0.89, False), (0.91, True)):
        then = of_camera[order] * np.where(np.arange(60) < 25, 1, factor)
        assert bool(observed(Health(config(), views), then.tolist())) is warned


def test_many_cameras_need_two_rounds_before_the_first_check():
    health = Health(config(), views=50)
    ((step, note),) = observed(health, [1.0] * 400)
    assert step == 120
    assert "over the first 50 steps" in note
    several = Health(config(views_per_step=10), views=50)
    assert observed(several, [1.0] * 60)[0][0] == 60


@pytest.mark.parametrize(
    ("changes", "when"),
    [({"steps": 59}, None), ({"steps": 60}, 60), ({"steps": 80}, 60), ({"mode": "diverge"}, None)],
)
def test_short_searches_and_those_from_the_target_have_no_check(changes, when):
    searched = config(**changes)
    found = observed(Health(searched, views=3), [1.0] * searched.steps)
    assert [step for step, _ in found] == ([] if when is None else [when])


def test_the_last_step_is_checked_too():
    health = Health(config(steps=100), views=3)
    observed(health, [1.0] * 80 + [0.5] * 20)
    assert health.warnings() == []


def test_each_start_has_its_own_first_steps():
    """A second start that falls from a high loss to that of the first start is no failure."""
    health = Health(config(steps=60, restarts=2), views=3)
    assert len(observed(health, [1.0] * 60)) == 1
    assert observed(health, [4.0] * 30 + [1.0] * 30) == []
    assert health.warnings() == []


@pytest.mark.parametrize("loss", [0.0, -0.1])
def test_losses_of_zero_say_nothing(loss):
    """The dual-buffer loss is about 0 at the target, and may be negative."""
    assert observed(Health(config(), views=3), [loss] * 60) == []


def test_a_scene_that_matches_needs_no_falling_loss():
    health = Health(config("shape", remeshing=None), views=3)
    observed(health, [1.0] * 60)
    health.check_mesh(TURNED)
    assert [each.split()[1] for each in health.warnings()] == ["loss", "mesh"]
    assert [each.split()[1] for each in health.warnings(matches=True)] == ["mesh"]


def test_searches_of_shape_have_further_advice():
    health = Health(config("shape", remeshing=None), views=3)
    ((_, note),) = observed(health, [1.0] * 60)
    assert note.endswith("more samples, remeshing: auto or soft_start: 0.6")
    remeshing = Health(config("shape", remeshing=Remeshing(at=(100,))), views=3)
    assert "remeshing" not in observed(remeshing, [1.0] * 60)[0][1]


def test_the_warning_from_a_history_is_that_of_the_search():
    searched, losses = config(steps=90, restarts=2), [1.0] * 180
    rows = [{"step": float(k), "loss": loss} for k, loss in enumerate(losses, 1)]
    assert loss_warnings(searched, 3, rows[:59]) == []
    assert len(loss_warnings(searched, 3, rows[:60])) == 1
    rows[-30:] = [row | {"loss": 0.5} for row in rows[-30:]]
    assert loss_warnings(searched, 3, rows) == []


# ---- Mesh ---------------------------------------------------------------------------------------


def test_a_mesh_inside_out_and_one_that_intersects_itself():
    health = Health(config("shape", remeshing=None), views=3, start=SPHERE)
    assert health.check_mesh(SPHERE) == []
    advice = "try a larger smoothness, a smaller learning_rate or remeshing: auto"
    assert health.check_mesh(TURNED) == [f"the mesh is inside out (100% of its area); {advice}"]
    assert health.check_mesh(TURNED) == []  # noted already
    assert len(health.warnings()) == 1
    rod, solid = box(extents=[0.2, 0.3, 3]).apply_translation([0.02, 0.01, 0]), box()
    crossed = Mesh(
        np.concatenate([rod.vertices, solid.vertices]), np.concatenate([rod.faces, solid.faces + 8])
    )
    note = f"the mesh intersects itself (50% of its faces); {advice}"
    assert health.check_mesh(crossed) == [note]
    assert health.warnings() == [note]  # it is not inside out any more
    health.check_mesh(SPHERE)
    assert health.warnings() == []


def test_a_start_that_is_folded_is_no_failure_of_the_search():
    assert Health(config("shape"), views=3, start=TURNED).check_mesh(TURNED) == []


def test_searches_without_shape_have_no_mesh_to_check():
    assert Health(config("material"), views=3).check_mesh(TURNED) == []


def test_modes_from_the_target_check_the_mesh_and_cannot_remesh():
    health = Health(config("shape", mode="diverge"), views=3, start=SPHERE)
    (note,) = health.check_mesh(TURNED)
    assert note.endswith("try a smaller learning_rate")  # its smoothness is the largest possible


# ---- Saved states and real searches -------------------------------------------------------------


@pytest.mark.parametrize("stop", [1, 11, 12, 35, 59, 60, 61, 119, 120])
def test_a_resumed_search_says_the_same(stop, rng):
    losses = (1 + 0.3 * rng.random(240)).tolist()
    searched = config("shape")
    whole = Health(searched, views=5, start=SPHERE)
    expected = observed(whole, losses)
    assert len(expected) == 1
    before, after = (Health(searched, views=5, start=SPHERE) for _ in range(2))
    notes = observed(before, losses[:stop])
    before.check_mesh(TURNED)
    after.resume(json.loads(json.dumps(before.state())))
    assert notes + observed(after, losses[stop:], stop + 1) == expected
    assert after.check_mesh(TURNED) == []  # noted before
    whole.check_mesh(TURNED)
    assert sorted(after.warnings()) == sorted(whole.warnings())


def test_a_state_of_an_earlier_version_starts_no_check_in_the_middle():
    health = Health(config(), views=3)
    health.resume(None)
    assert observed(health, [1.0] * 100, 21) == []


def test_a_real_search_that_does_not_move_is_noted_and_its_resumed_copy_too(begun, tmp_path):
    still = {"steps": 60, "learning_rate": {"material": 1e-9}}
    search, _ = begun(("material",), **still)
    for _ in range(50):
        search.step()
    state = saved(search, tmp_path)
    resumed, _ = begun(("material",), **still)
    resumed.resume(state)
    for each in (search, resumed):
        list(each.steps())
        (note,) = each.notes
        assert note.startswith("step 60: the loss stays at ")
        assert len(each.health.warnings()) == 1
    assert resumed.notes == search.notes


def test_a_real_search_that_succeeds_has_no_warning(begun):
    search, _ = begun(("material",), steps=60)
    list(search.steps())
    assert search.notes == search.health.warnings() == []


def test_a_real_search_whose_mesh_folds_is_noted_at_its_remeshing(begun):
    wild = {"learning_rate": {"shape": 3.0}, "remeshing": {"at": [2]}}
    search, _ = begun(("shape",), steps=3, **wild)
    list(search.steps())
    assert search.notes[0].startswith("step 2: the mesh is inside out (")
    assert search.notes[1].startswith("step 2: the mesh intersects itself (")


def test_losses_of_a_soft_phase_are_not_compared_with_later_ones():
    """Soft phases end after steps 120 and 240 of 400; there the target and the loss change."""
    soft = config("shape", soft_start=0.6)
    change = [2.0] * 120 + [1.0] * 120 + [3.0] * 160  # each phase stays at its own loss
    notes = observed(Health(soft, views=3), change)
    assert [step for step, _ in notes] == [60]
    health = Health(soft, views=3)
    observed(health, change)
    assert health.warnings() == [note for _, note in notes]
    assert observed(Health(config("shape"), views=3), change) == [(60, notes[0][1])]
    assert Health(config("shape"), views=3).warnings() == []
    falls = [2.0] * 120 + [3.0] * 120 + [2.9] * 60 + [2.0] * 100  # it falls in the last phase
    health = Health(soft, views=3)
    observed(health, falls)
    assert health.warnings() == []


def test_a_phase_begins_with_a_whole_round():
    """Cameras of very different losses; the phase ends within a round of 7."""
    of_camera = np.tile(10.0 ** np.arange(7), 100)[:400]
    soft = config("shape", soft_start=0.6)
    scale = np.where(np.arange(400) < 240, 1, 5)
    assert len(observed(Health(soft, views=7), (of_camera * scale).tolist())) == 1
