"""The section `criterion` of a search: what a result must meet to be a metamer."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field

from scenes.base.frozen import Frozen

CLASS_PROBABILITY = 0.2


class ScoringRule(NamedTuple):
    """The limits that affect verdicts, but neither null nor ceiling."""

    floor: float
    class_probability: float = CLASS_PROBABILITY

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "ScoringRule":
        """Return the rule of a stored verdict; earlier ones have no class probability."""
        floor = float(stored.get("floor", "nan"))  # NaN: not scored
        return cls(floor, stored.get("class_probability", CLASS_PROBABILITY))

    def record(self) -> dict[str, Any]:
        """Return the rule as JSON for a hash, without a default that earlier hashes lack."""
        default = self.class_probability == CLASS_PROBABILITY
        return {"floor": self.floor} if default else self._asdict()

    def changes(self, other: "ScoringRule") -> list[str]:
        """Return the keys of the criterion in which two rules differ."""
        pairs = zip(self._asdict().items(), other, strict=True)
        return [f"criterion.{key}" for (key, one), two in pairs if one != two]


class CriterionConfig(Frozen):
    """The criterion that a result must meet to be called a metamer of its target.

    Parameters
    ----------
    null
        Number N of random scenes, 1 to 9999. They have random values of the searched attributes;
        the result must be more similar to the target than each of them, which means p ≤ 1/(N + 1).
    ceiling
        Number of re-renders of the target that measure how well the target matches itself, 2 to
        1000.
    floor
        Least match at every training camera, 0 to 1. The match is (s − null) / (ceiling − null)
        with the similarity s of the result.
    class_probability
        Least mean probability (softmax) of the target's class, 0 to 1. Where a classifier gives
        the target's image and all its re-renders one class with this probability, the result must
        have that class too. At other cameras the class does not count.
    """

    null: int = Field(default=99, strict=True, ge=1, le=9999)
    ceiling: int = Field(default=8, strict=True, ge=2, le=1000)
    floor: float = Field(default=0.9, strict=True, ge=0, le=1)
    class_probability: float = Field(default=CLASS_PROBABILITY, strict=True, ge=0, le=1)

    @property
    def rule(self) -> ScoringRule:
        """The limits that affect verdicts only."""
        return ScoringRule(self.floor, self.class_probability)
