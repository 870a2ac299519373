"""The section `series` of a study: scenes ordered by distance, and their images."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mrd.study.fields import FileName, Names, distinct
from scenes.base.errors import nearest
from scenes.base.frozen import Frozen
from scenes.bundled import LIGHTS
from scenes.lighting import EnvironmentMap, Lighting

OWN_LIGHT = "own"
"""Name that means the light of the target in the list `lights`."""


def _named_light(light: Any) -> Any:
    if isinstance(light, str) and light not in (OWN_LIGHT, *LIGHTS):
        known = (OWN_LIGHT, *LIGHTS)
        raise ValueError(
            f"no light is called '{light}'; {nearest(light, known)} known: {', '.join(known)}, or "
            "one of your own: 'night: {kind: constant, radiance: 0.1}'"
        )
    return light


def _lights_distinct(lights: tuple[Any, ...]) -> tuple[Any, ...]:
    distinct(tuple(light if isinstance(light, str) else next(iter(light)) for light in lights))
    return lights


NewLight = Annotated[dict[FileName, Lighting], Field(min_length=1, max_length=1)]


class SeriesConfig(Frozen):
    """Scenes ordered by distance from the target, and their images.

    A study has one such section for all searches; the keys of a search's own section override it.

    Parameters
    ----------
    kind
        ``"interpolation"``: scenes whose parameters lie between those of target and result; a shape
        needs the same topology in both. ``"trajectory"``: the result, then earlier states of the
        search, each physically farther from the target than the one before. By default
        interpolation, and trajectory for a search that remeshes.
    levels
        Number of levels above 0 (the re-rendered target), 1 to 100; an experiment needs 2 or more.
    spacing
        Spacing of the levels: ``"linear"`` or ``"log"`` (equal ratios).
    first
        Position of level 1 between target (0) and result (1), with ``"log"`` spacing of an
        interpolation; above 0 and below 1.
    lights
        Lights under which every level is rendered: ``own`` (the light of the target), names that
        ``mrd scenes`` lists, or new lights with a name, ``night: {kind: constant, radiance: 0.1}``.
        A search of the lighting allows only ``own``.
    cameras
        ``"training"``, ``"held_out"``, ``"all"``, or names of cameras (c0, h0 …).
    noise_seeds
        Number of renders of every scene, camera and light that differ only in noise, 3 to 1000, so
        that a trial never shows the same image twice.
    samples
        Samples per pixel, 16 to 65536.
    """

    kind: Literal["interpolation", "trajectory"] = "interpolation"
    levels: int = Field(default=8, strict=True, ge=1, le=100)
    spacing: Literal["linear", "log"] = "linear"
    first: float = Field(default=0.05, strict=True, gt=0, lt=1)
    lights: Annotated[
        tuple[Annotated[str, AfterValidator(_named_light)] | NewLight, ...],
        Field(min_length=1),
        AfterValidator(_lights_distinct),
    ] = (OWN_LIGHT,)
    cameras: Literal["training", "held_out", "all"] | Names = "all"
    noise_seeds: int = Field(default=3, strict=True, ge=3, le=1000)
    samples: int = Field(default=256, strict=True, ge=16, le=65536)

    def named_lights(self) -> dict[str, Lighting | None]:
        """Return name → light, not loaded; None means the light of the target."""
        named: dict[str, Lighting | None] = {}
        for light in self.lights:
            if isinstance(light, dict):
                named |= light
            else:
                named[light] = None if light == OWN_LIGHT else EnvironmentMap(radiance=light)
        return named

    def changed_by(self, other: "SeriesConfig | None") -> "SeriesConfig":
        """Return this section, with the keys that are set in another one replaced by theirs."""
        changed = other.model_fields_set if other else set()
        return self.model_copy(update={name: getattr(other, name) for name in changed})
