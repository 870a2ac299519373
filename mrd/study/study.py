"""The study file: targets, models, searches and series, and the runs that they ask for.

`read_study` checks structure alone. `grid` names the runs without touching a file; `resolve_all`
reads what they need and gives each its final name, which ends in a hash of all that its result
hangs on: change anything, and it is another run.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from analysis.config import AnalysisConfig
from mrd.study import own_network
from mrd.study.fields import FileName, Seed, misplaced
from mrd.study.fisher_section import FisherConfig
from mrd.study.model_section import FrontEnd, ModelConfig
from mrd.study.search_section import BESIDE_THE_SEARCH, SearchConfig, check_guides
from mrd.study.series import ResolvedSeries, resolved_series
from mrd.study.series_section import OWN_LIGHT, SeriesConfig
from mrd.study.validation_messages import refusal
from mrd.study.yaml_file import read_document
from psychophysics.config import ExperimentConfig
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError, about, nearest
from scenes.base.frozen import Frozen
from scenes.config import TargetConfig, target_scene
from scenes.geometry.topology import manifold_problem
from scenes.scene import Scene, check_visible
from scenes.shape import geometry
from stimuli.config import StimuliConfig

SCHEMA_VERSION = 1
FILE_NAME = "study.yaml"

PIXELS = "pixels"
"""Model of a pixel search, and its name: the display pixels themselves, not blurred."""

# What of a search leaves its result as it is: also how often it is saved, and from what match on
# the result is called a metamer.
BESIDE_THE_RESULT: dict[str, Any] = {
    **dict.fromkeys(BESIDE_THE_SEARCH, True),
    "save_every": True,
    "criterion": {"floor": True},
}


class Study(Frozen):
    """A study: what is looked at, by which models, and what is searched.

    Parameters
    ----------
    name
        Name of the study: lower-case letters, digits, ``_`` and ``-``.
    seed
        Seed from which, with a run's own, all of its randomness grows; a whole number from 0.
    targets
        The scenes that metamers are sought of, by name.
    models
        The networks that look at them, by name.
    searches
        What is searched, by name; each runs on every target and model unless it names some.
    series
        The images that experiments need of every target and result; without it, none are made.
    stimuli
        Which results become stimuli, and how they are stored.
    experiment
        What people are asked, and on which display; none where it is not given.
    analysis
        How answers are analysed.
    fisher
        How thresholds are predicted (`mrd fisher`).
    """

    name: FileName
    seed: Seed = 1
    targets: Annotated[dict[FileName, TargetConfig], Field(min_length=1)]
    models: Annotated[dict[FileName, ModelConfig], Field(min_length=1)]
    searches: Annotated[dict[FileName, SearchConfig], Field(min_length=1)]
    series: SeriesConfig | None = None
    stimuli: StimuliConfig = StimuliConfig()
    experiment: ExperimentConfig | None = None
    analysis: AnalysisConfig = AnalysisConfig()
    fisher: FisherConfig = FisherConfig()

    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """Folder that relative paths of the study start from, and that its results go to."""
        return self._folder

    @property
    def runs(self) -> Path:
        """Folder of the run directories."""
        return self.folder / "runs"

    @property
    def stimulus_set(self) -> Path:
        """File of the stimulus set."""
        return self.folder / "stimuli.h5"

    def in_folder(self, folder: Path) -> Self:
        """Return the same study in another folder."""
        study = self.model_copy()
        study._folder = Path(folder)
        return study

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for search_name, search in self.searches.items():
            for kind, valid in (("targets", self.targets), ("models", self.models)):
                for index, name in enumerate(getattr(search, kind) or ()):
                    if name not in valid:
                        raise misplaced(
                            "Study",
                            ("searches", search_name, kind, index),
                            f"there is no '{name}' among the {kind}; {nearest(name, valid)} "
                            f"known: {', '.join(valid)}",
                        )
        return self

    @model_validator(mode="after")
    def _pixel_searches_have_a_name_of_their_own(self) -> Self:
        asking = [name for name, search in self.searches.items() if search.pixel_search]
        if asking and PIXELS in self.models:
            raise misplaced(
                "Study",
                ("models", PIXELS),
                f"images of the pixel search of '{asking[0]}' are recorded under '{PIXELS}', so "
                "no model can have that name; give the model another",
            )
        return self

    @model_validator(mode="after")
    def _guides_have_an_effect(self) -> Self:
        check_guides(self.searches, self.models)
        return self

    @model_validator(mode="after")
    def _series_fit(self) -> Self:
        for name, search in self.searches.items():
            series = self.series_of(name)
            others = (
                [light for light in series.named_lights() if light != OWN_LIGHT] if series else []
            )
            if "lighting" in search.attributes and others:
                own = search.series is not None and "lights" in search.series.model_fields_set
                raise misplaced(
                    "Study",
                    ("searches", name, "series", "lights") if own else ("series", "lights"),
                    f"the search '{name}' changes the lighting, so its series has no light but "
                    f"its own; give that search 'series: {{lights: [{OWN_LIGHT}]}}'",
                )
            if series and series.kind == "trajectory" and search.is_from_target:
                raise misplaced(
                    "Study",
                    ("searches", name, "mode"),
                    f"the search '{name}' goes from the target to its result: give it "
                    "'series: {kind: interpolation}'",
                )
            if series and series.kind == "interpolation" and search.remeshing:
                raise misplaced(
                    "Study",
                    ("searches", name, "remeshing"),
                    f"the result of '{name}' will have a mesh of its own, and its series "
                    "interpolates; give that search 'series: {kind: trajectory}'",
                )
        return self

    def series_of(self, search: str) -> SeriesConfig | None:
        """Series of a search: the study's section, changed by the search's own; None without."""
        own = self.searches[search].series
        if self.series is None:
            return own
        return self.series.changed_by(own)


def read_study(path: Path) -> Study:
    """Read a study and check its structure; files that it names are not looked for yet.

    Parameters
    ----------
    path
        The file, or the folder that holds it as ``study.yaml``.

    Raises
    ------
    InputError
        The file is missing or no YAML, or something in it is not allowed: one line with file,
        line, key, value and what is allowed.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE_NAME
        if not path.is_file():
            raise InputError(f"{path}: there is no such file; a study's folder holds one")
    document = read_document(path)
    try:
        return Study.model_validate(document.data).in_folder(path.parent)
    except ValidationError as error:
        raise refusal(error, document, Study) from error


def as_word(path: Path) -> str:
    """Path of a study as a word of a command: one that begins with - is no option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


@dataclass(frozen=True)
class RunSpec:
    """One cell of the study's grid: names, and nothing looked up."""

    target: str
    model: str
    search: str
    seed: int
    is_pixel_search: bool = False

    @property
    def family(self) -> str:
        """Name of what its images are compared with: the target as the search represents it."""
        return f"{self.target}-{self.search}"

    @property
    def label(self) -> str:
        """Readable part of the run's name."""
        model = "pixel" if self.is_pixel_search else self.model
        return f"{self.target}-{model}-{self.search}-s{self.seed}"


def grid(study: Study) -> list[RunSpec]:
    """List the runs of a study: targets × models × searches × seeds, searches outermost.

    A pixel search stands among the models of its search, as the last.

    Raises
    ------
    InputError
        Two runs or two families would have one name.
    """
    runs = [
        RunSpec(target, model, search_name, seed, is_pixel_search)
        for search_name, search in study.searches.items()
        for target in (search.targets or study.targets)
        for model, is_pixel_search in [
            *((model, False) for model in search.models or study.models),
            *([(PIXELS, True)] if search.pixel_search else []),
        ]
        for seed in search.seeds
    ]
    families: dict[str, RunSpec] = {}
    seen: dict[str, RunSpec] = {}
    for run in runs:
        first = families.setdefault(run.family, run)
        if (first.target, first.search) != (run.target, run.search):
            raise InputError(
                f"two families would both be called {run.family}: target '{first.target}' with "
                f"search '{first.search}', and target '{run.target}' with search '{run.search}'; "
                "rename one"
            )
        other = seen.setdefault(run.label, run)
        if other is not run:
            raise InputError(
                f"two runs would both be called {run.label}: target '{other.target}' with model "
                f"'{other.model}', and target '{run.target}' with model '{run.model}'; rename one"
            )
    return runs


@dataclass(frozen=True)
class ResolvedRun:
    """A run with nothing left to look up.

    Parameters
    ----------
    spec
        Its names.
    target, start
        The scenes, loaded. The start is the target with other searched attributes.
    model
        The model, its weights file as an absolute path.
    search
        The search.
    record
        The same as JSON, files by their SHA-256: what `run.json` keeps and the name hashes.
    series
        The images that are made of it; no part of the record. None where none are.
    """

    spec: RunSpec
    target: Scene
    start: Scene
    model: ModelConfig
    search: SearchConfig
    record: dict[str, Any]
    series: ResolvedSeries | None = None

    @cached_property
    def name(self) -> str:
        """Name of the run's folder: its label, and 8 digits of the hash of its record."""
        text = json.dumps(self.record, sort_keys=True, separators=(",", ":"))
        return f"{self.spec.label}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def generator(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose, from the recorded seeds and the run's name."""
        name = hashlib.sha256(f"{self.name}/{purpose}".encode()).digest()
        seeds = self.record["seeds"]
        return np.random.default_rng([seeds["study"], seeds["run"], *name[:8]])

    def is_judged_by(self, judgement: Mapping[str, Any]) -> bool:
        """Tell whether what a `criterion.json` holds was judged by the floor that is asked now."""
        training = judgement.get("training", {})
        return bool(training.get("floor") == self.search.criterion.floor)

    @property
    def starts(self) -> dict[str, Any]:
        """Start of every searched attribute, loaded."""
        return {name: getattr(self.start, name) for name in self.search.attributes}


def resolve_all(study: Study) -> list[ResolvedRun]:
    """Resolve every run of the grid, reading each target once.

    Raises
    ------
    InputError
        A file is missing or broken, a camera does not see the object, or a start shape is no
        closed surface.
    """
    runs = grid(study)
    targets = {name: loaded_target(name, study) for name in {run.target: None for run in runs}}
    return [_resolve(run, study, targets[run.target]) for run in runs]


def loaded_target(name: str, study: Study) -> Scene:
    """Load a target of a study, seen by all of its cameras.

    Raises
    ------
    InputError
        A file is missing or broken, or a camera does not see the object.
    """
    with about(f"targets.{name}"):
        scene = target_scene(name, study.targets[name], study.folder).loaded(study.folder)
        check_visible(scene)
    return scene


def _beside_the_result(search: SearchConfig) -> dict[str, Any]:
    """What of a search leaves its result as it is; `mode: diverge` goes as far as the floor."""
    beside = BESIDE_THE_RESULT | ({} if search.label is not None else {"label": True})
    if search.mode != "diverge":
        return beside
    return {key: each for key, each in beside.items() if key != "criterion"}


def _resolve(spec: RunSpec, study: Study, target: Scene) -> ResolvedRun:
    search = study.searches[spec.search]
    with about(f"searches.{spec.search}.start"):
        start = target.model_copy(update=search.starts()).loaded(study.folder)
        if "shape" in search.attributes:
            check_start_shape(start)
        elif "pose" in search.attributes:
            check_visible(start)
    if spec.is_pixel_search:
        model = ModelConfig(network=PIXELS, front_end=FrontEnd(blur=0.0))
        model_record = model.model_dump(mode="json")
        search = search.model_copy(update={"loss": "l1"})
    else:
        model, model_record = resolved_model(
            study.models[spec.model], study.folder, f"models.{spec.model}"
        )
    record = {
        "schema_version": SCHEMA_VERSION,
        "target": target.sha256,
        "start": start.sha256,
        "model": model_record,
        "search": search.model_dump(mode="json", exclude=_beside_the_result(search)),
        "seeds": {"study": study.seed, "run": spec.seed},
    }
    series = study.series_of(spec.search)
    with about(f"series of searches.{spec.search} on targets.{spec.target}"):
        resolved = (
            None
            if series is None
            else resolved_series(series, search.attributes, target, start, study.folder)
        )
    return ResolvedRun(spec, target, start, model, search, record, resolved)


def resolved_model(
    model: ModelConfig, folder: Path, place: str
) -> tuple[ModelConfig, dict[str, Any]]:
    """Give a model with its files found, and its record: files by their SHA-256.

    Parameters
    ----------
    model
        As the study has it.
    folder
        What relative paths start from.
    place
        What messages are about, such as ``models.net``.

    Raises
    ------
    InputError
        A file is missing.
    """
    with about(f"{place}.weights"):
        model, weights = _with_weights(model, folder)
    with about(place):
        model, network = _with_network(model, folder)
    return model, model.model_dump(mode="json") | {"weights": weights} | network


def seen_by(record: dict[str, Any]) -> dict[str, Any]:
    """What of a model's record its activations hang on, whichever of its layers are read."""
    return {name: value for name, value in record.items() if name not in ("layers", "guides")}


def check_start_shape(start: Scene) -> None:
    """Check that a search can move the shape: a closed surface that every camera sees.

    Raises
    ------
    InputError
        It cannot.
    """
    if problem := manifold_problem(geometry(start.shape)):
        raise InputError(f"shape: {problem}; a search starts from a closed surface")
    check_visible(start)


def _with_weights(model: ModelConfig, folder: Path) -> tuple[ModelConfig, str]:
    """Model with its weights file found, and the name of the weights that a hash can hold."""
    if model.weights in ("default", "none"):
        return model, model.weights
    try:
        path = (folder / Path(model.weights).expanduser()).absolute()
    except RuntimeError as error:  # ~nobody
        raise InputError(f"{model.weights}: {error}; give the whole path") from error
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; use default, none, or the path of a file"
        ) from error
    return model.model_copy(update={"weights": str(path)}), f"sha256:{digest}"


def _with_network(model: ModelConfig, folder: Path) -> tuple[ModelConfig, dict[str, str]]:
    """Model with the file of its own network found, and what a hash can hold of that."""
    if not own_network.is_factory(model.network):
        return model, {}
    network = own_network.located(model.network, folder)
    code = own_network.code_of(network)
    record = {"network": own_network.shown(network)}
    if code:
        record["code"] = f"sha256:{file_sha256(code)}"
    return model.model_copy(update={"network": network}), record
