"""``mrd fisher``: thresholds that a study's models predict."""

from pathlib import Path
from typing import Annotated

import typer

from mrd.cli.counting import counted
from mrd.cli.tables import console
from mrd.measures.fisher.noise import warning
from mrd.rendering import backend
from mrd.study.study import read_study
from mrd.workflow.build_set import add_findings


def fisher(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
) -> None:
    """Predict a model's thresholds for scene parameters.

    How far each must move before the model tells it from render noise.
    For every target and model; what is done is skipped, what is not whole or was asked otherwise is
    made again. Pictures and numbers go to runs/fisher, and numbers into the study's stimulus set,
    if there is one, for the report.
    """
    described, out = read_study(study), console()
    backend.activate()
    from mrd.measures.embed import fastest_device  # torch: only once there is work to do
    from mrd.measures.fisher.record import fisher as predictions

    with counted(out) as progress:
        made = list(predictions(described, fastest_device(), progress))
    for each in made:
        names = each.record["names"]
        out.print(f"{names['target']}, {names['model']}: {_told(each.why)}")
        for row in each.record["parameters"]:
            threshold = row["threshold"]
            value = "not seen" if threshold is None else f"{threshold:.3g} {row['unit']}"
            note = "; the picture is clipped to bounds" if row["clipped"] else ""
            out.print(f"  {row['name']}: {value}{note}")
            if problem := warning(row, each.record["asked"]["fisher"]["derivative_samples"]):
                out.print(f"  warning: {row['name']}: {problem}")
        out.print(f"{each.folder}")
    if add_findings(described):
        out.print(f"in {described.stimulus_set}; mrd analyse {study} shows them in the report")
    else:
        out.print("in no set yet; mrd stimuli build packs them, in a study with series")


def _told(why: str | None) -> str:
    """Say whether a prediction was made, and why again."""
    if why is None:
        return "was there already"
    return "predicted" if why == "new" else f"predicted again ({why})"
