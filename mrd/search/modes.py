"""The mode of a search, chosen by its name in the study file."""

from __future__ import annotations

from collections.abc import Callable

from mrd.criterion.null_and_ceiling import Reference
from mrd.criterion.verdict import mean_match, training
from mrd.search.diverge import Diverge
from mrd.search.flip import Flip
from mrd.search.flip_result import own_classes, stable_classes
from mrd.search.loop import Mode
from mrd.search.match import Match
from mrd.study.checkpoint import SearchState
from mrd.study.search_section import SearchConfig


def mode_of(
    search: SearchConfig,
    against: Reference,
    progress: Callable[[str, int, int], None],
    state: SearchState | None,
) -> Mode:
    """Return the mode of a search; `against` has the null and ceiling of its target.

    `state` is the newest saved state of the search. `progress` is called with the name of a
    preparation, the number of its finished parts, and their total.
    """
    train = training(against.views)

    def diverge() -> Mode:
        null, ceiling = (each["pearson"][:, train] for each in (against.null, against.ceiling))
        stable = stable_classes(against, search.criterion.class_probability)
        classes = [stable[c] for c in train]
        return Diverge(null.mean(axis=0), ceiling.mean(axis=0), classes, progress, state)

    def flip() -> Mode:
        own = own_classes(against)
        return Flip([own[c] for c in train], search.label)

    modes: dict[str, Callable[[], Mode]] = {
        "match": lambda: Match(mean_match(against)),
        "diverge": diverge,
        "flip": flip,
    }
    return modes[search.mode]()
