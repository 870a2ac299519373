"""The page of a report: headlines, a section for every table, methods.

It holds everything that it shows: it opens without a network, and text that people wrote (names,
codes) is escaped.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from analysis.config import AnalysisConfig
from analysis.findings import reaches
from analysis.findings.pixel_metamers import Trio
from analysis.findings.results import Results
from analysis.findings.source import Source
from analysis.trials.frame import only, rate_name

LIBRARIES = ("mrd-suite", "numpy", "pandas", "scipy", "statsmodels", "psignifit", "matplotlib")
TITLES = {
    "exclusions": "What was left out",
    "catch_trials": "Catch trials",
    "gaps": "Targets and levels that a participant did not see",
    "searches": "The searches that were shown",
    "model_decisions": "Noise and lapses of models as observers",
    "reach": "Reach: how far the widest metamers lie",
    "predicted_thresholds": "Predicted thresholds",
    "against_pixels": "Scene metamers against pixel metamers",
    "level_zero": "Level 0: a target and its re-render",
    "psychometric": "Psychometric functions",
    "sensitivity": "Sensitivity",
    "group": "The group",
    "overall": "Agreement of people with one another, and of models with people",
    "agreement": "Agreement at every level",
    "equivalence": "Where people cannot tell",
    "invariance": "People against models",
    "differences": "Differences between attributes and between models",
    "cross_table": "Who is fooled by the results of whose searches",
    "prediction": "Prediction trial by trial",
    "hierarchical": "Hierarchical model",
}
HITS = " In same–different these are hit rates, which hang on the criterion too."
NOTES = {
    "exclusions": "Rules were set in the study file; every exclusion is listed.",
    "gaps": "All other participants saw them, after exclusions. Where levels are chosen trial by "
    "trial (QUEST+, staircases) such gaps are expected; with constant stimuli they are not, and "
    "this participant's thresholds rest on fewer images.",
    "searches": "What the criterion said when each search ended, and on the stored images at the "
    "search's own cameras and at held-out ones. A result that one of the first two refuses is no "
    "metamer.",
    "against_pixels": "The same target image, model and layers: once the scene was changed, and "
    "once pixels, from noise (plenoptic's Metamer), until the model was as well matched. RMS is "
    "the difference of display values from the target's image; white is 1. Both verdicts are of "
    "one criterion, at all training cameras.",
    "reach": "The farthest scene from its target that a search away from it found and the "
    "criterion let pass: a lower bound (arrows), for a longer search may find more. Attributes "
    "have other units, so reaches are compared after division: by the reach of a random change of "
    "the same variables (control), and by people's threshold on the series that leads to the "
    "metamer (the line below a bar: its 95 % limits). An open bar: the random change never "
    "failed, so its own reach is a lower bound, and the ratio is none. No bar: the divisor is not "
    "known.",
    "predicted_thresholds": "How far one parameter must move before an ideal reader of the "
    "model's activations tells it from render noise at d′ = 1 (Fisher information), as physical "
    "distance from the target. People's thresholds stand on the same axis, and not in the same "
    "direction: people saw everything that a search moved change together, or a random mixture "
    "(controls), never one parameter alone. Where such a change lies in the predicted parameters "
    "(materials without textures), a row tells what is predicted in its very direction; of other "
    "series there is no such row. The noise is that of rendering and no brain's: read ratios of "
    "predictions within a model, not their size. Where noisy says yes, the two halves of the "
    "derivative disagree, and the prediction is too small.",
    "level_zero": "People have to be at chance here: otherwise something other than the "
    "difference under study gives it away. One-sided exact tests, Holm-corrected.",
    "psychometric": "Mode of the posterior (psignifit) with 95 % credible limits. Thresholds "
    "outside the tested levels are not measurable, and have a bound instead of a number. Falling: "
    "significantly fewer such answers at larger levels. Not monotone: the answers depart from "
    "every curve that only rises. Unknown: too few answers, or one answer alone. Infinite limits "
    "and missing values: only the prior would set them.",
    "sensitivity": "d′ under both decision models, 95 % limits. 0 and ceiling are clipped "
    "values: never averaged over people. Ceiling is log-linearly corrected (column corrected).",
    "group": "Proportions of the mixed model, averaged over the population of observers and "
    "targets; logits with Henderson errors, 95 %, on the degrees of freedom of the fewer of the "
    "two.",
    "overall": "Error consistency κ, per condition and level and then averaged over them and over "
    "pairs; 95 % by bootstrap over people. What people reach with one another is the ceiling for "
    "models.",
    "agreement": "Error consistency κ of pairs of people, and of models with people (expected over "
    "the model's noise); 95 % by bootstrap over stimuli. Undefined values are NaN and counted.",
    "equivalence": "Proportions with 90 % limits, as two one-sided tests at .05 use them. The "
    "claim needs the tests, the Bayes factor, the controls and the catch trials.",
    "invariance": "log₂ of the model's threshold over the people's; above 0, the model ignores "
    "more. Thresholds beyond the tested levels are censored: their likelihood makes the interval "
    "open (arrows). A direction is stated only where it survives Holm's correction.",
    "differences": "Between conditions: of one model's ratios, relative to controls where there "
    "are any. Between models in one condition: of their thresholds, likewise relative; no limits "
    "and no p, as a model's answers are expectations and no sample.",
    "cross_table": "Proportion correct where searches end; metamers apart from results that "
    "failed their criterion.",
    "prediction": "Log likelihood per trial (nats) on trials that are no controls.",
}
# First what the study asks, then what that rests on.
ORDER = (
    "invariance", "equivalence", "reach", "predicted_thresholds", "cross_table", "searches",
    "against_pixels", "level_zero", "psychometric", "sensitivity", "group", "differences",
    "prediction", "overall", "agreement", "hierarchical", "model_decisions", "catch_trials",
    "gaps", "exclusions",
)  # fmt: skip
# What models' noise and lapses are fitted to, by what is left out in turn.
FITTED_TO = {
    "target": "people's answers on control trials of the other targets",
    "observer": "the answers of the other participants on control trials (one target alone: none "
    "could be left out)",
}
SHOWN_ROWS = 30
ROUNDING = 1e-12  # of sums: a negative that is nearer to 0 is 0 (a p may be as small)
MOST_DIGITS = 3


def rendered(
    results: Results,
    source: Source,
    config: AnalysisConfig,
    pictures: Mapping[str, bytes],
    examples: Mapping[str, bytes],
    trios: Sequence[Trio] = (),
) -> str:
    """Fill in the template.

    Parameters
    ----------
    results
        What came out.
    source
        What was analysed.
    config
        How.
    pictures
        PNG files of figures, by the name of their table.
    examples
        PNG files of example stimuli, by caption.
    trios
        Scene metamers beside pixel metamers.

    Returns
    -------
    str
        HTML.
    """
    environment = Environment(
        loader=PackageLoader("analysis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    notes = _notes(results)
    main = results.trials
    return environment.get_template("report.html.jinja").render(
        source=source,
        task=only(main, "task"),
        people=main["observer"].nunique(),
        trials=len(main),
        headlines=headlines(results),
        warning=_warning(results),
        sections=[
            _section(name, results.tables[name], notes.get(name, ""), pictures.get(name))
            for name in ORDER
            if name in results.tables
        ],
        made=set(results.tables),
        fitted_to=_fitted_to(results),
        left_out={TITLES.get(name, name): why for name, why in results.left_out.items()},
        examples={caption: _data_uri(content) for caption, content in examples.items()},
        trios=[
            (trio.title, {caption: _data_uri(file) for caption, file in trio.pictures.items()})
            for trio in trios
        ],
        settings=_flat(config.model_dump(mode="json")),
        versions=versions(),
        axis=results.axis,
        config=config,
        written=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def versions() -> dict[str, str]:
    """Versions of what the numbers come from."""
    return {name: version(name) for name in LIBRARIES}


# ---- What stands on the page --------------------------------------------------------------------


def _fitted_to(results: Results) -> str:
    """What models' noise and lapses were fitted to; empty where no model took part."""
    if "model_decisions" not in results.tables:
        return ""
    return FITTED_TO[only(results.tables["model_decisions"], "by")]


def _notes(results: Results) -> dict[str, str]:
    """A note for each section, true of what was done here."""
    notes = dict(NOTES)
    if fitted_to := _fitted_to(results):
        models = f" Models are predictions: their noise and lapses were fitted to {fitted_to}."
        notes["invariance"] += models
    if only(results.trials, "task") == "same_different":
        for name in ("level_zero", "group", "cross_table"):
            notes[name] += HITS
    return notes


def _section(name: str, table: pd.DataFrame, note: str, picture: bytes | None) -> dict[str, Any]:
    return {
        "name": name,
        "title": TITLES[name],
        "note": note,
        "figure": "" if picture is None else _data_uri(picture),
        "columns": [column.replace("_", " ") for column in table.columns],
        "rows": [
            [_cell(value) for value in row] for row in table.head(SHOWN_ROWS).to_numpy(object)
        ],
        "total": len(table),
        "shown": min(len(table), SHOWN_ROWS),
    }


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return "–"
        if np.isinf(value):
            return "∞" if value > 0 else "−∞"
        if -ROUNDING < value < 0:
            return "0"
        return f"{value:.{MOST_DIGITS}g}".replace("-", "−")
    return str(value)


def _warning(results: Results) -> str:
    """What stands above everything else: people tell a re-render from its target."""
    table = results.tables.get("level_zero", pd.DataFrame())
    if table.empty:
        return "Level 0 was not shown: whether people are at chance there is not known."
    told = table[table["told"]]
    if told.empty:
        return ""
    rate = rate_name(only(results.trials, "task"))
    chance = "chance" if rate == "proportion" else "false alarms"
    rows = "; ".join(
        f"{row['condition']}: {row[rate]:.2f} in {row['trials']} trials, {chance} "
        f"{row['chance']:.2f}, corrected p {_cell(row['p_holm'])}"
        for _, row in told.iterrows()
    )
    return (
        "People tell a re-render from its target, though the scenes are the same. Something else "
        f"gives the comparison away, and what follows does not count as it stands. {rows}"
    )


def headlines(results: Results) -> list[str]:
    """Every condition and model in a sentence, as the table reads."""
    lines = []
    for row in results.tables.get("invariance", pd.DataFrame()).to_dict("records"):
        lines.append(
            f"{row['condition']}, {row['observer']}: {row['reading']} "
            f"({_ratio(row)}corrected p {_cell(row['p_holm'])})"
        )
    for row in results.tables.get("equivalence", pd.DataFrame()).to_dict("records"):
        lines.append(f"{row['condition']}, at the end of the search: {row['reading']}")
    if "reach" in results.tables:
        lines += reaches.headlines(results.tables["reach"])
    return lines


def _ratio(row: Mapping[Any, Any]) -> str:
    """The log₂ ratio with its limits, or the one limit that is known."""
    low, high = row["log2_ratio_low"], row["log2_ratio_high"]
    if np.isinf(low) and np.isinf(high):
        return ""
    if np.isinf(high):
        return f"log₂ ratio at least {_cell(low)}, 95 %; "
    if np.isinf(low):
        return f"log₂ ratio at most {_cell(high)}, 95 %; "
    return f"log₂ ratio {_cell(row['log2_ratio'])}, 95 % {_cell(low)} to {_cell(high)}; "


def _flat(settings: Mapping[str, Any], place: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{place}{key}.")
        else:
            flat[f"{place}{key}"] = "–" if value is None else str(value)
    return flat


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
