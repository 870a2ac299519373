"""The searches of a study: what changes, where it starts, how it moves, when it is a metamer."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from mrd.study.fields import Count, Names, Rate, Seed, Weight, distinct, misplaced
from mrd.study.series_section import SeriesConfig
from scenes.base.errors import nearest
from scenes.base.frozen import Frozen
from scenes.lighting import Constant, Lighting
from scenes.material import SCALARS, TEXTURED, Material
from scenes.pose import Pose
from scenes.shape import Shape, Sphere

Attribute = Literal["shape", "material", "lighting", "pose"]
SkyParameter = Literal[
    "sun_scale", "sky_scale", "sun_elevation", "sun_azimuth", "turbidity", "albedo"
]
LossName = Literal["l1", "l2", "cosine", "relative_squared_error", "dual_buffer"]

FROM_THE_TARGET = ("diverge", "flip")  # modes of a search that begins at its target
STARTS_FROM_THE_TARGET = 3

# What of a search is not the search itself: it leaves results as they are, and their hash.
BESIDE_THE_SEARCH = {"start", "targets", "models", "seeds", "series", "pixel_search"}


def _material_parameter(name: str) -> str:
    valid = ("base_color", *SCALARS)
    if name not in valid:
        raise ValueError(
            f"'{name}' is no parameter of a material; {nearest(name, valid)} "
            f"allowed: {', '.join(valid)}"
        )
    return name


def _textured_parameter(name: str) -> str:
    if name not in TEXTURED:
        raise ValueError(
            f"'{name}' cannot be a texture; {nearest(name, TEXTURED)} allowed: "
            f"{', '.join(TEXTURED)}"
        )
    return name


class Samples(Frozen):
    """Samples that a render takes, per pixel where not said otherwise.

    Parameters
    ----------
    primal
        For the images of a step, 1 to 4096. The sampler is a jittered grid, so squares (4, 9, 16)
        waste nothing.
    adjoint
        For the gradients of a step, 1 to 4096.
    boundary
        On silhouettes, per view (not per pixel), 1 to 10 million; shape and pose searches only.
    score
        For images that are judged and shown, 16 to 65536: fewer, and the noise itself moves
        what the network sees.
    """

    primal: int = Field(default=16, strict=True, ge=1, le=4096)
    adjoint: int = Field(default=4, strict=True, ge=1, le=4096)
    boundary: int = Field(default=8192, strict=True, ge=1, le=10_000_000)
    score: int = Field(default=144, strict=True, ge=16, le=65536)


class CriterionConfig(Frozen):
    """When a result is called a metamer (STATISTICS: a metamer of its target).

    Parameters
    ----------
    null
        Number N of scenes, drawn at random in the searched attribute alone, that the result has
        to beat, 1 to 9999. Beating all of them means p ≤ 1/(N + 1).
    ceiling
        Number of re-renders of the target that say how well the target matches itself, 2 to 1000.
    floor
        Least match, (s − null) / (ceiling − null), at every training camera, 0 to 1.
    """

    null: int = Field(default=99, strict=True, ge=1, le=9999)
    ceiling: int = Field(default=8, strict=True, ge=2, le=1000)
    floor: float = Field(default=0.9, strict=True, ge=0, le=1)


class LearningRate(Frozen):
    """Step sizes of the Adam optimiser, one for each attribute, above 0 and at most 10.

    Parameters
    ----------
    shape
        In the smoothed (LargeSteps) coordinates of the vertices, scene units.
    material
        In units of the parameters, which run from 0 to 1.
    lighting
        In units of log radiance.
    pose
        In radians, and in radii of the object's bounding sphere.
    """

    shape: Rate = 0.2
    material: Rate = 0.03
    lighting: Rate = 0.1
    pose: Rate = 0.05


class Regularisers(Frozen):
    """Weights, 0 (off) to 1000, of what keeps a searched mesh in shape (`mrd.search.regularisers`).

    Parameters
    ----------
    edge_length
        Of the mean squared edge length, 1 at the start.
    area
        Of the surface's area, 1 at the start.
    laplacian
        Of the vertices' mean squared distance from the mean of their neighbours, in units of the
        start's squared edge length.
    """

    edge_length: Weight = 0.0
    area: Weight = 0.0
    laplacian: Weight = 0.0


class StartConfig(Frozen):
    """Where a search starts, for the attributes that it searches; all else is the target's.

    Parameters
    ----------
    shape
        Start shape; without it, a sphere of radius 1 with 2562 vertices.
    material
        Start material, of which the searched parameters count (all others are the target's);
        without it, grey with roughness 0.5.
    lighting
        Start lighting; without it, constant white of the target's mean radiance.
    pose
        Start pose; without it, no rotation and no translation.
    """

    shape: Shape | None = None
    material: Material | None = None
    lighting: Lighting | None = None
    pose: Pose | None = None


class EarlyStopping(Frozen):
    """When a search stops before its last step.

    The loss is smoothed over the steps that see every training camera four times.

    Parameters
    ----------
    patience
        Steps without a new lowest smoothed loss after which the search stops, 1 to 100000, and
        goes back to where the loss was lowest.
    match
        Smoothed match at which the search stops at once, above 0 and at most 1; none by default.
        What is searched then stays as far from the target as its start allows: a search that could
        find the target again (a pose often can) ends where the model is content. Renders of a
        search are noisier than those of the verdict, where the match comes out higher.
    """

    patience: Count = 100
    match: float | None = Field(default=None, strict=True, gt=0, le=1)


class Remeshing(Frozen):
    """When a shape under search gets new triangles (Botsch & Kobbelt 2004).

    Parameters
    ----------
    at
        Steps after which it does, each later than the one before and before the last of a start.
    edge
        Wanted edge length, in mean edge lengths of the start, above 0 and at most 10.
    rate
        Factor on the learning rate of the shape at each remeshing, above 0 and at most 1.
    """

    at: Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(distinct)]
    edge: Rate = 1.0
    rate: float = Field(default=1.0, strict=True, gt=0, le=1)


class SearchConfig(Frozen):
    """A search: from a start scene toward the activations of a target.

    Parameters
    ----------
    attributes
        What the search may change: one or several of shape, material, lighting, pose.
    mode
        match: from a start scene toward the target's activations. diverge: from the target away,
        as far as the match stays at the floor (`mrd.search.diverge`). flip: from the target to the
        nearest place where a classifier sees another class (`mrd.search.flip`). The last two are of
        one attribute and have no start.
    label
        With mode: flip, the class that is wanted, counted from 0; null: any but the target's.
    start
        Where it starts, for those attributes alone.
    targets, models
        Names of the targets and models that it runs on; without them, all of the study.
    steps
        Steps of the optimiser, 1 to 100000.
    views_per_step
        Training cameras rendered in one step, 1 to 1000; all of them where there are fewer.
    loss
        Distance between activations: l1, l2, cosine, relative_squared_error or dual_buffer (two
        renders a view), for all layers, or a mapping with one for each layer.
    optimiser
        adam, or lbfgs: all training cameras and the same noise at every step, and a line search.
    learning_rate
        Step size for each attribute (of L-BFGS: the unit that it counts each in).
    schedule
        How the learning rate of Adam falls to the last step: cosine, linear or constant.
    early_stopping
        Stop where the loss has stopped falling, and take the best state; null: never.
    restarts
        Times, 1 to 100, that the search is made, each with other noise and, but for the first,
        from a start that is a little moved at random. The result is the best. 3 by default where
        it leaves its target (diverge, flip), from which each is moved a little.
    remeshing
        New triangles on the way, of a shape; null: never.
    smoothness
        λ of LargeSteps (Nicolet, Jacobson & Jakob 2021), 0 to 1000: the larger, the more the
        vertices of a shape move together.
    regularisers
        Weights of edge length, area and Laplacian of a searched shape; all off by default.
    material_parameters
        Parameters of the material that are searched.
    texture_resolution
        0 searches one value for the whole surface; n, from 1 to 2048, a texture of n × n for each
        of the `textured_parameters`.
    textured_parameters
        The searched parameters that `texture_resolution` makes textures of: some of base_color,
        roughness and metallic. A search of none of them has no texture.
    environment_height
        Rows of the searched environment map (its columns are twice as many), 3 to 1024.
    environment_smoothness
        Weight, 0 to 1000, of the penalty on differences between neighbouring pixels of the log
        environment, which keeps directions that the views hardly see from speckling.
    sky_parameters
        What is searched of a light that starts as sun and sky: some of sun_scale, sky_scale,
        sun_elevation, sun_azimuth, turbidity and albedo; the others stay as start.lighting has
        them. Target and results are seen as maps of `environment_height` rows.
    samples
        Samples of the renders.
    criterion
        When the result is called a metamer.
    save_every
        Steps between two saved states, 1 to 100000: what a killed search may lose.
    seeds
        One run for each, whole numbers from 0.
    series
        Keys of the study's ``series`` that differ for this search.
    pixel_search
        Whether the same is also searched with no model: toward equal pixels (mean absolute
        error), as a comparison of its own, once for each target and seed.
    """

    attributes: Annotated[tuple[Attribute, ...], Field(min_length=1), AfterValidator(distinct)]
    mode: Literal["match", "diverge", "flip"] = "match"
    label: int | None = Field(default=None, strict=True, ge=0)
    start: StartConfig = StartConfig()
    targets: Names | None = None
    models: Names | None = None
    steps: Count = 400
    views_per_step: int = Field(default=1, strict=True, ge=1, le=1000)
    loss: LossName | dict[str, LossName] = "relative_squared_error"
    optimiser: Literal["adam", "lbfgs"] = "adam"
    learning_rate: LearningRate = LearningRate()
    schedule: Literal["cosine", "linear", "constant"] = "linear"
    early_stopping: EarlyStopping | None = None
    restarts: int = Field(default=1, strict=True, ge=1, le=100)
    remeshing: Remeshing | None = None
    smoothness: float = Field(default=10.0, strict=True, ge=0, le=1000)
    regularisers: Regularisers = Regularisers()
    material_parameters: Annotated[
        tuple[Annotated[str, AfterValidator(_material_parameter)], ...],
        Field(min_length=1),
        AfterValidator(distinct),
    ] = ("base_color", "roughness", "metallic")
    texture_resolution: int = Field(default=0, strict=True, ge=0, le=2048)
    textured_parameters: Annotated[
        tuple[Annotated[str, AfterValidator(_textured_parameter)], ...], AfterValidator(distinct)
    ] = ("base_color",)
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
    def _one_start_is_not_enough(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("mode") in FROM_THE_TARGET:
            return {"restarts": STARTS_FROM_THE_TARGET, **data}
        return data

    @model_validator(mode="after")
    def _start_only_what_is_searched(self) -> "SearchConfig":
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
    def _the_target_is_left_in_one_way(self) -> "SearchConfig":
        if self.label is not None and self.mode != "flip":
            raise misplaced("SearchConfig", ("label",), "only a search with mode: flip wants one")
        if not self.is_from_target:
            return self
        stopping = self.early_stopping
        for key, asked, instead in (
            ("attributes", len(self.attributes) > 1, "name one: its distance is searched for"),
            ("start", self.start != StartConfig(), "remove it: the start is the target"),
            ("optimiser", self.optimiser != "adam", "use adam"),
            ("loss", not isinstance(self.loss, str), "give one for all layers"),
            ("remeshing", self.remeshing is not None, "remove it: target and result share faces"),
            ("texture_resolution", self.texture_resolution > 0, "use 0: one value a parameter"),
            ("pixel_search", self.pixel_search, "remove it, or search with model pixels"),
            ("early_stopping", bool(stopping and stopping.match), "remove its match"),
        ):
            if asked:
                raise misplaced("SearchConfig", (key,), f"not with mode: {self.mode}; {instead}")
        return self

    @model_validator(mode="after")
    def _remeshing_has_a_mesh(self) -> "SearchConfig":
        if self.remeshing and "shape" not in self.attributes:
            raise misplaced("SearchConfig", ("remeshing",), "only a search of shape has a mesh")
        if self.remeshing and self.optimiser == "lbfgs":
            raise misplaced(
                "SearchConfig",
                ("remeshing",),
                "L-BFGS compares successive gradients, which a new mesh makes impossible; "
                "use optimiser: adam, or remove remeshing",
            )
        return self

    @model_validator(mode="after")
    def _remeshing_is_in_time(self) -> "SearchConfig":
        at = self.remeshing.at if self.remeshing else ()
        if list(at) != sorted(at) or any(step >= self.steps for step in at):
            raise misplaced(
                "SearchConfig",
                ("remeshing", "at"),
                f"{', '.join(map(str, at))} has to grow and to stay below steps ({self.steps})",
            )
        return self

    @property
    def is_from_target(self) -> bool:
        """Whether the search begins at its target and leaves it."""
        return self.mode in FROM_THE_TARGET

    @property
    def total_steps(self) -> int:
        """Steps of all restarts."""
        return self.steps * self.restarts

    @property
    def textures(self) -> tuple[str, ...]:
        """Searched parameters of the material that are textures."""
        if "material" not in self.attributes or not self.texture_resolution:
            return ()
        return tuple(n for n in self.material_parameters if n in self.textured_parameters)

    def starts(self) -> dict[str, Shape | Material | Lighting | Pose]:
        """Start of every searched attribute, defaults filled in (files not yet read).

        None where the search starts at the target.
        """
        if self.is_from_target:
            return {}
        defaults = {"shape": Sphere, "material": Material, "lighting": Constant, "pose": Pose}
        return {
            attribute: getattr(self.start, attribute) or defaults[attribute]()
            for attribute in self.attributes
        }
