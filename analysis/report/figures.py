"""Figures of a report."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import style as matplotlib_style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from analysis.findings.results import Results
from analysis.report import physical_figures
from analysis.report.figure_style import INK, LINES, MARKS, STYLE, UNITS, WIDE
from analysis.statistics.psychometric import CellFit
from analysis.statistics.sensitivity import clopper_pearson
from analysis.trials.frame import GUESS, is_control, rate_name, single_value, table_rows
from scenes.base.atomic_files import whole_file

MOST_TICKS = 5  # on the x axis of a panel, so that their numbers do not overlap
MOST_LINES = 5  # of models and layers in a panel; with more, each model has its own panel


def save(figure: Figure, folder: Path, name: str, note: str = "") -> None:
    """Write a figure as PNG and SVG, with a note above it if there is one."""
    with matplotlib_style.context(STYLE):
        if note:  # above: a legend below the figure moves to the lower end of all that is drawn
            figure.text(0.99, 1, note, ha="right", va="bottom", fontsize="small", color="0.4")
        for ending in ("png", "svg"):
            with whole_file(folder / f"{name}.{ending}") as beside:
                metadata = {"Date": None} if ending == "svg" else {"Software": None}
                figure.savefig(beside, metadata=metadata, bbox_inches="tight")


def draw_figures(results: Results) -> dict[str, Figure]:
    """Return every figure that the results allow, by name, in the order of the report."""
    tables = results.tables
    with matplotlib_style.context(STYLE):
        drawings = {"psychometric": psychometric_curves(results)}
        for name, draw in OF_TABLE.items():
            if len(tables.get(name, ())):
                drawings[name] = draw(tables[name])
    return drawings


def psychometric_curves(results: Results) -> Figure:
    """Draw data and curve of every condition, for people and models.

    Points are proportions over people with Clopper–Pearson limits; the people's curve is the mean
    of their fits, its band the mean of their credible bands. Models are lines.
    """
    predicted = results.predicted
    judges = _judges(predicted["observer"] if len(predicted) else [])
    figure, panels = _conditions(sorted(results.trials["condition"].unique()), judges, height=2.6)
    for axes, condition, names in panels:
        condition_curves(axes, results, condition, names)
    for axes, _, _ in panels[1:]:
        axes.set_ylabel("")  # shared with the first panel
    _legends(figure, panels)
    return figure


def condition_curves(axes: Axes, results: Results, condition: str, judges: Sequence[str]) -> None:
    """Draw data and curves of people in one condition, and of `judges` (as ``model/layer``)."""
    task = single_value(results.trials, "task")
    axes.set_xlabel(_axis_label(results, condition))
    right = rate_name(task) == "proportion"
    axes.set_ylabel("proportion correct" if right else "hit rate (“different”)")
    trials = results.trials[(results.trials["condition"] == condition) & ~results.trials["same"]]
    for number, suffix in enumerate(("", ", control")):
        shown = trials[is_control(trials) == bool(suffix)]
        if shown.empty:
            continue
        _points(axes, shown, number, f"people{suffix}")
        name = condition + suffix
        fits = [each for each in results.fits if each.names["condition"] == name]
        _mean_curve(axes, fits, number)
    if len(results.predicted):
        own = results.predicted[results.predicted["condition"] == condition]
        own = own[~is_control(own) & ~own["same"] & (own["x"] > 0) & own["observer"].isin(judges)]
        for number, (model, cell) in enumerate(own.groupby("observer", sort=True)):
            of_bin = cell.groupby(_binned(cell["x"]))
            means = of_bin["x"].mean(), of_bin["correct"].mean()
            axes.plot(*means, label=str(model), lw=1.4, **_model_style(number))
    if (guess := GUESS[task]) is not None:
        axes.axhline(guess, color="0.6", lw=0.8, ls=(0, (1, 2)))
    axes.set_xscale("log")
    if len(shown := trials.loc[trials["x"] > 0, "x"]):
        ticks = log_ticks(shown.min(), shown.max())
        axes.set_xticks(ticks[:: -(-len(ticks) // MOST_TICKS)])
    axes.xaxis.set_major_formatter("{x:.3g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0, 1.03)


def _model_style(number: int) -> dict[str, Any]:
    """Return colour, line and mark of a model; people use the first ones of each list."""
    return {
        "color": INK[(number + 1) % len(INK)],
        "ls": LINES[(number + 1) % len(LINES)],
        "marker": MARKS[(number + 2) % len(MARKS)],
        "ms": 3.5,
    }


def _binned(x: pd.Series) -> pd.Series:
    """Return x rounded to tenths of an octave; levels with equal values are drawn as one point."""
    return 2 ** (np.round(np.log2(x) * 10) / 10)


def log_ticks(low: float, high: float) -> np.ndarray:
    """Return the ticks 1, 2 and 5 × 10ⁿ within the tested levels, or else the two end levels."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = np.outer(decades, [1, 2, 5]).ravel()
    inside = ticks[(ticks >= 0.99 * low) & (ticks <= 1.01 * high)]
    return inside if len(inside) > 1 else np.unique([low, high])


def _axis_label(results: Results, condition: str) -> str:
    """Return the name of the axis, with the unit of a condition's physical distances."""
    units = results.trials.loc[results.trials["condition"] == condition, "unit"].unique()
    if results.axis != "physical distance" or len(units) != 1:
        return results.axis
    return f"{results.axis}:\n{UNITS.get(units[0], units[0])}"


def _points(axes: Axes, trials: pd.DataFrame, number: int, label: str) -> None:
    shown = trials[trials["x"] > 0]
    weighted = shown.assign(weight=shown["x"] * shown["n"])
    counts = weighted.groupby(_binned(shown["x"]))[["correct", "n", "weight"]].sum()
    k, n, weight = (counts[name].to_numpy(float) for name in ("correct", "n", "weight"))
    low, high = clopper_pearson(k, n)
    axes.errorbar(
        weight / n,  # the mean x of the bin's trials
        k / n,
        [k / n - low, high - k / n],
        fmt=MARKS[number],
        ms=4,
        lw=0.8,
        color="black",
        mfc="black" if number == 0 else "white",
        label=label,
        zorder=3,
    )


def _mean_curve(axes: Axes, fits: Sequence[CellFit], number: int) -> None:
    if not fits:
        return
    low = min(each.levels.min() for each in fits)
    high = max(each.levels.max() for each in fits)
    x = np.geomspace(low, high, 60)
    mean = np.mean([each.evaluate(x) for each in fits], axis=0)
    axes.plot(x, mean, color="black", lw=1.2, ls=LINES[number])
    if number == 0:
        bands = np.mean([each.band(x) for each in fits], axis=0)
        axes.fill_between(x, *bands, color="0.85", lw=0)


def sensitivities(table: pd.DataFrame) -> Figure:
    """Draw d′ of every participant against level; open marks are at ceiling."""
    conditions = sorted(table["condition"].unique())
    figure, panels = _panels(len(conditions), height=2.2)
    for axes, condition in zip(panels, conditions, strict=False):
        cell = table[table["condition"] == condition]
        for _, own in cell.groupby("observer", sort=True):
            axes.plot(own["level"], own["dprime_differencing"], color="0.6", lw=0.7, zorder=1)
        ceiling = cell["corrected"].to_numpy(bool)
        for chosen, face in ((~ceiling, "black"), (ceiling, "white")):
            points = cell.loc[chosen, "level"], cell.loc[chosen, "dprime_differencing"]
            axes.plot(*points, "o", ms=3, mfc=face, mec="black", mew=0.7)
        axes.set_title(condition)
        axes.set_xlabel("level")
    panels[0].set_ylabel("d′ (differencing)")
    return figure


def invariances(table: pd.DataFrame) -> Figure:
    """Draw log₂(model threshold ÷ people's) with its interval; arrows mark open ends."""
    labels = table["condition"] + " · " + table["observer"]
    figure = Figure(figsize=(WIDE, 0.9 + 0.42 * len(table)), layout="constrained")
    axes = figure.subplots()
    ends = _finite_ends(table)
    for row, record in enumerate(table_rows(table)):
        for name, mark, shift, face in (
            ("log2_ratio", "o", -0.12, "black"),
            ("control_log2_ratio", "s", 0.18, "white"),
        ):
            if name in record and not pd.isna(record[f"{name}_low"]):
                _interval(axes, record, name, row + shift, mark, face, ends)
    axes.axvline(0, color="0.6", lw=0.8)
    axes.set_yticks(range(len(table)), labels)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(*ends)
    axes.set_xlabel(
        "log₂(model threshold ÷ human threshold)\n← people ignore more · model ignores more →"
    )
    axes.plot([], [], "ko", label="searches")
    if "control_log2_ratio" in table:
        axes.plot([], [], "s", color="black", mfc="white", label="controls")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return figure


def _finite_ends(table: pd.DataFrame) -> tuple[float, float]:
    columns = [c for c in table.columns if "log2_ratio" in c and not c.startswith("relative")]
    values = table[columns].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    reach = max(1.0, float(np.abs(values).max()) if len(values) else 1.0) + 0.6
    return -reach, reach


def _interval(
    axes: Axes,
    record: dict[str, float],
    name: str,
    y: float,
    mark: str,
    face: str,
    ends: tuple[float, float],
) -> None:
    low, high = record[f"{name}_low"], record[f"{name}_high"]
    left, right = max(low, ends[0]), min(high, ends[1])
    axes.plot([left, right], [y, y], color="black", lw=1)
    for open_end, x, arrow in ((np.isinf(low), left, "<"), (np.isinf(high), right, ">")):
        if open_end:
            axes.plot(x, y, arrow, color="black", ms=6, clip_on=False)
    if not np.isnan(record[name]):
        axes.plot(record[name], y, mark, color="black", mfc=face, ms=5)


def cross_table(table: pd.DataFrame) -> Figure:
    """Draw the proportion correct of each observer (columns) on results of each model (rows)."""
    rate = "hit_rate" if "hit_rate" in table else "proportion"
    rows = table["attribute"] + ", " + table["verdict"] + "s of " + table["of"]
    wide = table.assign(row=rows).pivot(index="row", columns="judge", values=rate)
    wide = wide[["people", *[c for c in wide.columns if c != "people"]]]
    figure = Figure(
        figsize=(1.8 + 1.1 * wide.shape[1], 1.2 + 0.4 * len(wide)), layout="constrained"
    )
    axes = figure.subplots()
    values = wide.to_numpy(dtype=float)
    axes.imshow(values, cmap="Greys", vmin=0, vmax=1.25, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            shade = "white" if value > 0.75 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=shade)
    axes.set_xticks(range(wide.shape[1]), wide.columns, rotation=30, ha="right")
    axes.set_yticks(range(len(wide)), wide.index)
    what = "hit rate" if rate == "hit_rate" else "proportion correct"
    axes.set_xlabel(f"{what}, judged by")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def agreement(table: pd.DataFrame) -> Figure:
    """Draw error consistency against level: pairs of people, their mean, and models with people.

    In same–different, only pairs of different scenes count.
    """
    if "same" in table:
        table = table[~table["same"]]
    judges = _judges(table.loc[~table["people"], "observer_b"])
    figure, panels = _conditions(sorted(table["condition"].unique()), judges, height=2.0)
    for axes, condition, names in panels:
        cell = table[table["condition"] == condition]
        pairs, beside = cell[cell["people"]], cell[cell["observer_b"].isin(names)]
        axes.plot(pairs["level"], pairs["kappa"], "o", ms=2, mfc="white", mec="0.55", mew=0.5)
        ceiling = [f"noise_ceiling{end}" for end in ("_low", "", "_high")]
        mean = cell.groupby("level")[ceiling].first()
        low, middle, high = mean.to_numpy().T
        limits = [middle - low, high - middle]
        axes.errorbar(mean.index, middle, limits, fmt="ko-", ms=4, lw=1, label="people")
        for number, (model, own) in enumerate(beside.groupby("observer_b", sort=True)):
            with_people = own.groupby("level")["kappa"].mean()
            label = f"{model} with people"
            axes.plot(with_people.index, with_people, label=label, lw=1.2, **_model_style(number))
        axes.axhline(0, color="0.6", lw=0.8)
        axes.set_xlabel("level")
    panels[0][0].set_ylabel("error consistency κ")
    _legends(figure, panels)
    return figure


def _judges(observers: Iterable[str]) -> list[list[str]]:
    """Return groups of ``model/layer`` that share a panel: one group, or one for each model."""
    names = sorted(set(observers))
    if len(names) <= MOST_LINES:
        return [names]
    return [list(each) for _, each in groupby(names, key=lambda name: name.split("/")[0])]


def _conditions(
    conditions: Sequence[str], judges: Sequence[list[str]], height: float
) -> tuple[Figure, list[tuple[Axes, str, list[str]]]]:
    """Return a figure and its panels, one for each condition and group; groups are side by side."""
    both = [(condition, names) for condition in conditions for names in judges]
    columns = min(len(judges), 3) if len(judges) > 1 else None
    figure, panels = _panels(len(both), height, columns)
    for axes, (condition, names) in zip(panels, both, strict=False):
        model = names[0].split("/")[0] if len(judges) > 1 else ""
        axes.set_title(f"{condition}\njudged by {model}" if model else condition)
    return figure, [(axes, *each) for axes, each in zip(panels, both, strict=False)]


def _panels(count: int, height: float, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    columns = columns or (2 if count in (2, 4) else min(count, 3))
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDE, height * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    panels = list(grid.flat)
    for spare in panels[count:]:
        spare.set_visible(False)
    return figure, panels


def _legends(figure: Figure, panels: Sequence[tuple[Axes, str, list[str]]]) -> None:
    """Draw one legend below the figure, or one in the first panel of each group of models."""
    first = {tuple(names): axes for axes, _, names in reversed(panels)}
    if len(first) == 1:
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return
    for axes in first.values():
        axes.legend(loc="best", fontsize=6)


OF_TABLE: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "sensitivity": sensitivities,
    "invariance": invariances,
    "cross_table": cross_table,
    "agreement": agreement,
    "reach": physical_figures.reaches,
    "predicted_thresholds": physical_figures.predictions,
}
