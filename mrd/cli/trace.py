"""``mrd trace``: from a stimulus to its scene, search, model, and the trials that showed it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mrd.cli.tables import console, table
from mrd.study.storage import plain
from mrd.study.study import read_study
from mrd.workflow import trace as tracing

MOST_TRIALS = 20  # are printed; --json tells all


OF_RUN = ("target", "start", "result", "seeds", "verdict", "started", "finished", "model",
          "versions", "hardware")  # fmt: skip
OF_MODEL = ("layers", "weights", "libraries")


def trace(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
    stimulus: Annotated[
        str, typer.Argument(metavar="STIMULUS_ID", help="A stimulus_id of the set.")
    ],
    stimuli: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The stimulus set, if not stimuli.h5.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Tell where a stimulus came from, and where it was shown."""
    told = tracing.trace(read_study(study), stimulus, stimuli)
    if as_json:
        print(json.dumps(plain(told), indent=1, allow_nan=False))
        return
    out = console()
    out.print(table(("", ""), _rows(told)))
    trials = told["trials"]
    if not trials:
        out.print("no trial showed it")
        return
    right = sum(each["correct"] == "1" for each in trials)
    out.print(f"\nshown in {len(trials)} trials, {right} answered rightly")
    columns = ("participant", "session", "trial", "phase", "level", "correct", "file", "line")
    shown = ((str(each.get(name, "")) for name in columns) for each in trials[:MOST_TRIALS])
    out.print(table(columns, (tuple(row) for row in shown), numbers=("trial", "level", "line")))
    if len(trials) > MOST_TRIALS:
        out.print(f"and {len(trials) - MOST_TRIALS} more; --json tells all")


def _rows(told: dict[str, Any]) -> list[tuple[str, str]]:
    """The chain in order, a fact a row."""
    row, run = told["stimulus"], told["run"] or {}
    names = ("role", "level", "target", "family", "search", "attribute", "camera", "light")
    rows = [("stimulus", row["stimulus_id"])]
    rows += [(f"  {name}", str(row[name])) for name in names if name in row]
    rows += [(f"  {name}", str(row[name])) for name in ("noise_seed", "renderer_seed", "sha256")]
    rows += [("set", told["set"]["file"]), ("  content hash", told["set"]["content_hash"])]
    rows += [("scene", told["scene"]["sha256"]), *_there("  file", told["scene"]["file"])]
    rows += [*_there("render", told["files"]["radiance"])]
    if told["files"]["whole"] is False:
        rows.append(("", "the file is not the one that was packed"))
    if run:
        rows += [("run", run["name"]), *_there("  folder", run["folder"])]
        rows += [(f"  {key}", _short(run[key])) for key in OF_RUN if run.get(key) is not None]
    else:
        rows.append(("run", "none: all searches of the family share it"))
    for name, model in told["models"].items():
        rows.append((f"embedded {name}", _short(model["network"])))
        rows += [(f"  {key}", _short(model[key])) for key in OF_MODEL if model[key] is not None]
    for dot in told["dots"]:
        counts = f"{dot['correct']} of {dot['trials']} right"
        place = f"{dot['condition']}, {dot['target']}, at {dot['x']:.4g}"
        rows.append(("dot of the report", f"{place} (level {dot['level']:.3g}): {counts}"))
    return rows


def _there(name: str, path: str | None) -> list[tuple[str, str]]:
    return [(name, path or "not on this machine")]


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(plain(value))
