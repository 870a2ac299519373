"""Warnings of a search that fails: its loss does not fall, or its mesh folds.

The loss of a step depends on the camera that it sees. So means are compared over whole rounds, in
which every camera is seen: the mean over the last rounds, and that over the first rounds of the
same start. At the end of a soft phase, the target changes: from then on, first rounds are those
after it. The comparison is made every `CHECK_EVERY` steps and at the end of a start, until the loss
has once fallen to `FALLEN` of its first mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mrd.study.search_section import SearchConfig
from mrd.study.shape_section import MOST_SMOOTHNESS, soft_ends
from scenes.arrays import Mesh
from scenes.geometry.inverted_area import inverted_area
from scenes.geometry.self_intersections import self_intersecting

CHECK_EVERY = 60  # steps
FALLEN = 0.9  # share of its first mean to which a loss has to fall
LEAST_WINDOW = 12  # steps of a mean: the fewest whole rounds of at least this many steps
FOLDED = 0.01  # share of area or faces, above that of the start, from which a mesh is folded


class Health:
    """The warnings of a search.

    `views` is the number of training cameras, `start` the mesh at the start.
    """

    def __init__(self, config: SearchConfig, views: int, start: Mesh | None = None) -> None:
        per_step = views if config.optimiser == "lbfgs" else min(config.views_per_step, views)
        self._config, self._start = config, start
        self._round = -(-views // per_step)
        self._window = self._round * -(-LEAST_WINDOW // self._round)
        self._first: list[float] = []  # losses of the first steps of the start, or soft phase
        self._last: list[float] = []  # losses of its last steps
        self._has_fallen = config.is_from_target  # such a search starts at the lowest loss
        self._found: dict[str, str] = {}  # kind of a failure → warning
        self._noted: set[str] = set()

    def warnings(self, matches: bool = False) -> list[str]:
        """Return what fails now; a scene that matches needs no loss that falls."""
        return [text for kind, text in self._found.items() if not (matches and kind == "loss")]

    def observe(self, loss: float, step: int) -> list[str]:
        """Add the loss of a step, counted from 1 in each start; return new warnings."""
        if self._has_fallen:
            return []
        begun = self._begun(step)
        if step <= begun + 1:
            self._first, self._last = [], []
        if step <= begun:
            return []
        self._first = [*self._first, loss][: self._window]
        self._last = [*self._last, loss][1 - self._window - self._round :]
        is_due = step % CHECK_EVERY == 0 or step == self._config.steps
        if not is_due or step - begun < max(CHECK_EVERY, 2 * self._window):
            return []
        whole = self._last[: len(self._last) - step % self._round][-self._window :]
        first, last = sum(self._first), sum(whole)
        self._has_fallen = not last > FALLEN * first > 0  # a loss near 0 says nothing
        return self._update(loss=None if self._has_fallen else self._loss_warning(last / first))

    def _begun(self, step: int) -> int:
        """Return the number of steps before the first round with the target of this step."""
        ends = [0, *soft_ends(self._config.soft_start, self._config.steps)]
        return self._round * -(-max(end for end in ends if end < step) // self._round)

    def check_mesh(self, mesh: Mesh) -> list[str]:
        """Check the current mesh, if the search changes the shape; return new warnings."""
        if "shape" not in self._config.attributes:
            return []
        inverted, crossing = folds(mesh)
        if max(inverted, crossing) > FOLDED and self._start is not None:
            of_start = folds(self._start)
            inverted, crossing = inverted - of_start[0], crossing - of_start[1]
        return self._update(
            inverted=self._mesh_warning("is inside out", inverted, "area"),
            crossing=self._mesh_warning("intersects itself", crossing, "faces"),
        )

    def state(self) -> dict[str, Any]:
        """Return all that `resume` needs, for the header of a saved state."""
        return {
            "first": self._first,
            "last": self._last,
            "has_fallen": self._has_fallen,
            "found": self._found,
            "noted": sorted(self._noted),
        }

    def resume(self, state: Mapping[str, Any] | None) -> None:
        """Restore a saved state; in one from an earlier version (None), the loss is not checked."""
        if state is None:
            self._has_fallen = True
            return
        self._first, self._last = list(state["first"]), list(state["last"])
        self._has_fallen = state["has_fallen"]
        self._found, self._noted = dict(state["found"]), set(state["noted"])

    def _update(self, **found: str | None) -> list[str]:
        """Replace warnings by kind, None for none; return those of kinds that are new."""
        self._found = {k: text for k, text in {**self._found, **found}.items() if text}
        new = [kind for kind in found if kind in self._found and kind not in self._noted]
        self._noted.update(new)
        return [self._found[kind] for kind in new]

    def _loss_warning(self, share: float) -> str:
        options = ["another start", "a larger learning_rate", "more samples", *self._remeshing()]
        if "shape" in self._config.attributes:
            is_soft = self._config.soft_start > 0
            is_soft |= {"material", "lighting"} <= set(self._config.attributes)
            options.append("a matte target" if is_soft else "soft_start: 0.6")
        return (
            f"the loss stays at {share:.0%} of its mean over the first {self._window} steps; "
            f"try {_either(options)}"
        )

    def _mesh_warning(self, what: str, share: float, of: str) -> str | None:
        if share <= FOLDED:
            return None
        options = ["a smaller learning_rate", *self._remeshing()]
        if self._config.smoothness < MOST_SMOOTHNESS:
            options.insert(0, "a larger smoothness")
        return f"the mesh {what} ({share:.0%} of its {of}); try {_either(options)}"

    def _remeshing(self) -> list[str]:
        """Return the advice to remesh, if the search can and does not."""
        config = self._config
        can_remesh = "shape" in config.attributes and config.mode == "match"
        return ["remeshing: auto"] if can_remesh and config.remeshing is None else []


def loss_warnings(
    config: SearchConfig, views: int, history: Iterable[Mapping[str, float]]
) -> list[str]:
    """Return the warnings about the loss that a search gave, from the rows of its history."""
    health = Health(config, views)
    for row in history:
        health.observe(row["loss"], (int(row["step"]) - 1) % config.steps + 1)
    return health.warnings()


def folds(mesh: Mesh) -> tuple[float, float]:
    """Return the share of the area that faces inward, and of the faces that intersect others."""
    return inverted_area(mesh), float(self_intersecting(mesh).mean())


def _either(options: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(options[:-1]), options[-1]]))
