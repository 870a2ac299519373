"""The page of a report: headlines, a section for every table, methods.

It contains everything that it shows, so it opens without a network. Text that people wrote (names,
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
from analysis.report.provenance import ReportSource
from analysis.report.section_texts import FITTED_TO, HITS, SECTIONS
from analysis.trials.frame import rate_name, single_value

LIBRARIES = ("mrd-suite", "numpy", "pandas", "scipy", "statsmodels", "psignifit", "matplotlib")
SHOWN_ROWS = 30  # of each table
ROUNDING = 1e-12  # of sums: a smaller negative number is 0 (a small positive p is shown)
MOST_DIGITS = 3


def render_page(
    results: Results,
    source: ReportSource,
    config: AnalysisConfig,
    pictures: Mapping[str, bytes],
    examples: Mapping[str, bytes],
    trios: Sequence[Trio] = (),
) -> str:
    """Return the page as HTML; `pictures` are table → PNG file, `examples` caption → PNG file."""
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
        task=single_value(main, "task"),
        people=main["observer"].nunique(),
        trials=len(main),
        headlines=headlines(results),
        warning=_warning(results),
        sections=[
            _section(name, results.tables[name], notes[name], pictures.get(name))
            for name in SECTIONS
            if name in results.tables
        ],
        available=set(results.tables),
        fitted_to=_fitted_to(results),
        left_out={
            SECTIONS[name][0] if name in SECTIONS else name: why
            for name, why in results.left_out.items()
        },
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
    """Return the versions of the libraries that computed the numbers."""
    return {name: version(name) for name in LIBRARIES}


def _fitted_to(results: Results) -> str:
    """Name the data that models' noise and lapses were fitted to; empty without models."""
    if "model_decisions" not in results.tables:
        return ""
    return FITTED_TO[single_value(results.tables["model_decisions"], "by")]


def _notes(results: Results) -> dict[str, str]:
    """Return the note of each section, adapted to this analysis."""
    notes = {name: note for name, (_, note) in SECTIONS.items()}
    if fitted_to := _fitted_to(results):
        notes["invariance"] += f" The noise and lapse rate of models were fitted to {fitted_to}."
    if single_value(results.trials, "task") == "same_different":
        for name in ("level_zero", "group", "cross_table"):
            notes[name] += HITS
    return notes


def _section(name: str, table: pd.DataFrame, note: str, picture: bytes | None) -> dict[str, Any]:
    return {
        "name": name,
        "title": SECTIONS[name][0],
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
    """Return the warning that people discriminate a re-render from its target, if they do."""
    table = results.tables.get("level_zero", pd.DataFrame())
    if table.empty:
        return "Level 0 was not shown, so it is not known whether people are at chance there."
    above_chance = table[table["above_chance"]]
    if above_chance.empty:
        return ""
    rate = rate_name(single_value(results.trials, "task"))
    chance = "chance" if rate == "proportion" else "false alarms"
    rows = "; ".join(
        f"{row['condition']}: {row[rate]:.2f} in {row['trials']} trials, {chance} "
        f"{row['chance']:.2f}, corrected p {_cell(row['p_holm'])}"
        for _, row in above_chance.iterrows()
    )
    return (
        "People discriminate a re-render from its target, though the scenes are identical. "
        "Something other than the studied difference reveals the comparison, so the results below "
        f"are not valid. {rows}"
    )


def headlines(results: Results) -> list[str]:
    """Return the main results as sentences, one for each row of the main tables."""
    lines = []
    for row in results.tables.get("invariance", pd.DataFrame()).to_dict("records"):
        lines.append(f"{row['condition']}, {row['observer']}: {row['reading']}{_ratio(row)}")
    for row in results.tables.get("equivalence", pd.DataFrame()).to_dict("records"):
        lines.append(f"{row['condition']}, on results of searches: {row['reading']}")
    if "reach" in results.tables:
        lines += reaches.headlines(results.tables["reach"])
    return lines


def _ratio(row: Mapping[Any, Any]) -> str:
    """Return the log₂ ratio, or the bound that is known, and its p; empty if nothing is known."""
    low, high = row["log2_ratio_low"], row["log2_ratio_high"]
    if np.isinf(low) and np.isinf(high):
        return ""
    if np.isinf(high):
        ratio = f"at least {_cell(low)}, 95 %"
    elif np.isinf(low):
        ratio = f"at most {_cell(high)}, 95 %"
    else:
        ratio = f"{_cell(row['log2_ratio'])}, 95 % {_cell(low)} to {_cell(high)}"
    return f" (log₂ ratio {ratio}; corrected p {_cell(row['p_holm'])})"


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
