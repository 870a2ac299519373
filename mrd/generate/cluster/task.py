"""What a task of a cluster does on its node: its part of a study, as often as it takes.

Slurm tells a task when its time is nearly up. It is queued again then, and goes on from its newest
state or image.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mrd.generate import study_runs
from mrd.generate.cluster import submissions
from mrd.generate.cluster.options import LEAD_SECONDS
from mrd.generate.cluster.submissions import Ending
from mrd.generate.progress import SweepReport
from mrd.study.image_directory import ImageDirectory
from mrd.study.json_files import write_json
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study
from scenes.base.errors import InputError, one_line

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

SECONDS_EARLY = 90  # how much earlier than asked for Slurm may tell that time is nearly up


@dataclass
class Work:
    """What a task does: carried to its node by submitit, called there, queued again in time.

    Attributes
    ----------
    study
        Absolute path of the study.
    name
        A run, or ``families/<family>``.
    minutes
        That Slurm gives.
    folder
        Of the submission.
    telling
        Makes what is told how the work goes.
    """

    study: Path
    name: str
    minutes: int
    folder: Path
    telling: Callable[[], SweepReport]
    _began: float = field(default=0.0, init=False)
    _before: tuple[int, ...] = field(default=(), init=False)

    def __call__(self) -> None:
        """Carry it out, or on from where it was stopped, and tell how it ended."""
        from submitit import JobEnvironment

        ending = submissions.ending_file(self.folder, JobEnvironment().job_id)
        ending.unlink(missing_ok=True)  # of a job that was queued again after its end
        self._began = time.monotonic()
        try:
            study = read_study(self.study)
            self._before = _progress(study.runs, self.name)
            outcomes = study_runs.carry_out(study, self.name, self.telling())
            failed = [outcome for outcome in outcomes if outcome.failure]
            ended = Ending(failed[0].failure, failed[0].refused) if failed else Ending()
        except InputError as error:
            ended = Ending(str(error), refused=True)
        except Exception as error:
            write_json(ending, asdict(Ending(one_line(error))))
            raise
        write_json(ending, asdict(ended))
        if ended.failure:
            raise SystemExit(f"error: {ended.failure}")

    def checkpoint(self) -> DelayedSubmission:
        """Be queued again; submitit asks this when Slurm says that time is nearly up.

        Raises
        ------
        InputError
            All of the time has passed and nothing of it could be kept, so it would pass again.
        """
        from submitit.helpers import DelayedSubmission

        runs = read_study(self.study).runs
        # Of a very short job the lead is more than there is: a preemption is not the time's end.
        late = max(60 * self.minutes - LEAD_SECONDS - SECONDS_EARLY, 60 * self.minutes / 2)
        if time.monotonic() - self._began >= late and _progress(runs, self.name) == self._before:
            raise InputError(
                f"no step and no image was kept within {self.minutes} minutes; submit it again "
                "with more time (a search is judged after its last step, in one go), or with a "
                "smaller save_every"
            )
        return DelayedSubmission(self)


def _progress(runs: Path, name: str) -> tuple[int, ...]:
    """Numbers of which one grows when something is kept: states, images, references."""
    here = runs / name
    return (
        max(RunDirectory(here).state_steps(), default=-1),
        ImageDirectory(here).count() + ImageDirectory(here / "series").count(),
        len(list(runs.glob("references/*.npz"))),
    )
