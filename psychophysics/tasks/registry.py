"""All tasks, by name."""

from psychophysics.tasks.base import Task
from psychophysics.tasks.match_to_sample import MATCH_TO_SAMPLE
from psychophysics.tasks.oddity import ODDITY
from psychophysics.tasks.same_different import SAME_DIFFERENT

TASKS: dict[str, Task] = {task.name: task for task in (ODDITY, MATCH_TO_SAMPLE, SAME_DIFFERENT)}
