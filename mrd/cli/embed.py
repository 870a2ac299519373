"""``mrd embed``: distances between the images of a stimulus set, as models see them."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import ValidationError
from typer import Argument, Option

from mrd.cli.progress import counter
from mrd.cli.tables import console
from mrd.models.registry import descriptions, exists
from mrd.study.model_section import ModelConfig
from mrd.study.study import read_study
from mrd.workflow.build_set import recorded_study, rules, set_of
from scenes.base.errors import InputError, first_problem, unknown
from stimuli.second_judgement import in_words, second_judgement
from stimuli.stimulus_set import StimulusSet


def embed(
    path: Annotated[Path, Argument(metavar="STUDY|SET", help="A study, or its stimuli.h5.")],
    model: Annotated[
        list[str] | None,
        Option(
            "--model",
            metavar="M",
            help="A model of the study, or a network (see mrd models). Repeat the option for more "
            "models. By default, all models of the study.",
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        Option(
            "--layer",
            metavar="L",
            help="A layer to use instead of the model's own. Repeat the option for more layers.",
        ),
    ] = None,
) -> None:
    """Store distances between images, as models see them.

    The distances are added to the stimulus set. The results are also scored again on the stored
    images: the command prints how many are metamers, and how many were before. What the set
    contains already is skipped, and an interrupted command resumes.
    """
    file, out = set_of(path, read_study), console()
    with StimulusSet(file) as stimuli:
        recorded = recorded_study(file, stimuli.provenance)
    study = recorded if path == file else read_study(path).model_dump(mode="json")
    models = study.get("models", {})
    configs = {name: _config(name, models, layer) for name in model or models}
    if not configs:
        raise InputError(f"{file}: names no model; give one with --model")
    from mrd.measures import embed as embedding  # PyTorch, imported only when it is needed

    requests = [embedding.ModelToEmbed(name, config) for name, config in configs.items()]
    device = embedding.fastest_device()
    with counter(out) as progress:
        done = embedding.embed(
            file,
            requests,
            rules(study),
            file.parent,
            device,
            progress,
        )
    with StimulusSet(file) as stimuli:
        for name in configs:
            out.print(f"{name}: {'embedded' if name in done else 'already in the set'}")
            for line in in_words(second_judgement(stimuli, name)):
                out.print(f"{name}: {line}")
    out.print(f"{file}")


def _config(name: str, models: dict[str, Any], layers: list[str] | None) -> ModelConfig:
    """Return the study's model of this name, or else the network of this name.

    `layers`, if given, replaces the layers of the model.
    """
    if name not in models and not exists(name):
        raise unknown("model or network", name, [*models, *descriptions()])
    config = dict(models.get(name, {"network": name}))
    if layers:
        config["layers"] = layers
    try:
        return ModelConfig.model_validate(config)
    except ValidationError as error:
        raise InputError(f"--model {name}: {first_problem(error, config)}") from error
