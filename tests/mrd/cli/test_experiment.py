"""``mrd experiment`` and ``mrd calibrate`` without a window."""

import json
import subprocess
import sys
from pathlib import Path

from tests.psychophysics.studies import study_in

ROOT = Path(__file__).parents[3]
COMMANDS = """
import contextlib, io, json, sys
from mrd.cli.main import run
for words in json.loads(sys.argv[1]):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            run(words)
        except SystemExit as stopped:
            code = stopped.code
    print(json.dumps([code, said.getvalue()]))
"""


def test_a_missing_extra_is_named(base_install, small_set, tmp_path):
    """In the base install each command that needs more says what, in one line, and exits with 2."""
    folder = study_in(tmp_path, small_set)
    (tmp_path / "quest").mkdir()
    quest = study_in(tmp_path / "quest", small_set)
    text = (quest / "study.yaml").read_text()
    (quest / "study.yaml").write_text(text.replace("constant_stimuli", "quest_plus"))
    refused = {
        ("experiment", "run", folder, "--participant", "01"): ("psychopy", "lab"),
        ("experiment", "run", folder): ("psychopy", "lab"),
        ("experiment", "simulate", quest, "--observers", 1): ("questplus", "lab"),
        ("experiment", "power", folder, "--trials", 2, "--observers", 2): ("psignifit", "analysis"),
        ("experiment", "power", quest, "--trials", 2, "--observers", 2): ("psignifit", "analysis"),
        ("calibrate", folder, "--photometer", "LS100"): ("psychopy", "lab"),
        ("calibrate", folder, "--typed"): ("psychopy", "lab"),
        ("analyse", folder, "--simulated"): ("jinja2", "analysis"),
    }
    words = json.dumps([list(map(str, command)) for command in refused])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, words],
        env=base_install, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for line, (library, extra) in zip(done.stdout.splitlines(), refused.values(), strict=True):
        code, said = json.loads(line)
        assert code == 2
        assert len(said.splitlines()) == 1
        assert f"{library} is not installed; pip install 'mrd-suite[{extra}]'" in said
    assert not (folder / "data").exists()
    assert not (quest / "data-simulated").exists()
