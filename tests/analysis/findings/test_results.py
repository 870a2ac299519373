"""The whole analysis on trials that are not as one would wish: no table is lost for another."""

import numpy as np
import pandas as pd
import pytest

from analysis.config import AnalysisConfig, ExclusionsConfig
from analysis.findings import results
from analysis.report.study_report import distances
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet

CONFIG = AnalysisConfig(overdispersion=False, draws=100)


@pytest.fixture(scope="module")
def few(trials):
    """Trials of three people."""
    return trials[trials["observer"].isin(["01", "02", "03"])].reset_index(drop=True)


@pytest.fixture(scope="module")
def uneven(few):
    """Adaptive procedures: some cells of person 02 hold one level, some levels one person."""
    frame = few.copy()
    mine = (frame["phase"] == "main") & (frame["observer"] == "02") & (frame["role"] == "result")
    shape, material = (mine & (frame["attribute"] == a) for a in ("shape", "material"))
    frame.loc[shape, "correct"] = 0
    frame.loc[material, "correct"] = 1
    drop = (shape & (frame["level"] < 1)) | (material & ~frame["level"].isin([0, 0.7]))
    alone = (frame["attribute"] == "shape") & (frame["level"] == 0.4) & (frame["observer"] != "01")
    return frame[~drop & ~alone & ~(mine & (frame["target"] == "vase"))]


@pytest.fixture(scope="module")
def analysed(made_study, uneven):
    with StimulusSet(made_study / "stimuli.h5") as stimuli:
        layers = distances(stimuli, uneven)
        config = CONFIG.model_copy(update={"x": "model_distance"})
        return results.analyse(uneven, layers, config)


def test_a_cell_of_one_level_is_listed_and_aborts_nothing(analysed):
    table = analysed.tables["psychometric"].set_index(["observer", "condition"])
    assert len(table) == 3 * 4
    never_down, always_right = (
        table.loc[("02", f"{attribute}, by shapely")] for attribute in ("shape", "material")
    )
    assert (never_down["measurable"], never_down["levels"], never_down["trials"]) == ("above", 1, 8)
    shown = analysed.trials[analysed.trials["observer"] == "02"]
    its = (shown["attribute"] == "shape") & (shown["role"] == "result")
    assert never_down["bound"] == shown.loc[its & (shown["level"] == 1), "x"].iloc[0]
    assert (always_right["measurable"], always_right["levels"]) == ("not fitted", 1)
    assert np.isnan(always_right["bound"])
    assert "02 in material, by shapely" in analysed.left_out["psychometric"]
    assert set(analysed.left_out) == {"psychometric"}
    assert {"invariance", "agreement", "group", "equivalence"} <= set(analysed.tables)


def test_agreement_leaves_out_levels_that_one_person_saw_alone(analysed):
    table = analysed.tables["agreement"]
    shape = table[table["condition"].str.startswith("shape")]
    assert 0.4 not in set(shape["level"])
    assert 0.2 in set(shape["level"])


def test_level_zero_is_at_zero_on_every_axis(analysed):
    """A model tells a target's noise from its re-render's, and that is no stimulus."""
    for frame in (analysed.trials, analysed.predicted):
        zero = frame["level"] == 0
        assert (frame.loc[zero, "x"] == 0).all()
        assert (frame.loc[~zero, "x"] > 0).all()
    fitted = {each.names["condition"]: each.levels.min() for each in analysed.fits}
    assert min(fitted.values()) > 0


def test_models_agree_with_people_less_than_people_could(analysed):
    table = analysed.tables["agreement"]
    models = table[~table["people"]]
    assert set(models["observer_b"]) == {"shapely/late", "glossy/late"}
    assert set(models["observer_a"]) == {"01", "02", "03"}
    one = models[models["condition"].eq("material, by shapely") & models["level"].eq(0.4)]
    people = table[table["people"]].set_index(["condition", "level"])["noise_ceiling"]
    ceiling = people.groupby(level=[0, 1]).first()["material, by shapely", 0.4]
    assert (one["noise_ceiling"] == ceiling).all()
    overall = analysed.tables["overall"]
    assert list(overall["who"]) == ["people", "glossy/late", "shapely/late"]
    assert list(overall["pairs"]) == [3, 3, 3]


@pytest.fixture(scope="module")
def pair(few):
    return few[few["observer"] != "03"]


def test_without_a_common_trial_there_is_no_agreement(pair):
    strangers = pair.assign(stimulus=pair["observer"] + pair["stimulus"])
    made = results.analyse(strangers, {}, CONFIG)
    assert made.left_out == {
        "agreement": "no two people judged the same stimulus at the same level"
    }


def test_controls_alone(pair, made_study):
    kept = pair[pair["role"] == "control"]
    with StimulusSet(made_study / "stimuli.h5") as stimuli:
        made = results.analyse(kept, distances(stimuli, kept), CONFIG)
    assert "no trials other than controls" in made.left_out["invariance"]
    assert "no trial shows the end of a search" in made.left_out["equivalence"]
    assert "no trial shows the end of a search" in made.left_out["cross_table"]


def test_conditions_are_counted_after_exclusions(few):
    """What the rules take away may be all that someone answered in a condition."""
    changed = few.copy()
    hasty = (changed["observer"] == "02") & (changed["attribute"] == "shape")
    changed.loc[hasty, "response_time"] = 0.01
    with pytest.raises(InputError, match=r"participant 02 has no trials of shape, .* after"):
        results.analyse(changed, {}, CONFIG, source="data")
    unfinished = few.assign(finished=few["observer"] != "02")
    cut_off = unfinished[(unfinished["observer"] != "02") | (unfinished["attribute"] == "shape")]
    made = results.analyse(
        cut_off[cut_off["role"] == "control"], {}, CONFIG.model_copy(update={"draws": 100})
    )
    assert set(made.trials["observer"]) == {"01", "03"}
    assert set(made.tables["exclusions"]["rule"]) == {"unfinished"}


def test_failed_catch_trials_forbid_the_claim_even_where_they_exclude_nobody(pair):
    failed = pair.copy()
    failed.loc[(failed["phase"] == "catch") & (failed["observer"] == "02"), "correct"] = 0
    lenient = CONFIG.model_copy(update={"exclude": ExclusionsConfig(catch=0)})
    kept, catch, _ = results.exclusions.apply(failed, lenient.exclude)
    assert set(kept["observer"]) == {"01", "02"}
    assert (catch["proportion"] < 0.75).any()
    table = results.analyse(failed, {}, lenient).tables["equivalence"]
    assert not table["cannot_tell"].any()


def test_mixed_units_are_refused(pair):
    mixed = pair.assign(unit=pair["unit"].where(pair["target"] == "vase", "level"))
    with pytest.raises(InputError, match=r"data: condition '.*' mixes units of level \(level, "):
        results.analyse(mixed, {}, CONFIG, source="data")
    at_levels = mixed[mixed["role"] == "control"]
    made = results.analyse(at_levels, {}, CONFIG.model_copy(update={"x": "level"}))
    assert isinstance(made.tables["psychometric"], pd.DataFrame)
