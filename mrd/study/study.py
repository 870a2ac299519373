"""The study file: targets, models, searches, series, and the runs that follow from them.

`read_study` checks the structure and opens no other file. `grid` lists the runs by name.
`resolve_all` reads the files that they need. A run's name ends in a hash of everything that its
result depends on, so that a changed setting makes a new run.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from analysis.config import AnalysisConfig
from mrd.study.cache_key import CacheKey
from mrd.study.fields import FileName, Seed, misplaced
from mrd.study.fisher_section import FisherConfig
from mrd.study.model_section import FrontEnd, ModelConfig
from mrd.study.resolved_model import resolved_model
from mrd.study.resolved_run import ResolvedRun, RunSpec, search_record
from mrd.study.search_section import SearchConfig, check_guides
from mrd.study.series import resolved_series
from mrd.study.series_section import OWN_LIGHT, SeriesConfig
from mrd.study.validation_messages import refusal
from mrd.study.yaml_file import read_document
from psychophysics.config import LEAST_LEVELS, ExperimentConfig
from scenes.base.errors import InputError, about, nearest
from scenes.base.frozen import Frozen
from scenes.config import TargetConfig, target_scene
from scenes.geometry.topology import manifold_problem
from scenes.lamps import LAMPS, sizes
from scenes.lighting import Constant
from scenes.scene import ENVIRONMENT, Light, Scene
from scenes.shape import geometry
from scenes.visibility import check_visible
from stimuli.config import StimuliConfig

SCHEMA_VERSION = 1
FILE_NAME = "study.yaml"

PIXELS = "pixels"
"""Name of the model in a pixel search, and of its network: the display pixels, without blur."""


class Study(Frozen):
    """A study: targets, models, searches, and all further sections of the study file.

    Parameters
    ----------
    name
        Name of the study: lower-case letters, digits, ``_`` and ``-``.
    seed
        Seed of all randomness, together with the seed of each run; a whole number from 0.
    targets
        The scenes to find metamers of, by name.
    models
        The vision models, by name.
    searches
        The searches, by name. Each runs on every target and model, or on those that it names.
    series
        The images of every target and result that experiments need. Without it, there are none.
    stimuli
        Which results become stimuli, and how their images are stored.
    experiment
        The task of the participants, and the screen. Without it, the study has no experiment.
    analysis
        How the responses are analysed.
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
        """Folder of the study file: relative paths start here, and results are written here."""
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
    def _no_model_is_named_like_pixel_searches(self) -> Self:
        with_pixels = [name for name, search in self.searches.items() if search.pixel_search]
        if with_pixels and PIXELS in self.models:
            raise misplaced(
                "Study",
                ("models", PIXELS),
                f"the name '{PIXELS}' is reserved for images of the pixel search of "
                f"'{with_pixels[0]}'; rename the model",
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
            if series is None:
                continue
            if "lighting" in search.attributes and set(series.named_lights()) != {OWN_LIGHT}:
                own = search.series is not None and "lights" in search.series.model_fields_set
                raise misplaced(
                    "Study",
                    ("searches", name, "series", "lights") if own else ("series", "lights"),
                    f"the search '{name}' changes the lighting, so its series can have no other "
                    f"light; give that search 'series: {{lights: [{OWN_LIGHT}]}}'",
                )
            if series.kind == "trajectory" and search.is_from_target:
                raise misplaced(
                    "Study",
                    ("searches", name, "mode"),
                    f"the search '{name}' moves away from the target; give that search "
                    "'series: {kind: interpolation}'",
                )
            if series.kind == "interpolation" and search.remeshing:
                raise misplaced(
                    "Study",
                    ("searches", name, "remeshing"),
                    f"the result of '{name}' has another mesh than the target, so no series can "
                    "interpolate between them; give that search 'series: {kind: trajectory}'",
                )
        return self

    @model_validator(mode="after")
    def _experiment_has_enough_levels(self) -> Self:
        for name, search in self.searches.items():
            series = self.series_of(name)
            if (
                self.experiment is None
                or series is None
                or series.levels + 1 >= LEAST_LEVELS  # level 0 is the target rendered again
                or not self.experiment.shows(
                    search.targets or self.targets,
                    search.models or self.models,
                    "+".join(search.attributes),
                )
            ):
                continue
            own = search.series is not None and "levels" in search.series.model_fields_set
            raise misplaced(
                "Study",
                ("searches", name, "series", "levels") if own else ("series", "levels"),
                f"{series.levels} is too few for the experiment, which shows the search '{name}'; "
                f"use at least {LEAST_LEVELS - 1}, or remove the section experiment",
            )
        return self

    def series_of(self, search: str) -> SeriesConfig | None:
        """Return the series of a search, or None: the study's series with the search's own keys.

        If no kind is given, a search that remeshes has a trajectory.
        """
        own = self.searches[search].series
        series = own if self.series is None else self.series.changed_by(own)
        if series and "kind" not in series.model_fields_set and self.searches[search].remeshing:
            return series.model_copy(update={"kind": "trajectory"})
        return series


def read_study(path: Path) -> Study:
    """Read a study and check its structure; the files that it names are not opened yet.

    Parameters
    ----------
    path
        The file, or the folder that contains it as ``study.yaml``.

    Raises
    ------
    InputError
        The file is missing, is not YAML, or a value is not allowed. The message names the file,
        line, key and value, and what is allowed.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE_NAME
        if not path.is_file():
            raise InputError(f"{path}: there is no such file; a study's folder contains one")
    document = read_document(path)
    try:
        return Study.model_validate(document.data).in_folder(path.parent)
    except ValidationError as error:
        raise refusal(error, document, Study) from error


def as_word(path: Path) -> str:
    """Return the path as a command's argument, which must not look like an option (``-``)."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def grid(study: Study) -> list[RunSpec]:
    """List the runs of a study: searches × targets × models (pixel search last) × seeds.

    Raises `InputError` if two runs, or two families (targets with one search), would have the same
    name.
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


def resolve_all(study: Study) -> list[ResolvedRun]:
    """Read the files of every run of a study: scenes, models and lights.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    list of ResolvedRun
        The runs, in the order of `grid`. Each target is read once.

    Raises
    ------
    InputError
        A file is missing or broken, a camera does not see the object, or a start shape is not a
        closed surface.
    """
    runs = grid(study)
    targets = {name: loaded_target(name, study) for name in {run.target: None for run in runs}}
    return [_resolve(run, study, targets[run.target]) for run in runs]


def loaded_target(name: str, study: Study) -> Scene:
    """Return a target, loaded; raise `InputError` if one of its cameras does not see the object."""
    with about(f"targets.{name}"):
        scene = target_scene(name, study.targets[name], study.folder).loaded(study.folder)
        if not scene.others:  # else the object that a search changes has to be visible
            check_visible(scene)
    return scene


def _resolve(spec: RunSpec, study: Study, target: Scene) -> ResolvedRun:
    search = study.searches[spec.search]
    place = f"{study.folder / FILE_NAME}: searches.{spec.search}"
    with about(f"{place}.object"):
        target = target.with_searched_object(search.object or target.object)
    with about(f"{place}.lamp"):
        target = target.with_searched_light(search.lamp or ENVIRONMENT)
    with about(f"{place} on targets.{spec.target}"):
        check_lamp(target, search)
        if target.others:
            check_visible(target)
    with about(f"searches.{spec.search}.start"):
        start = target.model_copy(update=search.starts()).loaded(study.folder)
        if "shape" in search.attributes:
            _check_start_shape(start)
        elif "pose" in search.attributes or search.changes_lamp:
            check_visible(start)
    if spec.is_pixel_search:
        model = ModelConfig(network=PIXELS, front_end=FrontEnd(blur=0.0))
        model_record = model.model_dump(mode="json")
        search = search.model_copy(update={"loss": "l1"})
    else:
        model, model_record = resolved_model(
            study.models[spec.model], study.folder, f"models.{spec.model}"
        )
    inputs = {
        "target": target.sha256,
        "start": start.sha256,
        "model": model_record,
        "search": search_record(search),
        "seeds": {"study": study.seed, "run": spec.seed},
    }
    key = CacheKey(inputs, SCHEMA_VERSION, "schema_version", compact=True)
    series = study.series_of(spec.search)
    with about(f"series of searches.{spec.search} on targets.{spec.target}"):
        resolved = (
            resolved_series(
                series, search.attributes, target, start, study.folder, study.stimuli.aovs
            )
            if series
            else None
        )
    return ResolvedRun(spec, target, start, model, search, key, resolved)


def _is_black(light: Light) -> bool:
    """Return whether a light of the environment is constant and black."""
    return isinstance(light, Constant) and light.level * max(light.radiance) == 0


def check_lamp(target: Scene, search: SearchConfig) -> None:
    """Raise `InputError` if a search needs parameters that the target's lamp does not have."""
    lamp, given = target.lighting, search.start.lighting
    if "lighting" in search.attributes and _is_black(lamp) and target.lamps:
        raise InputError(
            f"attributes: lighting: the light of the environment is black; name one of the lamps: "
            f"lamp: {next(iter(target.lamps))}"
        )
    if not search.changes_lamp or not isinstance(lamp, LAMPS):
        return
    if given is not None and type(given) is not type(lamp):
        raise InputError(
            f"start.lighting is of kind {given.kind}, and the target's lamp '{target.light}' is of "
            f"kind {lamp.kind}; use kind: {lamp.kind}"
        )
    if "size" in search.lamp_parameters and not len(sizes(lamp)):
        raise InputError(
            f"lamp_parameters: lamp '{target.light}' of kind {lamp.kind} has no size; remove size"
        )


def _check_start_shape(start: Scene) -> None:
    """Raise `InputError` unless the start shape is closed and every camera sees it."""
    if problem := manifold_problem(geometry(start.shape)):
        raise InputError(f"shape: {problem}; a search starts from a closed surface")
    check_visible(start)
