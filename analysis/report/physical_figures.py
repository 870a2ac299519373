"""Figures with physical distance as axis: reaches and predicted thresholds."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from analysis.findings.physical_thresholds import NOT_ASKED
from analysis.report.figure_style import INK, MARKS, UNITS, WIDE
from analysis.trials.frame import table_rows

ROW = 0.3  # height of a row in inches
OVER = {
    "over_control": "reach ÷ control's reach",
    "over_people": "reach ÷ people's threshold",
}


def reaches(table: pd.DataFrame) -> Figure:
    """Draw each reach, divided by the control's reach and by people's threshold, as bars from 1.

    An arrow marks a lower bound; a white bar has a divisor that is itself a lower bound; a
    line shows the 95 % limits that follow from people's threshold.
    """
    rows = table_rows(table)
    names = [f"{row['target']}: {row['attribute']}\nby {row['model']}" for row in rows]
    figure = Figure(figsize=(WIDE, 1.1 + 1.6 * ROW * len(rows)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (column, label) in zip(panels, OVER.items(), strict=True):
        for place, row in enumerate(rows):
            _bar(axes, place, row, column)
        axes.set_xscale("log", base=2)
        axes.axvline(1, color="0.4", lw=0.8)
        axes.set_xlim(*_around_one(table, column))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(label)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    panels[0].set_yticks(range(len(rows)), names)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    return figure


def _around_one(table: pd.DataFrame, column: str) -> tuple[float, float]:
    """Return limits of an axis of ratios that show 1 and all finite values."""
    values = table[[each for each in table if str(each).startswith(column)]].to_numpy(float).ravel()
    values = values[np.isfinite(values) & (values > 0)]
    ends = np.log2([*values, 1.0])
    return float(2 ** (min(ends.min(), -1) - 0.4)), float(2 ** (max(ends.max(), 1) + 0.8))


def _bar(axes: Axes, place: int, row: dict[str, Any], column: str) -> None:
    """Draw a ratio as a bar, or write why it is not known."""
    value = row[column]
    if np.isnan(value):
        axes.text(1.08, place, _why_not(row, column), va="center", fontsize=7, color="0.35")
        return
    is_bound = column == "over_people" or row["control_bounded"]
    face = "0.75" if is_bound else "white"
    axes.barh(place, value - 1, left=1, height=0.55, color=face, edgecolor="black", lw=0.8)
    if is_bound:
        axes.annotate(
            "", (value * 1.35, place), (value, place), arrowprops={"arrowstyle": "->", "lw": 1}
        )
    if column == "over_people":
        ends = np.clip([row["over_people_low"], row["over_people_high"]], 1e-6, 1e6)
        axes.plot(ends, [place + 0.38] * 2, color="black", lw=1.2)


def _why_not(row: dict[str, Any], column: str) -> str:
    if np.isnan(row["reach"]):
        return "nothing passed"
    if column == "over_control":
        return "control not known"
    state = row["people_measurable"]
    if state in ("above", "below"):
        return f"threshold {state}\nthe tested distances"
    return state if state == NOT_ASKED else f"threshold\n{state}"


def predictions(table: pd.DataFrame) -> Figure:
    """Draw predicted thresholds of every parameter and model, with people's as bands.

    There is a panel for each attribute and target. Marks are models; the solid line is people's
    threshold on series, the dashed one on controls, with their 95 % limits as bands; an arrow at
    the right is a parameter that the model does not see.
    """
    cells = list(table.groupby(["attribute", "target"], sort=True))
    counts = [cell["parameter"].nunique() for _, cell in cells]
    height = sum(0.75 + ROW * count for count in counts) + 0.5
    figure = Figure(figsize=(WIDE, height), layout="constrained")
    models = sorted(table["model"].unique())
    grid = figure.subplots(
        len(cells), 1, squeeze=False, gridspec_kw={"height_ratios": [1.5 + n for n in counts]}
    )
    for axes, ((attribute, target), cell) in zip(grid[:, 0], cells, strict=True):
        _panel(axes, cell, models)
        axes.set_title(f"{attribute}, {target}", loc="left")
    shown = {
        label: handle
        for axes in grid[:, 0]
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=3)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, models: list[str]) -> None:
    parameters = list(dict.fromkeys(cell["parameter"]))
    axes.set_xscale("log")
    _people(axes, table_rows(cell)[0])
    for number, model in enumerate(models):
        own = cell[(cell["model"] == model) & (cell["distance"] > 0)]
        seen = own[np.isfinite(own["distance"])]
        ink, mark = INK[(number + 1) % len(INK)], MARKS[number % len(MARKS)]
        style: dict[str, Any] = {"color": ink, "marker": mark, "ms": 5, "mec": "black", "mew": 0.6}
        shift = 0.16 * (number - (len(models) - 1) / 2)
        places = [parameters.index(name) + shift for name in seen["parameter"]]
        axes.plot(seen["distance"], places, ls="", label=f"{model}, predicted", **style)
        for name in own.loc[np.isinf(own["distance"]), "parameter"]:
            axes.annotate(
                f"{model}: not seen →",
                (1, parameters.index(name) + shift),
                xycoords=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                fontsize=7,
            )
    axes.set_yticks(range(len(parameters)), parameters)
    axes.set_ylim(len(parameters) - 0.5, -0.5)
    axes.grid(axis="y", color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(LogLocator(numticks=7))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if table_rows(cell)[0]["people_measurable"] == NOT_ASKED:
        axes.annotate(
            "people were not shown such a series",
            (1, 1.03),
            xycoords="axes fraction",
            ha="right",
            fontsize=7,
            color="0.35",
        )
    measure = str(cell["measure"].iloc[0])
    axes.set_xlabel(UNITS.get(measure, measure))


def _people(axes: Axes, row: dict[str, Any]) -> None:
    """Draw people's thresholds as lines with bands; one that is not measured has no line."""
    for who, label, line, shade in (
        ("people", "people, series", "-", "0.72"),
        ("people_control", "people, controls", "--", "0.88"),
    ):
        if row[f"{who}_measurable"] == NOT_ASKED:
            continue
        low, high = row[f"{who}_threshold_low"], row[f"{who}_threshold_high"]
        if np.isfinite(low) and np.isfinite(high) and low > 0:
            axes.axvspan(low, high, color=shade, lw=0, alpha=0.6)
        if row[f"{who}_measurable"] == "measured":
            axes.axvline(row[f"{who}_threshold"], color="black", ls=line, lw=1.2, label=label)
