"""``mrd trace``: show the scene, search and models behind a stimulus, and its trials."""

import json
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from mrd.cli.arguments import StudyPath
from mrd.cli.tables import console, table
from mrd.criterion.recovery import verdict_in_words
from mrd.study.storage import plain
from mrd.study.study import read_study
from mrd.workflow import trace as tracing

MOST_TRIALS = 20
IMAGE_KEYS = ("role", "level", "target", "family", "search", "attribute", "camera", "light")
RUN_KEYS = ("target", "start", "result", "seeds", "verdict", "started", "finished", "model",
            "versions", "hardware")  # fmt: skip
MODEL_KEYS = ("layers", "weights", "libraries")
TRIAL_KEYS = ("participant", "session", "trial", "phase", "level", "correct", "file", "line")


def trace(
    path: StudyPath,
    stimulus: Annotated[
        str, Argument(metavar="STIMULUS_ID", help="A stimulus_id of the stimulus set.")
    ],
    stimuli: Annotated[
        Path | None, Option(metavar="FILE", help="The stimulus set, if it is not stimuli.h5.")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print everything, as JSON.")] = False,
) -> None:
    """Show the origin of a stimulus, and the trials that showed it."""
    facts = tracing.trace(read_study(path), stimulus, stimuli)
    if as_json:
        print(json.dumps(plain(facts), indent=1, allow_nan=False))
        return
    out = console()
    out.print(table(("", ""), _rows(facts)))
    trials = facts["trials"]
    if not trials:
        out.print("no trial showed it")
        return
    correct = sum(each["correct"] == "1" for each in trials)
    out.print(f"\nshown in {len(trials)} trials, {correct} with a correct response")
    rows = ([str(each.get(key, "")) for key in TRIAL_KEYS] for each in trials[:MOST_TRIALS])
    out.print(table(TRIAL_KEYS, rows, numbers=("trial", "level", "line")))
    if len(trials) > MOST_TRIALS:
        out.print(f"and {len(trials) - MOST_TRIALS} more; --json prints all")


def _rows(traced: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the facts in order, one (name, value) per row."""
    image, run = traced["stimulus"], traced["run"]
    rows = [("stimulus", image["stimulus_id"])]
    rows += [(f"  {key}", str(image[key])) for key in IMAGE_KEYS if key in image]
    rows += [(f"  {key}", str(image[key])) for key in ("noise_seed", "renderer_seed", "sha256")]
    rows += [("set", traced["set"]["file"]), ("  content hash", traced["set"]["content_hash"])]
    rows += [("scene", traced["scene"]["sha256"]), _path("  file", traced["scene"]["file"])]
    rows += [_path("render", traced["files"]["radiance"])]
    if traced["files"]["whole"] is False:
        rows.append(("", "the file has changed since the set was built"))
    if run:
        rows += [("run", run["name"]), _path("  folder", run["folder"])]
        verdict = run.get("verdict")
        shown = run | {"verdict": verdict and verdict_in_words(verdict)}
        rows += [(f"  {key}", _short(shown[key])) for key in RUN_KEYS if shown.get(key) is not None]
    else:
        rows.append(("run", "none: all searches of the family share this image"))
    for name, model in traced["models"].items():
        rows.append((f"embedded {name}", _short(model["network"])))
        rows += [(f"  {key}", _short(model[key])) for key in MODEL_KEYS if model[key] is not None]
    for dot in traced["dots"]:
        place = f"{dot['condition']}, {dot['target']}, at {dot['x']:.4g} (level {dot['level']:.3g})"
        counts = f"{dot['correct']} of {dot['trials']} correct"
        rows.append(("dot of the report", f"{place}: {counts}"))
    return rows


def _path(name: str, path: str | None) -> tuple[str, str]:
    """Return a row with a path, or with a note that it is not on this machine."""
    return name, path or "not on this machine"


def _short(value: Any) -> str:
    """Return a value as text on one line."""
    return value if isinstance(value, str) else json.dumps(plain(value))
