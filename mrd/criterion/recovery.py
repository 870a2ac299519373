"""How well a result recovers its target, and the outcome of a search in words.

Recovery asks how well a scene can be inferred from activations, metamers how different a scene with
the same activations can be. One search gives an answer to both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrd.study.search_section import SearchConfig
from scenes.differences import MEASURE_UNITS

METAMER, RECOVERED, NOT_A_METAMER = "metamer", "recovered", "not a metamer"
FLIPPED, NOT_FLIPPED = "flipped", "not flipped"


def recovery(
    difference: Mapping[str, Mapping[str, float]], search: SearchConfig
) -> dict[str, dict[str, float]]:
    """Return the errors of each searched attribute: attribute → measure → difference.

    The measures are those of `scenes.differences.MEASURE_UNITS`; of a material also each searched
    parameter.
    `difference` is from `scenes.differences.scene_difference`. ``volume_iou`` is 1 for equal
    volumes; all others are 0 for equal scenes.
    """
    errors = {}
    for attribute, found in difference.items():
        names = [*MEASURE_UNITS[attribute]]
        if attribute == "material":
            names += search.material_parameters
        errors[attribute] = {name: found[name] for name in names}
    return errors


def unit(attribute: str, measure: str) -> str:
    """Return the unit of an error; "" for a parameter of a material, and for a ratio."""
    return MEASURE_UNITS[attribute].get(measure, "")


def outcome(score: Mapping[str, Any]) -> str:
    """Return the verdict of a `criterion.json` in words.

    "recovered": the criterion holds at every training camera, and the scene is physically the
    target within the limits of `mrd.criterion.criterion.LEAST_DIFFERENCE`.
    """
    if "flip" in score:
        return NOT_FLIPPED if score["flip"]["distance"] is None else FLIPPED
    if score["verdict"] == METAMER:
        return METAMER
    return RECOVERED if score["training"]["metamer"] and score["target_again"] else NOT_A_METAMER


def verdict_in_words(verdict: str) -> str:
    """Return a verdict as people read it; files have `result` for "not a metamer"."""
    return METAMER if verdict == METAMER else NOT_A_METAMER


def is_success(score: Mapping[str, Any], search: SearchConfig) -> bool:
    """Return whether a search found what its `goal` asks for."""
    wanted = RECOVERED if search.goal == "recover" else METAMER
    return outcome(score) in (wanted, FLIPPED)
