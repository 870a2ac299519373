"""What a study's analysis leaves behind: tables (CSV), figures (PNG, SVG), one page (HTML).

The page holds everything that it shows: it opens without a network, and text that people wrote
(names, codes) is escaped.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from analysis import figures
from analysis.config import AnalysisConfig
from analysis.results import Results
from analysis.trials import only
from scenes.atomic import whole_file

PAGE = "index.html"
NUMBERS = "results.json"
LIBRARIES = ("mrd-suite", "numpy", "pandas", "scipy", "statsmodels", "psignifit", "matplotlib")
TITLES = {
    "exclusions": "What was left out",
    "catch_trials": "Catch trials",
    "model_decisions": "Noise and lapses of models as observers",
    "level_zero": "Level 0: a target and its re-render",
    "psychometric": "Psychometric functions",
    "sensitivity": "Sensitivity",
    "group": "The group",
    "agreement": "Agreement",
    "equivalence": "Where people cannot tell",
    "invariance": "People against models",
    "differences": "Differences between attributes and between models",
    "cross_table": "Who is fooled by whose metamers",
    "prediction": "Prediction trial by trial",
    "hierarchical": "Hierarchical model",
}
NOTES = {
    "exclusions": "Rules were set in the study file; every exclusion is listed.",
    "level_zero": "People have to be at chance here: otherwise something other than the "
    "difference under study gives it away. One-sided exact tests, Holm-corrected.",
    "psychometric": "Mode of the posterior (psignifit) with 95 % credible limits. Thresholds "
    "outside the tested levels are not measurable, and have a bound instead of a number.",
    "sensitivity": "d′ under both decision models, 95 % limits. 0 and ceiling are clipped "
    "values: never averaged over people. Ceiling is log-linearly corrected (column corrected).",
    "group": "Proportions of the mixed model, averaged over the population of observers and "
    "targets; logits with Henderson errors, 95 %.",
    "agreement": "Error consistency κ of pairs of people; 95 % by bootstrap over stimuli. "
    "Undefined values are NaN and counted.",
    "equivalence": "Proportions with 90 % limits, as two one-sided tests at .05 use them. The "
    "claim needs the tests, the Bayes factor, the controls and the catch trials.",
    "invariance": "log₂ of the model's threshold over the people's; above 0, the model ignores "
    "more. Thresholds beyond the tested levels are censored: their likelihood makes the interval "
    "open (arrows). Models are predictions: noise and lapses come from control trials of other "
    "targets.",
    "cross_table": "Proportion correct at the largest level of each series.",
    "prediction": "Log likelihood per trial (nats) on trials that are no controls.",
}
# First what the study asks, then what that rests on.
ORDER = (
    "invariance", "equivalence", "cross_table", "level_zero", "psychometric", "sensitivity",
    "group", "differences", "prediction", "agreement", "hierarchical", "model_decisions",
    "catch_trials", "exclusions",
)  # fmt: skip
SHOWN_ROWS = 30
MOST_DIGITS = 3


@dataclass(frozen=True)
class Source:
    """What was analysed.

    Parameters
    ----------
    study
        Name of the study.
    data
        Folder of the sessions, as people know it.
    data_sha256
        Hash over all session tables.
    stimuli
        Content hash of the set.
    simulated
        Whether the answers were simulated.
    """

    study: str
    data: str
    data_sha256: str
    stimuli: str
    simulated: bool


def data_hash(paths: Sequence[Path], folder: Path) -> str:
    """SHA-256 over session tables and their names."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def write(
    results: Results,
    folder: Path,
    source: Source,
    config: AnalysisConfig,
    examples: Mapping[str, bytes] | None = None,
) -> Path:
    """Write tables, figures and the page; the page comes last, so where it is, all is there.

    Parameters
    ----------
    results
        What came out.
    folder
        ``report/`` of the study.
    source
        What was analysed.
    config
        How.
    examples
        PNG files of example stimuli, by caption.

    Returns
    -------
    Path
        The page.
    """
    (folder / PAGE).unlink(missing_ok=True)
    for name, table in results.tables.items():
        with whole_file(folder / "tables" / f"{name}.csv") as beside:
            stamped(table, source).to_csv(beside, index=False)
    drawn = figures.drawn(results)
    for name, figure in drawn.items():
        figures.save(figure, folder / "figures", name)
    with whole_file(folder / NUMBERS) as beside:
        beside.write_text(json.dumps(as_json(results, source, config), indent=1, allow_nan=False))
    with whole_file(folder / PAGE) as beside:
        page = rendered(results, drawn, folder, source, config, examples or {})
        beside.write_text(page, encoding="utf-8")
    return folder / PAGE


def stamped(table: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Give every row the data and the code version that made it."""
    return table.assign(
        data_sha256=source.data_sha256[:16],
        stimuli=source.stimuli[:16],
        simulated=source.simulated,
        code_version=version("mrd-suite"),
    )


def as_json(results: Results, source: Source, config: AnalysisConfig) -> dict[str, Any]:
    """Everything as plain data; what is not finite is text: ``NaN``, ``inf``, ``-inf``."""
    tables = {
        name: [{k: _plain(v) for k, v in row.items()} for row in table.to_dict("records")]
        for name, table in results.tables.items()
    }
    return {
        "source": vars(source),
        "settings": config.model_dump(mode="json"),
        "versions": _versions(),
        "left_out": results.left_out,
        "tables": tables,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {"nan": "NaN"}.get(str(value), str(value))
    return value


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


# ---- The page -----------------------------------------------------------------------------------


def rendered(
    results: Results,
    drawn: Mapping[str, Figure],
    folder: Path,
    source: Source,
    config: AnalysisConfig,
    examples: Mapping[str, bytes],
) -> str:
    """Fill in the template."""
    environment = Environment(
        loader=PackageLoader("analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [
        _section(name, results.tables[name], folder if name in drawn else None)
        for name in ORDER
        if name in results.tables
    ]
    main = results.trials
    return environment.get_template("report.html.jinja").render(
        source=source,
        task=only(main, "task"),
        people=main["observer"].nunique(),
        trials=len(main),
        headlines=_headlines(results),
        warning=_warning(results),
        sections=sections,
        left_out={TITLES.get(name, name): why for name, why in results.left_out.items()},
        examples={caption: _data_uri(content) for caption, content in examples.items()},
        settings=_flat(config.model_dump(mode="json")),
        versions=_versions(),
        axis=results.axis,
        config=config,
        written=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def _section(name: str, table: pd.DataFrame, folder: Path | None) -> dict[str, Any]:
    figure = ""
    if folder is not None:
        figure = _data_uri((folder / "figures" / f"{name}.png").read_bytes())
    return {
        "name": name,
        "title": TITLES[name],
        "note": NOTES.get(name, ""),
        "figure": figure,
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
    rows = "; ".join(
        f"{row.condition}: {row.proportion:.2f}, chance {row.chance:.2f}"
        for row in told.itertuples()
    )
    return (
        "People tell a re-render from its target, though the scenes are the same. Something else "
        f"gives the comparison away, and what follows does not count as it stands. {rows}"
    )


def _headlines(results: Results) -> list[str]:
    """Every condition and model in a sentence, as the table reads."""
    lines = []
    for row in results.tables.get("invariance", pd.DataFrame()).to_dict("records"):
        low, high = _cell(row["log2_ratio_low"]), _cell(row["log2_ratio_high"])
        lines.append(
            f"{row['condition']}, {row['observer']}: {row['reading']} "
            f"(log₂ ratio {_cell(row['log2_ratio'])}, 95 % {low} to {high})"
        )
    for row in results.tables.get("equivalence", pd.DataFrame()).to_dict("records"):
        lines.append(f"{row['condition']}, at the end of the search: {row['reading']}")
    return lines


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
