"""Groups of keys of a search: samples, learning rates, start, early stopping."""

from pydantic import Field

from mrd.study.fields import Count, Rate
from scenes.base.frozen import Frozen
from scenes.material import Material
from scenes.pose import Pose
from scenes.scene import Light
from scenes.shape import Shape


class Samples(Frozen):
    """Samples of a render, per pixel unless stated otherwise.

    Parameters
    ----------
    primal
        Samples for the images of a step, 1 to 4096. Squares (4, 9, 16) are best, as the sampler is
        a jittered grid.
    adjoint
        Samples for the gradients of a step, 1 to 4096.
    boundary
        Samples on silhouettes per view (not per pixel), 1 to 10 million; only for searches of shape
        or pose.
    score
        Samples for images that are scored and shown, 16 to 65536. With fewer, noise would change
        what the network sees.
    """

    primal: int = Field(default=16, strict=True, ge=1, le=4096)
    adjoint: int = Field(default=4, strict=True, ge=1, le=4096)
    boundary: int = Field(default=8192, strict=True, ge=1, le=10_000_000)
    score: int = Field(default=144, strict=True, ge=16, le=65536)


class LearningRate(Frozen):
    """Step sizes of the optimiser, one for each attribute, above 0 and at most 10.

    Parameters
    ----------
    shape
        Step size in scene units, for the smoothed (LargeSteps) coordinates of the vertices.
    material
        Step size in units of the parameters, which run from 0 to 1.
    lighting
        Step size in natural logarithms of radiance.
    pose
        Step size in radians, and in radii of the object's bounding sphere.
    """

    shape: Rate = 0.2
    material: Rate = 0.03
    lighting: Rate = 0.1
    pose: Rate = 0.05


class StartConfig(Frozen):
    """Start of the searched attributes of a search; all other attributes are those of the target.

    Parameters
    ----------
    shape
        Start shape. By default a sphere: of radius 0.6 with 642 vertices if the search has
        `remeshing: auto`, else of radius 1 with 2562 vertices.
    material
        Start material. Only its searched parameters are used, all others are those of the target.
        By default grey with roughness 0.5.
    lighting
        Start lighting; by default constant white with the mean radiance of the target's light. Of a
        searched lamp: a lamp of the same kind, of which the searched parameters are used; by
        default grey and twice as strong, turned by 60 degrees about the object, of twice the size.
    pose
        Start pose; by default no rotation and no translation.
    """

    shape: Shape | None = None
    material: Material | None = None
    lighting: Light | None = None
    pose: Pose | None = None


class EarlyStopping(Frozen):
    """Conditions under which a search stops before its last step.

    The loss is smoothed over the steps in which every training camera is seen four times.

    Parameters
    ----------
    patience
        Number of steps without a new lowest smoothed loss after which the search stops, 1 to
        100000, and returns to the state with the lowest loss.
    match
        Smoothed match at which the search stops at once, above 0 and at most 1; none by default. A
        search that would otherwise return to the target itself (as often with a pose) then ends far
        from it. The match of the verdict is higher, as its renders have less noise.
    """

    patience: Count = 100
    match: float | None = Field(default=None, strict=True, gt=0, le=1)
