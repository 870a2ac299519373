"""The test session of `make demo` in a window; `make demo` itself runs it."""

import importlib.util

from mrd.cli.experiment import _summary
from psychophysics.session import Outcome
from tests.paths import ROOT


def test_the_folder_of_the_session_explains_itself(tmp_path):
    path = ROOT / "environment" / "demo_session.py"
    spec = importlib.util.spec_from_file_location("demo_session", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "study.yaml").write_text("name: demo\n")
    (tmp_path / "stimuli.h5").write_bytes(b"a set")
    for _ in range(2):
        folder = module.copied_study(tmp_path)
    assert (folder / "stimuli.h5").read_bytes() == b"a set"
    text = " ".join((folder / "README.txt").read_text().split())
    assert f"The answers are in {folder}/data; the report does not use them." in text
    # The words of the last line of a session.
    line = _summary(Outcome(True, 46, 200, 1), "")
    assert line == "46 trials, 0.50% of images with dropped frames: finished"
    assert "Images with dropped frames" in text
