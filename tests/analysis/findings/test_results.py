"""The whole analysis with incomplete data: one table that fails does not stop the others."""

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
    """As of adaptive procedures: some cells of person 02 have one level, some levels one person."""
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


def test_a_cell_of_one_level_is_listed_and_stops_nothing(analysed):
    table = analysed.tables["psychometric"].set_index(["observer", "condition"])
    assert len(table) == 3 * 4
    never_down, always_right = (
        table.loc[("02", f"{attribute}, by shapely")] for attribute in ("shape", "material")
    )
    assert (never_down["measurable"], never_down["levels"], never_down["trials"]) == ("above", 1, 8)
    shown = analysed.trials[analysed.trials["observer"] == "02"]
    own = (shown["attribute"] == "shape") & (shown["role"] == "result")
    assert never_down["bound"] == shown.loc[own & (shown["level"] == 1), "x"].iloc[0]
    assert (always_right["measurable"], always_right["levels"]) == ("not fitted", 1)
    assert np.isnan(always_right["bound"])
    assert "02 in material, by shapely" in analysed.left_out["psychometric"]
    assert set(analysed.left_out) == {"psychometric"}
    assert {"invariance", "agreement", "group", "equivalence"} <= set(analysed.tables)


def test_agreement_omits_levels_that_one_person_saw(analysed):
    table = analysed.tables["agreement"]
    shape = table[table["condition"].str.startswith("shape")]
    assert 0.4 not in set(shape["level"])
    assert 0.2 in set(shape["level"])


def test_level_zero_is_at_zero_on_every_axis(analysed):
    """The distance of a model between a target and its re-render is noise."""
    for frame in (analysed.trials, analysed.predicted):
        zero = frame["level"] == 0
        assert (frame.loc[zero, "x"] == 0).all()
        assert (frame.loc[~zero, "x"] > 0).all()
    fitted = {each.names["condition"]: each.levels.min() for each in analysed.fits}
    assert min(fitted.values()) > 0


def test_agreement_of_models_with_people(analysed):
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
    """Trials of two people with one attribute."""
    return few[(few["observer"] != "03") & (few["attribute"] == "shape")]


@pytest.fixture(scope="module")
def controls(pair):
    return pair[pair["role"] == "control"]


def test_without_a_common_trial_there_is_no_agreement(controls):
    strangers = controls.assign(stimulus=controls["observer"] + controls["stimulus"])
    found = results.analyse(strangers, {}, CONFIG)
    assert found.left_out["agreement"] == "no two people saw the same stimulus at the same level"


def test_controls_alone(controls, made_study):
    with StimulusSet(made_study / "stimuli.h5") as stimuli:
        found = results.analyse(controls, distances(stimuli, controls), CONFIG)
    assert "no trials other than controls" in found.left_out["invariance"]
    assert "no trial shows the result of a search" in found.left_out["equivalence"]
    assert "no trial shows the result of a search" in found.left_out["cross_table"]


def test_one_person_has_no_group(controls):
    found = results.analyse(controls[controls["observer"] == "01"], {}, CONFIG)
    assert "at least two observers" in found.left_out["group"]
    assert set(found.trials["observer"]) == {"01"}


def test_conditions_are_counted_after_exclusions(few):
    """The rules may exclude all answers of a person in a condition."""
    changed = few.copy()
    hasty = (changed["observer"] == "02") & (changed["attribute"] == "shape")
    changed.loc[hasty, "response_time"] = 0.01
    with pytest.raises(InputError, match=r"participant 02 has no trials of shape, .* after"):
        results.analyse(changed, {}, CONFIG, source="data")
    only_shape = few[(few["observer"] != "02") | (few["attribute"] == "shape")]
    unfinished = only_shape.assign(finished=only_shape["observer"] != "02")
    unfinished = unfinished[unfinished["role"] == "control"]
    found = results.analyse(unfinished[unfinished["observer"] != "03"], {}, CONFIG)
    assert set(found.trials["observer"]) == {"01"}
    assert set(found.tables["exclusions"]["rule"]) == {"unfinished"}


def test_failed_catch_trials_forbid_the_claim_without_excluding_anyone(pair):
    failed = pair.copy()
    failed.loc[(failed["phase"] == "catch") & (failed["observer"] == "02"), "correct"] = 0
    lenient = CONFIG.model_copy(update={"exclude": ExclusionsConfig(catch=0)})
    found = results.analyse(failed, {}, lenient)
    assert set(found.trials["observer"]) == {"01", "02"}
    assert (found.tables["catch_trials"]["proportion"] < 0.75).any()
    assert not found.tables["equivalence"]["cannot_tell"].any()


def test_mixed_units_are_refused(pair):
    mixed = pair.assign(unit=pair["unit"].where(pair["target"] == "vase", "level"))
    with pytest.raises(
        InputError, match=r"data: condition '.*' mixes units of level \(chamfer, level"
    ):
        results.analyse(mixed, {}, CONFIG, source="data")
    at_levels = mixed[mixed["role"] == "control"]
    found = results.analyse(at_levels, {}, CONFIG.model_copy(update={"x": "level"}))
    assert isinstance(found.tables["psychometric"], pd.DataFrame)
