"""`mode: match`: stopping, further starts, and the best place.

Most tests give the mode losses directly, without rendering.
"""

import numpy as np
import pytest
import torch

from mrd.search.match import Match
from mrd.study.search_groups import EarlyStopping, LearningRate, StartConfig
from tests.mrd.search.small_search import TARGET, saved


def after_losses(search, losses, s=0.5):
    """Report losses to the mode as if steps had been made; roughness is the number of the step."""
    (material,) = search.moving.variables
    for loss in losses:
        if search.finished == search.total:
            break
        search.finished += 1
        with torch.no_grad():
            material.tensors["roughness"].fill_(search.finished / 1000)
        search.mode.end_step(search, loss, s)


def roughness(search):
    return search.scene().material.roughness


def test_a_search_without_gain_stops_at_its_best_place(begun):
    search, _ = begun(("material",), steps=400, early_stopping=EarlyStopping(patience=10))
    losses = [*np.linspace(2, 1, 20), *np.linspace(1, 2, 50)]
    mean, means = losses[0], [losses[0]]
    for step, loss in enumerate(losses[1:], start=2):
        mean += (loss - mean) / min(step, 12)  # three cameras, four rounds
        means.append(mean)
    after_losses(search, losses)
    assert search.finished == 400
    (note,) = search.notes
    assert note.endswith("stopped, no lower loss in 10 steps")
    best = search.state().header["best_step"]
    assert best == 1 + int(np.argmin(means))
    assert note.startswith(f"step {best + 10}:")
    assert roughness(search) == pytest.approx(best / 1000)


def test_a_rendered_search_that_only_leads_away_stops_early(begun):
    """From the target itself, at a rate that only leads away, the best place is an early one."""
    search, _ = begun(
        ("material",),
        steps=400,
        schedule="constant",
        early_stopping=EarlyStopping(patience=10),
        start=StartConfig(material=TARGET["material"]),
        material_parameters=("base_color",),
        learning_rate=LearningRate(material=0.3),
    )
    rows = list(search.steps())
    assert len(rows) < 300
    assert rows[-1].step == search.finished == 400
    assert search.mode.best_loss < np.mean([row.loss for row in rows[-5:]])
    assert 4 <= search.state().header["best_step"] <= len(rows) - 10
    np.testing.assert_array_equal(
        search.scene().material.base_color,
        search.mode.best["material.base_color"].astype(float),
    )


def test_a_search_stops_at_a_sufficient_match(begun, tmp_path):
    """The match is 2 s here."""
    search, _ = begun(("material",), steps=60, early_stopping=EarlyStopping(match=0.9))
    search.mode = Match(lambda s: 2 * s)
    search.mode.begin(search)
    after_losses(search, [1.0] * 20, s=0.4)
    state = saved(search, tmp_path)
    after_losses(search, [1.0] * 40, s=0.5)
    stopped = search.state().header["best_step"]
    # The mean of 12 steps goes from 0.8 to 1: 1 − 0.2 (11/12)^8 = 0.900.
    assert stopped == 28
    assert search.notes == [f"step {stopped}: stopped, the match is high enough"]
    assert search.finished == search.total
    assert roughness(search) == pytest.approx(stopped / 1000)
    resumed, _ = begun(("material",), steps=60, early_stopping=EarlyStopping(match=0.9), seed=9)
    resumed.mode = Match(lambda s: 2 * s)
    resumed.mode.begin(resumed)
    resumed.resume(state)
    after_losses(resumed, [1.0] * 40, s=0.5)
    assert resumed.state().header["best_step"] == stopped


def test_a_rendered_search_stops_short_of_its_target(begun):
    """Pearson's r is taken for the match; the colour, which would be recovered, is not."""
    settings = {
        "steps": 40,
        "material_parameters": ("base_color",),
        "learning_rate": LearningRate(material=0.05),
    }
    whole, target = begun(("material",), **settings)
    r = [row.s for row in whole.steps()]
    sufficient = 0.5 * (r[0] + r[-1])
    search, _ = begun(("material",), **settings, early_stopping=EarlyStopping(match=sufficient))
    rows = list(search.steps())
    assert 4 <= len(rows) < 35
    assert search.finished == search.total
    ends = [
        np.abs(np.subtract(each.scene().material.base_color, target.material.base_color)).max()
        for each in (search, whole)
    ]
    assert ends[0] > 2 * ends[1]


@pytest.mark.parametrize("steps", [3, 12])  # fewer than four rounds of the cameras, or more
def test_restarts_end_at_the_best_of_them(begun, steps):
    search, _ = begun(("material",), steps=steps, restarts=3)
    starts = [search.scene().material.roughness]
    for loss in (2.0, 1.0, 3.0):
        after_losses(search, [loss] * steps)
        starts.append(roughness(search))
    assert search.finished == search.total == 3 * steps
    moved = [abs(each - starts[0]) for each in starts[1:3]]
    assert all(0 < each < 0.5 for each in moved)  # at the start again, moved by other noise
    assert moved[0] != moved[1]
    assert search.mode.best_loss == pytest.approx(1.0)
    assert search.state().header["best_step"] == 2 * steps
    assert starts[-1] == pytest.approx(2 * steps / 1000)


def test_rendered_restarts_keep_the_lowest_mean_loss(begun):
    search, _ = begun(("material",), steps=4, restarts=2)
    rows = list(search.steps())
    assert [row.step for row in rows] == list(range(1, 9))
    ends = [np.mean([row.loss for row in rows[end - 4 : end]]) for end in (4, 8)]
    assert search.mode.best_loss == pytest.approx(min(ends), rel=1e-6)


def test_a_resumed_search_knows_its_best_place(begun, tmp_path):
    whole, _ = begun(("material",), steps=4, restarts=2)
    for _ in range(6):
        whole.step()
    state = saved(whole, tmp_path)
    list(whole.steps())
    resumed, _ = begun(("material",), steps=4, restarts=2, seed=5)
    resumed.resume(state)
    list(resumed.steps())
    assert resumed.mode.best_loss == pytest.approx(whole.mode.best_loss, rel=1e-2)
    for name in whole.mode.best:
        np.testing.assert_allclose(resumed.mode.best[name], whole.mode.best[name], atol=1e-3)
