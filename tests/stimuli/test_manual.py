"""Check docs/stimuli.md: its ten-line reader works without the suite, its defaults are right."""

import re
import subprocess
import sys

import numpy as np

from stimuli.stimulus_set import StimulusSet
from tests.paths import ROOT

MANUAL = ROOT / "docs" / "stimuli.md"

SHOW = """
import sys
image, columns = read(sys.argv[1], sys.argv[2])
np.save(sys.argv[3], image)
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"stimuli", "scenes", "mrd", "pandas"}
print(columns["level"], columns["role"].decode())
"""


def test_ten_line_reader(small_set, tmp_path):
    text = MANUAL.read_text(encoding="utf-8")
    (reader,) = re.findall(r"<!-- the ten-line reader.*?```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in reader.splitlines() if line.strip()]) <= 10
    name = "vase-shape_series-1_h0_own_2"
    done = subprocess.run(
        [sys.executable, "-I", "-c", reader + SHOW, small_set, name, tmp_path / "image.npy"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0.5", "series"]
    with StimulusSet(small_set) as stimuli:
        assert np.array_equal(np.load(tmp_path / "image.npy"), stimuli.image(name))


def test_manual_states_the_defaults():
    from stimuli.config import StimuliConfig

    text = MANUAL.read_text(encoding="utf-8")
    for name, value in StimuliConfig().model_dump(mode="json").items():
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        assert re.search(rf"^  {name}: {re.escape(shown)} +#", text, re.MULTILINE), name
