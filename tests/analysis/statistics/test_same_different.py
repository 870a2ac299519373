"""Same–different from sessions on disk to the report: hits and false alarms kept apart."""

import numpy as np
import pytest

from analysis.config import AnalysisConfig
from analysis.findings import results
from analysis.report import page
from analysis.report.provenance import ReportSource
from analysis.report.study_report import distances
from analysis.trials import sessions
from stimuli.stimulus_set import StimulusSet
from tests import simulated_study

CONFIG = AnalysisConfig(overdispersion=False, draws=100)


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("same_different")
    simulated_study.write(folder)
    data = simulated_study.answer(folder, 2, task="same_different", trials=24, attributes=["shape"])
    with StimulusSet(folder / "stimuli.h5") as stimuli:
        trials = sessions.load(data, stimuli)
        layers = distances(stimuli, trials)
    one_model = {key: each for key, each in layers.items() if key[0] == "shapely"}
    return results.analyse(trials, one_model, CONFIG)


@pytest.fixture(scope="module")
def html(analysed):
    source = ReportSource("same or different", "data-simulated", "a" * 64, "b" * 64, simulated=True)
    return page.render_page(analysed, source, CONFIG, {}, {})


def test_equivalence_is_not_claimed_from_hits(analysed, html):
    assert set(analysed.left_out) == {"equivalence"}
    text = "same_different: hits depend on the criterion"
    assert analysed.left_out["equivalence"].startswith(text)
    assert f"Where people cannot tell: {text}" in html
    assert "Equivalence was tested" not in html


def test_hit_rates_have_their_name(analysed, html):
    for name in ("group", "cross_table", "level_zero"):
        assert "hit_rate" in analysed.tables[name]
        assert "proportion" not in analysed.tables[name]
    assert analysed.tables["level_zero"]["chance"].between(0.05, 0.45).all()  # false alarms: .2
    assert "hit rates, which depend on the criterion too" in html


def test_curves_have_the_false_alarms_as_guess_rate(analysed):
    fits = analysed.tables["psychometric"]
    assert len(fits) == 2 * 2
    # Half of 2 × 6 levels × 24 trials are same pairs: 144 a cell, in each of 4 cells. About .2 of
    # 576: 4 standard errors are .067, and the fits' modes are near the shares.
    assert np.mean(fits["guess"]) == pytest.approx(0.2, abs=0.08)
    assert (fits["trials"] == 2 * 5 * 24 / 2).all()
