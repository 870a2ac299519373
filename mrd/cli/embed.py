"""``mrd embed``: what models make of a finished stimulus set."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from mrd.cli.counting import counted
from mrd.cli.tables import console
from mrd.models.registry import descriptions, exists
from mrd.study.model_section import ModelConfig
from mrd.study.study import read_study
from mrd.workflow.build_set import floors, recorded_study, set_of
from scenes.base.errors import InputError, first_problem, unknown
from stimuli.second_judgement import in_words, second_judgement
from stimuli.stimulus_set import StimulusSet


def embed(
    path: Annotated[Path, typer.Argument(metavar="STUDY|SET", help="A study, or its stimuli.h5.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="M",
            help="A model of the study, or a network (mrd models); again "
            "for more. Without it: all models of the study.",
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer", metavar="L", help="A layer in place of the model's own; again for more."
        ),
    ] = None,
) -> None:
    """Store the distances that models see, and judge again.

    It tells how many results are metamers on the stored images, and which were called so before.
    What the set holds already is left alone, and what was stopped goes on.
    """
    file, out = set_of(path, read_study), console()
    with StimulusSet(file) as stimuli:
        recorded = recorded_study(file, stimuli.provenance)
    study = recorded if path == file else read_study(path).model_dump(mode="json")
    configs = {
        name: _config(name, study.get("models", {}), layer)
        for name in model or study.get("models", {})
    }
    if not configs:
        raise InputError(f"{file}: names no model; give one with --model")
    from mrd.measures import embed as embedding  # torch: only once there is work to do

    requests = [embedding.ModelToEmbed(name, config) for name, config in configs.items()]
    device = embedding.fastest_device()
    with counted(out) as progress:
        done = embedding.embed(file, requests, floors(study), file.parent, device, progress)
    with StimulusSet(file) as stimuli:
        for name in configs:
            out.print(f"{name}: {'embedded' if name in done else 'was there already'}")
            for line in in_words(second_judgement(stimuli, name)):
                out.print(f"{name}: {line}")
    out.print(f"{file}")


def _config(name: str, models: dict[str, Any], layers: list[str] | None) -> ModelConfig:
    """A model of the study, or a network under its own name; with other layers if asked for."""
    if name not in models and not exists(name):
        raise unknown("model or network", name, [*models, *descriptions()])
    config = dict(models.get(name, {"network": name}))
    if layers:
        config["layers"] = layers
    try:
        return ModelConfig.model_validate(config)
    except ValidationError as error:
        raise InputError(f"--model {name}: {first_problem(error, config)}") from error
