"""Whole experiments, from sessions on disk to ratios of people's and a model's thresholds.

The false-alarm rate of a test is 1e-3; its power is .9 against the faults that it names
(`tests.statistical.bands`).
"""

import shutil

import numpy as np
import pytest

from analysis.config import ExclusionsConfig
from analysis.report.study_report import distances
from analysis.statistics import invariance, model_observers
from analysis.statistics.monotonicity import ALPHA
from analysis.trials import exclusions, sessions
from stimuli.stimulus_set import StimulusSet
from tests import simulated_study
from tests.statistical.bands import FALSE_ALARM, Rate

SEES = 0.5  # distance that people and model find at level 1 of controls


ALIKE = (0.5, 0.5)
BLIND = (0.5, 0.0125)  # the model sees so little that its threshold is beyond the levels


def test_one_experiment_from_sessions_to_ratios(tmp_path, seed):
    """People who decide by distances, against a model whose noise is fitted to their controls.

    They find the same distances in controls, so that its noise is theirs. In shape the model is
    like people, in material it is blind. Distances grow with level to the power 1.5, so thresholds
    are log₂(ratio of sensitivities)/1.5 octaves apart. Intervals at 99.95 % hold the truth; they
    are less than three octaves wide where both thresholds are measured.
    """
    truth = _study(tmp_path, {"shape": ALIKE, "material": BLIND})
    rows = _ratios(tmp_path, seed % 10**6, coverage=1 - FALSE_ALARM / 2)
    rows = rows.set_index(rows["condition"].str.partition(",")[0])
    assert (rows["people_measurable"] == "measured").all()
    assert rows["model_measurable"].to_dict() == {"shape": "measured", "material": "above"}
    for attribute, row in rows.iterrows():
        assert row["log2_ratio_low"] <= truth[attribute] <= row["log2_ratio_high"]
    assert rows.loc["material", "log2_ratio_low"] > 0
    assert rows.loc["shape", "log2_ratio_high"] - rows.loc["shape", "log2_ratio_low"] < 3


@pytest.mark.full
@pytest.mark.parametrize(
    ("people_see", "model_sees"),
    [
        ALIKE,
        (0.5, 0.25),  # the model is half as sensitive to what its searches change
        BLIND,
        (0.0125, 0.5),
    ],
)
def test_many_experiments_from_sessions_to_ratios(people_see, model_sees, tmp_path, seed):
    """The same, many times, with equal attributes: it finds a coverage of .70, and an
    error rate of .20 in place of .05.

    The two conditions of an experiment share people and noise: they count as one. Answers of people
    who see nothing may seem to fall by chance: two tests at level `ALPHA` check this. Such a
    condition has no ratio; a rate of .10 is found.
    """
    n = 100
    coverage = Rate(n, (0.94, 1.0), (0.7,), FALSE_ALARM / 3)
    error_rate = Rate(n, (0.0, 0.05), (0.2,), FALSE_ALARM / 3)
    falls_by_chance = Rate(2 * n, (0.0, 2 * ALPHA), (0.1,), FALSE_ALARM / 3)
    both = people_see, model_sees
    truth = _study(tmp_path, {"shape": both, "material": both})["shape"]
    held = positive = 0.0
    falling = 0
    for number in range(n):
        rows = _ratios(tmp_path, seed % 10**6 + number)
        by_chance = rows["people_measurable"].isin(("falling", "not monotone"))
        by_chance &= people_see < SEES / 10
        falling += by_chance.sum()
        assert (rows["model_measurable"] == _expected(model_sees)).all()
        rows = rows[~by_chance]
        assert (rows["people_measurable"] == _expected(people_see)).all()
        held += _mean((rows["log2_ratio_low"] <= truth) & (truth <= rows["log2_ratio_high"]))
        positive += _mean(rows["p"] < 0.05)
    falls_by_chance.check(falling)
    coverage.check(round(held))
    if truth == 0:
        error_rate.check(round(positive))
    if abs(truth) > 1:
        assert positive == n


def _mean(found):
    """Return the share of conditions; 1 if none has a ratio."""
    return found.mean() if len(found) else 1.0


def _expected(sees):
    """Return whether a threshold is within the levels or above them."""
    return "measured" if sees > SEES / 10 else "above"


def _study(folder, sees):
    """Write a set in which people and model see these; return the log₂ ratios of thresholds."""
    simulated_study.write(
        folder,
        sensitivity={
            observer: {attribute: (both[place], SEES) for attribute, both in sees.items()}
            for place, observer in enumerate(("people", "net"))
        },
    )
    growth = simulated_study.GROWTH
    return {name: np.log2(people / model) / growth for name, (people, model) in sees.items()}


def _ratios(folder, seed, coverage=0.95):
    """An experiment of six people, analysed: the table of ratios."""
    shutil.rmtree(folder / "data-simulated", ignore_errors=True)
    data = simulated_study.answer_by_distances(
        folder, 6, "people", noise=0.08, trials=8, spread=0.3, seed=seed
    )
    with StimulusSet(folder / "stimuli.h5") as stimuli:
        trials = sessions.load(data, stimuli)
        layers = {("net", "late"): distances(stimuli, trials)["net", "late"]}
    kept, _, _ = exclusions.apply(trials, ExclusionsConfig(catch=0))
    predicted, _ = model_observers.predict(kept, layers)
    return invariance.compare(kept, predicted, x="physical_distance", coverage=coverage)
