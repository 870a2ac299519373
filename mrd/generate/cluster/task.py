"""What a Slurm task does on its node: one run or family, queued again until it is done.

Slurm warns a task before its time ends. The task is then queued again, and resumes from its newest
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
from mrd.generate.cluster.submissions import TaskEnd
from mrd.generate.progress import StudyProgress
from mrd.study.image_directory import ImageDirectory
from mrd.study.run_directory import RunDirectory
from mrd.study.storage import write_json
from mrd.study.study import read_study
from scenes.base.errors import InputError, one_line

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

SECONDS_EARLY = 90  # Slurm may warn a task this much earlier than requested


@dataclass
class Work:
    """A run or family to finish: pickled by submitit, and called on the node."""

    study: Path  # absolute path
    name: str  # a run, or ``families/<family>``
    minutes: int  # time limit
    folder: Path  # of the submission
    make_progress: Callable[[], StudyProgress]
    _began: float = field(default=0.0, init=False)
    _counts_before: tuple[int, ...] = field(default=(), init=False)

    def __call__(self) -> None:
        """Carry out or resume the work, and record how it ended."""
        from submitit import JobEnvironment

        end_file = submissions.end_file(self.folder, JobEnvironment().job_id)
        end_file.unlink(missing_ok=True)  # the job may be queued again after its end
        self._began = time.monotonic()
        try:
            study = read_study(self.study)
            self._counts_before = _saved_counts(study.runs, self.name)
            outcomes = study_runs.carry_out(study, self.name, self.make_progress())
            failed = [outcome for outcome in outcomes if outcome.failure]
            end = TaskEnd(failed[0].failure, failed[0].refused) if failed else TaskEnd()
        except InputError as error:
            end = TaskEnd(str(error), refused=True)
        except Exception as error:
            write_json(end_file, asdict(TaskEnd(one_line(error))))
            raise
        write_json(end_file, asdict(end))
        if end.failure:
            raise SystemExit(f"error: {end.failure}")

    def checkpoint(self) -> DelayedSubmission:
        """Ask to be queued again; submitit calls this when Slurm warns the task.

        Raise if the task used its whole time and saved nothing: a second try would fail, too.
        """
        from submitit.helpers import DelayedSubmission

        runs = read_study(self.study).runs
        # The lead may exceed the time of a short job: early on, the warning is a preemption.
        late = max(60 * self.minutes - LEAD_SECONDS - SECONDS_EARLY, 60 * self.minutes / 2)
        used_up = time.monotonic() - self._began >= late
        if used_up and _saved_counts(runs, self.name) == self._counts_before:
            raise InputError(
                f"no step and no image was kept within {self.minutes} minutes; submit it again "
                "with more time (after its last step, a search is scored without a stop), or with "
                "a smaller save_every"
            )
        return DelayedSubmission(self)


def _saved_counts(runs: Path, name: str) -> tuple[int, ...]:
    """Return counts of saved states, images and references; any progress increases one."""
    folder = runs / name
    return (
        max(RunDirectory(folder).state_steps(), default=-1),
        ImageDirectory(folder).count() + ImageDirectory(folder / "series").count(),
        len(list(runs.glob("references/*.npz"))),
    )
