"""A small study on the small set, with `trials` trials of each of three levels."""

import shutil
from pathlib import Path

from tests.small_study import write_text

STUDY = """
name: small
targets: {{vase: {{scene: bunny}}}}
models: {{net: {{network: pixels}}}}
searches: {{material: {{attributes: [material]}}}}
experiment:
  task: {task}
  presentation: {presentation}
  procedure: {{kind: constant_stimuli, trials: {trials}}}
  attributes: [shape]
  comparisons: [result]
  catch: 0
  practice: {{trials: 0}}
  timing: {{fixation: 0.1, stimulus: 0.1, blank: 0.1, mask: {mask}, interval: 0.2, feedback: 0.1}}
  display: {{pixels: [640, 480], full_screen: false, photodiode: {{size: 20}}}}
  {more}
"""


def study_in(
    folder: Path, small_set: Path, task="oddity", presentation="time", mask=0.0, more="", trials=2
) -> Path:
    """Write the study and its set."""
    shutil.copyfile(small_set, folder / "stimuli.h5")
    text = STUDY.format(task=task, presentation=presentation, mask=mask, more=more, trials=trials)
    return write_text(folder, text)


def change_study(folder: Path, replacements: dict[str, str]) -> Path:
    """Replace text in the study of a folder; return the folder."""
    return write_text(folder, (folder / "study.yaml").read_text(), *replacements.items())
