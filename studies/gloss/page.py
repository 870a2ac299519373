"""Pictures of docs/gloss.md and of the README, from this study after `mrd run`.

    python studies/gloss/page.py

writes docs/pictures/gloss_*.png.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.config import AnalysisConfig
from analysis.findings import results
from analysis.report.figure_style import STYLE
from analysis.report.figures import condition_curves, draw_figures
from analysis.report.study_report import distances
from analysis.trials import sessions
from stimuli.stimulus_set import StimulusSet

HERE = Path(__file__).parent
PICTURES = HERE.parents[1] / "docs" / "pictures"
OF_THE_REPORT = ("psychometric", "invariance", "cross_table")
TARGET, MODEL, JUDGE = "in_studio", "complex_cells", "complex_cells/energy_0"


def shown(stimuli: StimulusSet, role: str) -> NDArray[np.uint8]:
    """Return the stored image of the target, or the farthest image of a role."""
    table = stimuli.table
    rows = table[(table["target"] == TARGET) & (table["role"] == role) & (table["light"] == "own")]
    if role != "target":
        rows = rows[rows["run"].str.contains(f"-{MODEL}-")]
    rows = rows[rows["noise_seed"] == 0].sort_values("level")
    return np.asarray(stimuli.image(str(rows.iloc[-1]["stimulus_id"])))


def analysed(stimuli: StimulusSet, trials: pd.DataFrame) -> results.Results:
    """Return the results of the analysis of some trials."""
    return results.analyse(trials, distances(stimuli, trials), AnalysisConfig(), workers=2)


def first_picture(stimuli: StimulusSet, trials: pd.DataFrame) -> Figure:
    """Return the figure: target, metamer, control, and the performance of people and the model."""
    made = analysed(stimuli, trials[trials["target"] == TARGET])
    figure = Figure(figsize=(10, 2.9), layout="constrained")
    columns = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.9])
    for axes, role, title in zip(
        columns,
        ("target", "result", "control"),
        ("target", "the model's metamer", "as far away, at random"),
        strict=False,
    ):
        picture(axes, shown(stimuli, role), title)
    curves(columns[3], made)
    return figure


def picture(axes: Axes, image: NDArray[np.uint8], title: str) -> None:
    """Draw an image with a title."""
    axes.imshow(image)
    axes.set_title(title)
    axes.set_axis_off()


def curves(axes: Axes, made: results.Results) -> None:
    """Draw the proportion correct of people and of one layer of the model over distance."""
    condition_curves(axes, made, f"material, by {MODEL}", [JUDGE])
    handles, labels = axes.get_legend_handles_labels()
    of_label = dict(zip(labels, handles, strict=True))
    named = {
        "simulated people: metamers": of_label["people"],
        "simulated people: random changes": of_label["people, control"],
        "the model: metamers": of_label[JUDGE],
    }
    axes.legend(named.values(), named.keys(), loc="lower right")
    axes.set_title("which of three is the odd one?")


def main() -> None:
    """Write all pictures."""
    with StimulusSet(HERE / "stimuli.h5") as stimuli, style.context(STYLE):
        trials = sessions.load(HERE / "data-simulated", stimuli)
        figures = {"first": first_picture(stimuli, trials)}
        of_the_report = draw_figures(analysed(stimuli, trials))
        figures |= {name: of_the_report[name] for name in OF_THE_REPORT}
        for name, figure in figures.items():
            path = PICTURES / f"gloss_{name}.png"
            figure.savefig(path, metadata={"Software": None}, bbox_inches="tight", dpi=110)


if __name__ == "__main__":
    main()
