"""Same–different from sessions on disk to the report: hits and false alarms kept apart."""

import numpy as np
import pandas as pd
import pytest

from analysis.config import AnalysisConfig
from analysis.report import study_report
from tests import simulated_study


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("same_different")
    simulated_study.write(folder)
    simulated_study.answer(folder, 2, task="same_different", trials=12)
    config = AnalysisConfig(overdispersion=False, draws=100)
    return study_report.make(folder, "same or different", config, simulated=True)


def test_people_cannot_tell_is_not_claimed_of_hits(made):
    assert set(made.numbers["left_out"]) == {"equivalence"}
    assert "hits hang on the criterion" in made.numbers["left_out"]["equivalence"]
    page = made.page.read_text()
    assert "Where people cannot tell: same_different: hits hang on the criterion" in page
    assert "Equivalence was tested" not in page


def test_hit_rates_are_called_so(made):
    tables = {name: pd.DataFrame(rows) for name, rows in made.numbers["tables"].items()}
    for name in ("group", "cross_table", "level_zero"):
        assert "hit_rate" in tables[name]
        assert "proportion" not in tables[name]
    assert tables["level_zero"]["chance"].between(0.05, 0.45).all()  # false alarms: .2
    assert "hit rates, which hang on the criterion too" in made.page.read_text()


def test_curves_have_the_false_alarms_as_guess_rate(made):
    fits = pd.DataFrame(made.numbers["tables"]["psychometric"])
    assert len(fits) == 2 * 4
    # Half of 2 × 6 levels × 12 trials are pairs of the same: 72 a cell, in each of 8 cells. About
    # .2 of 576: 4 standard errors are .067, and the fits' modes lie near the shares.
    assert np.mean(fits["guess"]) == pytest.approx(0.2, abs=0.08)
    assert (fits["trials"] == 2 * 5 * 12 / 2).all()
