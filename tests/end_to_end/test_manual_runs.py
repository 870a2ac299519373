"""What the manual shows is carried out, page by page, in a folder of its own.

A command line is run as it stands, with a name in place of what is written in capitals. A block of
Python goes on from those before it on its page; one whose first line names a file is that file.
What is not run says why, in a comment ``not-run:`` before its block or behind its line.
"""

import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from stimuli.stimulus_set import StimulusSet
from tests import simulated_study
from tests.manual_pages import ROOT, all_blocks, blocks

FIRST = "docs/first_study.md"
# Pages that go on from the first study; of two together, the second needs a file of the first.
STUDIED = (
    ("docs/stimuli.md",),
    ("docs/how_metamers_are_made.md",),
    ("docs/models.md", "docs/extending.md"),
    ("docs/online.md",),
    ("docs/fisher.md",),
    ("docs/experiment.md",),
    ("docs/analysis.md",),
)
SIMULATED = ("docs/notebooks.md", "docs/pixel_metamers.md")
CARRIED_OUT = (FIRST, *(page for pages in STUDIED for page in pages), *SIMULATED)
SECONDS = 570  # of a command


def run(folder, words):
    """Run Python with these words in a folder, and give what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    done = subprocess.run(
        [sys.executable, *words],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{words[-1]}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def type_in(folder, line):
    """Run a line as a user would type it."""
    command = re.sub(r"\s+#.*$", "", line).replace("[", "").replace("]", "")
    for place, name in names(folder).items():
        command = re.sub(rf"\b{place}\b", name, command)
    program, *words = shlex.split(command)
    assert program == "mrd", f"no program of the suite: {line}"
    return run(folder, ["-c", "from mrd.cli.main import run; run()", *words])


def names(folder):
    """Say what stands for the words in capitals."""
    found = {"STUDY": "my-study", "SET": "my-study/stimuli.h5", "FILE": "merged.h5"}
    found |= {"DIR": f"out{len(list(folder.iterdir()))}", "URL": "https://lab.example/answers"}
    if (folder / "my-study" / "stimuli.h5").is_file():
        with StimulusSet(folder / "my-study" / "stimuli.h5") as stimuli:
            found["STIMULUS_ID"] = str(stimuli.table["stimulus_id"].iloc[-1])
    return found


def carry_out(folder, page):
    """Run every block of a page that is to be run, in their order."""
    python = ""
    for block in blocks(ROOT / page):
        if not block.to_run:
            continue
        named = re.match(r"# (\w+\.py)\n", block.text)
        if named:
            (folder / named[1]).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            python += block.text
        for line in block.commands:
            type_in(folder, line)
    if python:
        (folder / "page.py").write_text(python, encoding="utf-8")
        run(folder, ["page.py"])


def other_lab(seed):
    """Make a table of another lab: three people, two conditions, four levels."""
    rng = np.random.default_rng(seed)
    rows = [
        {"subj": subject, "cond": condition, "img": f"{condition}{level}", "contrast": level,
         "correct": int(rng.random() < 0.5 + 0.45 * level)}
        for subject in "abc" for condition in "xy" for level in (0.1, 0.3, 0.6, 0.9)
        for _ in range(25)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """Give the folder in which the first page was carried out, from an empty one on."""
    folder = tmp_path_factory.mktemp("manual")
    carry_out(folder, FIRST)
    # Simulated answers where people's would lie: the pages after it read both folders.
    (folder / "my-study" / "data").symlink_to("data-simulated")
    return folder


def test_every_block_is_run_or_says_why_not():
    same = {block.text for page in CARRIED_OUT for block in blocks(ROOT / page) if block.to_run}
    left = [
        f"{block.page}:{block.line}"
        for block in all_blocks()
        if block.to_run and block.text not in same
    ]
    assert left == []


def test_every_page_that_is_carried_out_has_something_to_run():
    for page in CARRIED_OUT:
        assert any(block.to_run for block in blocks(ROOT / page)), page


@pytest.mark.full
def test_a_first_study(studied):
    assert (studied / "my-study" / "report" / "index.html").is_file()
    assert "simulated answers" in (studied / "my-study" / "report" / "index.html").read_text()


@pytest.mark.full
@pytest.mark.parametrize("pages", STUDIED, ids=lambda pages: pages[-1])
def test_a_page_that_goes_on_from_the_first_study(pages, studied):
    for page in pages:
        carry_out(studied, page)


@pytest.mark.full
@pytest.mark.parametrize("page", SIMULATED)
def test_a_page_about_notebooks(page, tmp_path, seed):
    (tmp_path / "my-study").mkdir()
    simulated_study.write(tmp_path / "my-study")
    simulated_study.answer(tmp_path / "my-study", 4, trials=8)
    other_lab(seed).to_csv(tmp_path / "their_data.csv", index=False)
    carry_out(tmp_path, page)
