"""``mrd fisher``: predict discrimination thresholds of a study's models."""

from mrd.cli.arguments import StudyPath
from mrd.cli.progress import counter
from mrd.cli.tables import console
from mrd.measures.fisher.noise import warning
from mrd.rendering import backend
from mrd.study.study import read_study
from mrd.workflow.build_set import add_findings


def fisher(path: StudyPath) -> None:
    """Predict a model's thresholds for changes of the scene.

    A threshold is the smallest change of a scene parameter that the model can discriminate from
    render noise. It is predicted from Fisher information, for every target and model. Finished
    predictions are skipped; incomplete ones, and those with other settings, are repeated. Images
    and numbers are written to runs/fisher. If the study has a stimulus set, the numbers are added
    to it for the report.
    """
    study, out = read_study(path), console()
    backend.activate()
    from mrd.measures.embed import fastest_device  # PyTorch, imported only when it is needed
    from mrd.measures.fisher.record import fisher as predictions

    with counter(out) as progress:
        stored = list(predictions(study, fastest_device(), progress))
    for each in stored:
        names = each.record["names"]
        out.print(f"{names['target']}, {names['model']}: {_outcome(each.why)}")
        for row in each.record["parameters"]:
            threshold = row["threshold"]
            value = "not seen" if threshold is None else f"{threshold:.3g} {row['unit']}"
            note = "; the picture is clipped to bounds" if row["clipped"] else ""
            out.print(f"  {row['name']}: {value}{note}")
            if problem := warning(row, each.record["asked"]["fisher"]["derivative_samples"]):
                out.print(f"  warning: {row['name']}: {problem}")
        out.print(f"{each.folder}")
    if add_findings(study):
        out.print(f"added to {study.stimulus_set}; mrd analyse {path} shows them in the report")
    else:
        out.print("in no set yet; in a study with series, mrd stimuli build adds them to one")


def _outcome(why: str | None) -> str:
    """Return, in words, whether a prediction was made now, and why."""
    if why is None:
        return "existed already"
    return "predicted" if why == "new" else f"predicted again ({why})"
