"""The section `searches` of a study: attributes that may change, start, optimiser, criterion."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from mrd.study.criterion_section import CriterionConfig
from mrd.study.fields import Count, Names, Seed, distinct, misplaced
from mrd.study.model_section import ModelConfig
from mrd.study.search_groups import EarlyStopping, LearningRate, Samples, StartConfig
from mrd.study.series_section import SeriesConfig
from mrd.study.shape_section import (
    AUTO,
    MOST_SMOOTHNESS,
    Regularisers,
    Remeshing,
    with_shape_defaults,
)
from scenes.base.errors import nearest
from scenes.base.frozen import Frozen
from scenes.lamps import LAMPS
from scenes.lighting import Constant
from scenes.material import SCALARS, TEXTURED, Material
from scenes.objects import Name
from scenes.pose import Pose
from scenes.scene import ENVIRONMENT, Light
from scenes.shape import Shape, Sphere

Attribute = Literal["shape", "material", "lighting", "pose"]
SkyParameter = Literal[
    "sun_scale", "sky_scale", "sun_elevation", "sun_azimuth", "turbidity", "albedo"
]
LampParameter = Literal["strength", "place", "size"]
LossName = Literal["l1", "l2", "cosine", "relative_squared_error", "dual_buffer"]
DEFAULT_LOSS: LossName = "relative_squared_error"

FROM_THE_TARGET = ("diverge", "flip")  # modes in which a search starts at its target
STARTS_FROM_THE_TARGET = 3  # default of `restarts` in these modes
MARGIN = 0.01  # default of `margin`

# Keys that are no part of a search's hash: start scenes are hashed apart, others affect no result.
BESIDE_THE_SEARCH = {"start", "targets", "models", "seeds", "series", "pixel_search", "goal"}


def _one_of(valid: Collection[str], problem: str) -> AfterValidator:
    def checked(name: str) -> str:
        if name not in valid:
            allowed = ", ".join(valid)
            raise ValueError(f"'{name}' {problem}; {nearest(name, valid)} allowed: {allowed}")
        return name

    return AfterValidator(checked)


MaterialParameter = Annotated[
    str, _one_of(("base_color", *SCALARS), "is no parameter of a material")
]
TexturedParameter = Annotated[str, _one_of(tuple(TEXTURED), "cannot be a texture")]


class SearchConfig(Frozen):
    """A search: from a start scene to the activations of a target, or from a target away from it.

    Parameters
    ----------
    attributes
        Attributes that the search may change: one or several of shape, material, lighting, pose.
    mode
        match: from a start scene toward the target's activations. diverge: away from the target, as
        far as match and class meet the criterion (`mrd.search.diverge`). flip: from the target to
        the nearest scene in which a classifier sees another class (`mrd.search.flip`). The last two
        change one attribute, and have no start, loss or guides.
    goal
        What counts as a success: metamer (a scene that matches and differs from the target) or
        recover (a scene that matches and is physically the target). It changes reports, not
        searches. recover is not possible with mode: diverge or flip.
    object
        Name of the object that the search changes; by default the first of the target.
    lamp
        Name of the lamp that a search of the lighting changes. By default it changes the light of
        the environment (environment).
    lamp_parameters
        What is searched of the lamp: some of strength (radiance, intensity or irradiance, with its
        colour), place (of a sun: its direction) and size.
    label
        With mode: flip, the number of the wanted class, from 0; null: any class but the target's.
    start
        Start of the searched attributes.
    targets, models
        Names of the targets and models of this search; by default all in the study.
    steps
        Steps of the optimiser, 1 to 100000. By default 400, and 800 with `remeshing: auto`.
    views_per_step
        Training cameras rendered in one step, 1 to 1000; all of them if there are fewer.
    loss
        Distance between activations, with mode: match: l1, l2, cosine, relative_squared_error or
        dual_buffer (two renders per view), for all layers, or a mapping with one for each layer.
    optimiser
        adam, or lbfgs: all training cameras and the same noise at every step, and a line search.
    learning_rate
        Step size for each attribute (with L-BFGS: the unit of its variables).
    margin
        Added to criterion.floor when a search with mode: diverge chooses its farthest scene, 0 to
        0.1: noise of a score then seldom fails the verdict. With a larger margin the metamer is
        nearer, and its match at other cameras is higher.
    schedule
        How the learning rate of Adam falls toward the last step: cosine, linear or constant (not).
        By default linear, and cosine with `remeshing: auto`.
    early_stopping
        Stop when the loss has stopped falling, and take the best state; null: never.
    restarts
        Number of starts, 1 to 100; the best result counts. Each start has other noise, and each but
        the first is moved a little at random. Default 1. With mode: diverge or flip, the default is
        3, and every start is moved a little from the target.
    remeshing
        When a searched shape gets new triangles. auto: often in the first 70 % of the steps
        (`mrd.search.remeshing`). This is the default of a search of a shape with mode: match and
        optimiser: adam. null: never. A mapping: at given steps.
    smoothness
        λ of LargeSteps (Nicolet, Jacobson & Jakob 2021), 0 to 1000: the larger, the more the
        vertices of a shape move together. By default 10, 3 with `remeshing: auto`, and 1000 with
        mode: diverge, as only smooth changes also keep the match at other cameras. The same λ is
        stiffer for a coarser mesh: below about 1000 vertices, use 100 there.
    soft_start
        Share of the steps, 0 to 0.95, in which target and render both have a matte material
        (roughness 1, no clearcoat), in the first half also soft light (mostly even). Highlights
        move far when a surface turns a little, and dark parts have no outline, so both mislead a
        search of a shape from afar. Sections that are searched are not changed. A matte target is
        rendered with at most 36 samples here. The search then
        also uses activations of a modified target; the last steps and the verdict use the target
        alone. By default 0, and 0.6 with `remeshing: auto`.
    regularisers
        Weights of edge length, area and Laplacian of a searched shape; all off by default.
    material_parameters
        Parameters of the material that are searched.
    texture_resolution
        0: one value for the whole surface; n, from 1 to 2048: a texture of n × n for each of the
        `textured_parameters`.
    textured_parameters
        The searched parameters that become textures: some of base_color, roughness and metallic.
        Those that are not searched are ignored.
    environment_height
        Rows of the searched environment map (it has twice as many columns), 3 to 1024.
    environment_smoothness
        Weight, 0 to 1000, of the penalty on differences of log radiance between neighbouring
        pixels. It suppresses speckles in directions that hardly affect the images.
    sky_parameters
        Searched parameters if start.lighting is a sun and sky: some of sun_scale, sky_scale,
        sun_elevation, sun_azimuth, turbidity and albedo; the others stay as in start.lighting.
        Target and results are rendered as maps of `environment_height` rows.
    samples
        Samples of the renders.
    criterion
        The criterion of a metamer.
    save_every
        Steps between two saved states, 1 to 100000: a stopped search loses at most so many.
    seeds
        Seeds, whole numbers from 0; each gives one run.
    series
        Keys of the study's ``series`` that differ for this search.
    pixel_search
        Whether to search without a model too, for comparison: toward equal pixels (mean absolute
        error), once for each target and seed.
    """

    attributes: Annotated[tuple[Attribute, ...], Field(min_length=1), AfterValidator(distinct)]
    mode: Literal["match", "diverge", "flip"] = "match"
    goal: Literal["metamer", "recover"] = "metamer"
    object: Name | None = None
    lamp: Name | None = None
    lamp_parameters: Annotated[
        tuple[LampParameter, ...], Field(min_length=1), AfterValidator(distinct)
    ] = ("strength",)
    label: int | None = Field(default=None, strict=True, ge=0)
    start: StartConfig = StartConfig()
    targets: Names | None = None
    models: Names | None = None
    steps: Count = 400
    views_per_step: int = Field(default=1, strict=True, ge=1, le=1000)
    loss: LossName | dict[str, LossName] = DEFAULT_LOSS
    optimiser: Literal["adam", "lbfgs"] = "adam"
    learning_rate: LearningRate = LearningRate()
    margin: float = Field(default=MARGIN, strict=True, ge=0, le=0.1)
    schedule: Literal["cosine", "linear", "constant"] = "linear"
    early_stopping: EarlyStopping | None = None
    restarts: int = Field(default=1, strict=True, ge=1, le=100)
    remeshing: Remeshing | Literal["auto"] | None = None
    smoothness: float = Field(default=10.0, strict=True, ge=0, le=MOST_SMOOTHNESS)
    soft_start: float = Field(default=0.0, strict=True, ge=0, le=0.95)
    regularisers: Regularisers = Regularisers()
    material_parameters: Annotated[
        tuple[MaterialParameter, ...], Field(min_length=1), AfterValidator(distinct)
    ] = ("base_color", "roughness", "metallic")
    texture_resolution: int = Field(default=0, strict=True, ge=0, le=2048)
    textured_parameters: Annotated[tuple[TexturedParameter, ...], AfterValidator(distinct)] = (
        "base_color",
    )
    environment_height: int = Field(default=16, strict=True, ge=3, le=1024)
    environment_smoothness: float = Field(default=0.01, strict=True, ge=0, le=1000)
    sky_parameters: Annotated[
        tuple[SkyParameter, ...], Field(min_length=1), AfterValidator(distinct)
    ] = ("sun_scale", "sky_scale", "sun_elevation", "sun_azimuth")
    samples: Samples = Samples()
    criterion: CriterionConfig = CriterionConfig()
    save_every: Count = 25
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)] = (1,)
    series: SeriesConfig | None = None
    pixel_search: bool = Field(default=False, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_kind(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if data.get("mode") in FROM_THE_TARGET:
            data = {"restarts": STARTS_FROM_THE_TARGET, **data}
        return with_shape_defaults(data)

    @model_validator(mode="after")
    def _check_start(self) -> "SearchConfig":
        for attribute in StartConfig.model_fields:
            if getattr(self.start, attribute) is not None and attribute not in self.attributes:
                raise misplaced(
                    "SearchConfig",
                    ("start", attribute),
                    f"this search changes {' and '.join(self.attributes)} alone; "
                    f"remove this start, or add {attribute} to attributes",
                )
        return self

    @model_validator(mode="after")
    def _check_lamp(self) -> "SearchConfig":
        if self.lamp and "lighting" not in self.attributes:
            raise misplaced(
                "SearchConfig", ("lamp",), "only with lighting among the attributes; remove it"
            )
        if self.lamp_parameters != ("strength",) and not self.changes_lamp:
            raise misplaced("SearchConfig", ("lamp_parameters",), "only with lamp: NAME; add it")
        if isinstance(self.start.lighting, LAMPS) and not self.changes_lamp:
            text = "a lamp is only possible together with lamp: NAME; add it"
            raise misplaced("SearchConfig", ("start", "lighting"), text)
        return self

    @model_validator(mode="after")
    def _check_mode(self) -> "SearchConfig":
        if self.label is not None and self.mode != "flip":
            raise misplaced("SearchConfig", ("label",), "only with mode: flip; remove it")
        if self.margin != MARGIN and self.mode != "diverge":
            raise misplaced("SearchConfig", ("margin",), "only with mode: diverge; remove it")
        if not self.is_from_target:
            return self
        stopping = self.early_stopping
        for key, is_given, advice in (
            ("attributes", len(self.attributes) > 1, "name one: its distance is searched for"),
            ("start", self.start != StartConfig(), "remove it: the start is the target"),
            ("optimiser", self.optimiser != "adam", "use adam"),
            ("loss", self.loss != DEFAULT_LOSS, "remove it: it would have no effect"),
            ("remeshing", self.remeshing is not None, "remove it: target and result share faces"),
            ("soft_start", self.soft_start > 0, "remove it: it would have no effect"),
            ("texture_resolution", self.texture_resolution > 0, "use 0: one value per parameter"),
            ("pixel_search", self.pixel_search, "remove it, or search with model pixels"),
            ("goal", self.goal == "recover", "use metamer: the search leaves its target"),
            ("early_stopping", bool(stopping and stopping.match), "remove its match"),
        ):
            if is_given:
                raise misplaced("SearchConfig", (key,), f"not with mode: {self.mode}; {advice}")
        return self

    @model_validator(mode="after")
    def _check_remeshing(self) -> "SearchConfig":
        if not self.remeshing:
            return self
        if "shape" not in self.attributes:
            raise misplaced("SearchConfig", ("remeshing",), "only a search of shape has a mesh")
        if self.optimiser == "lbfgs":
            text = "not with optimiser: lbfgs, which needs one mesh; use adam, or remove it"
            raise misplaced("SearchConfig", ("remeshing",), text)
        if isinstance(self.remeshing, str):
            return self
        at = self.remeshing.at
        if list(at) != sorted(at) or at[-1] >= self.steps:
            text = f"{', '.join(map(str, at))} has to grow and to stay below steps ({self.steps})"
            raise misplaced("SearchConfig", ("remeshing", "at"), text)
        return self

    @model_validator(mode="after")
    def _check_soft_start(self) -> "SearchConfig":
        if self.soft_start and self.optimiser == "lbfgs":
            text = "not with optimiser: lbfgs, which needs one objective; use adam, or remove it"
            raise misplaced("SearchConfig", ("soft_start",), text)
        if self.soft_start and {"material", "lighting"} <= set(self.attributes):
            text = "no effect if material and lighting are both searched; remove it"
            raise misplaced("SearchConfig", ("soft_start",), text)
        return self

    @property
    def changes_lamp(self) -> bool:
        """Whether the search changes a lamp, and not the light of the environment."""
        return self.lamp not in (None, ENVIRONMENT)

    @property
    def is_from_target(self) -> bool:
        """Whether the search starts at its target."""
        return self.mode in FROM_THE_TARGET

    @property
    def total_steps(self) -> int:
        """Number of steps of all starts together."""
        return self.steps * self.restarts

    @property
    def textures(self) -> tuple[str, ...]:
        """Names of the searched parameters of the material that are textures."""
        if "material" not in self.attributes or not self.texture_resolution:
            return ()
        return tuple(n for n in self.material_parameters if n in self.textured_parameters)

    def starts(self) -> dict[str, Shape | Material | Light | Pose]:
        """Return attribute → start for every searched attribute; files are not yet read.

        Empty if the search starts at the target.
        """
        if self.is_from_target:
            return {}
        sphere = Sphere(subdivisions=3, radius=0.6) if self.remeshing == AUTO else Sphere()
        defaults: dict[str, Shape | Material | Light | Pose] = {
            "shape": sphere,
            "material": Material(),
            "lighting": Constant(),
            "pose": Pose(),
        }
        starts: dict[str, Shape | Material | Light | Pose] = {
            name: getattr(self.start, name) or defaults[name] for name in self.attributes
        }
        if self.changes_lamp and self.start.lighting is None:
            del starts["lighting"]  # it depends on the target's lamp
        return starts


def check_guides(searches: Mapping[str, SearchConfig], models: Mapping[str, ModelConfig]) -> None:
    """Raise ValidationError if a search with mode diverge or flip runs on a model with guides."""
    for name, search in searches.items():
        for model in search.models or models:
            if search.is_from_target and model in models and models[model].guides:
                text = (
                    f"not with mode: {search.mode} of searches.{name}, where they would have no "
                    f"effect; remove them, or name models without guides in searches.{name}.models"
                )
                raise misplaced("Study", ("models", model, "guides"), text)
