"""Run the code blocks of the manual, page by page, in one process and on one shared study.

Words in capitals in a command are replaced by names. The Python blocks of a page run as one
script; a block whose first line is ``# NAME.py`` is saved as that file instead. A block that is
not run gives its reason in a comment ``not-run:`` (tests/manual_pages.py).
"""

import re
import runpy
import shlex
import warnings

import numpy as np
import pandas as pd
import pytest

from mrd.cli.main import run
from stimuli.stimulus_set import StimulusSet
from tests import simulated_study
from tests.manual_pages import ROOT, all_blocks, blocks

FIRST = "docs/first_study.md"
# Pages that use the study of the first page; of two together, the second needs a file of the first.
WITH_THE_FIRST_STUDY = (
    ("docs/stimuli.md",),
    ("docs/how_metamers_are_made.md",),
    ("docs/models.md", "docs/extending.md"),
    ("docs/online.md",),
    ("docs/fisher.md",),
    ("docs/view.md",),
    ("docs/experiment.md",),
    ("docs/analysis.md",),
)
WITHOUT_A_STUDY = ("docs/import_scenes.md", "docs/export_scenes.md", "docs/aovs.md")
WITH_A_SIMULATED_STUDY = ("docs/notebooks.md", "docs/pixel_metamers.md")
PAGES_RUN = (FIRST, *(page for pages in WITH_THE_FIRST_STUDY for page in pages),
             *WITHOUT_A_STUDY, *WITH_A_SIMULATED_STUDY)  # fmt: skip


def run_page(folder, page):
    """Run every block of a page that is to be run, in order."""
    script = ""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("default")
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        for block in blocks(ROOT / page):
            named = re.match(r"# (\w+\.py)\n", block.text)
            if block.to_run and named:
                (folder / named[1]).write_text(block.text, encoding="utf-8")
            elif block.to_run and block.language == "python":
                script += block.text
            for line in block.commands if block.to_run else ():
                run_command(folder, line)
        (folder / "page.py").write_text(script, encoding="utf-8")
        runpy.run_path(str(folder / "page.py"), run_name="__main__")


def run_command(folder, line):
    """Run a line of the manual as if a user had typed it."""
    command = re.sub(r"\s+#.*$", "", line).replace("[", "").replace("]", "")
    for placeholder, name in names(folder).items():
        command = re.sub(rf"\b{placeholder}\b", name, command)
    program, *words = shlex.split(command)
    assert program == "mrd", f"not a command of the suite: {line}"
    with pytest.raises(SystemExit, match=r"^\d+$") as ended:
        run(words)
    assert ended.value.code == 0, line


def names(folder):
    """Return what replaces the words in capitals."""
    found = {"STUDY": "my-study", "SET": "my-study/stimuli.h5", "FILE": "merged.h5"}
    found |= {"DIR": f"out{len(list(folder.iterdir()))}", "URL": "https://lab.example/answers"}
    records = sorted(folder.glob("my-study/runs/*/run.json"))
    if records:
        found["RUN"] = str(records[0].parent.relative_to(folder))
    if (folder / "my-study" / "stimuli.h5").is_file():
        with StimulusSet(folder / "my-study" / "stimuli.h5") as stimuli:
            found["STIMULUS_ID"] = str(stimuli.table["stimulus_id"].iloc[-1])
    return found


def other_lab(seed):
    """Return trials of another lab: three people, two conditions, four levels."""
    rng = np.random.default_rng(seed)
    rows = [
        {"subj": subject, "cond": condition, "img": f"{condition}{level}", "contrast": level,
         "correct": int(rng.random() < 0.5 + 0.45 * level)}
        for subject in "abc" for condition in "xy" for level in (0.1, 0.3, 0.6, 0.9)
        for _ in range(25)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def first_study(tmp_path_factory):
    """Return the folder in which the first page was run; its simulated answers are also `data`."""
    folder = tmp_path_factory.mktemp("manual")
    run_page(folder, FIRST)
    (folder / "my-study" / "data").symlink_to("data-simulated")
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Return a folder with a study of simulated people, and trials of another lab."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "my-study").mkdir()
    simulated_study.write(folder / "my-study")
    simulated_study.answer(folder / "my-study", 4, trials=8)
    other_lab(1).to_csv(folder / "their_data.csv", index=False)
    return folder


def test_every_block_is_run_or_has_a_reason():
    run_here = {block.text for page in PAGES_RUN for block in blocks(ROOT / page) if block.to_run}
    missing = [
        f"{block.page}:{block.line}"
        for block in all_blocks()
        if block.to_run and block.text not in run_here
    ]
    assert missing == []


def test_every_page_in_the_list_has_a_block_to_run():
    for page in PAGES_RUN:
        assert any(block.to_run for block in blocks(ROOT / page)), page


@pytest.mark.full
def test_first_study(first_study):
    report = first_study / "my-study" / "report" / "index.html"
    assert "simulated answers" in report.read_text(encoding="utf-8")


@pytest.mark.full
@pytest.mark.parametrize("pages", WITH_THE_FIRST_STUDY, ids=lambda pages: pages[-1])
def test_page_with_the_first_study(pages, first_study):
    for page in pages:
        run_page(first_study, page)


@pytest.mark.full
@pytest.mark.parametrize("page", WITHOUT_A_STUDY)
def test_page_without_a_study(page, tmp_path):
    run_page(tmp_path, page)


@pytest.mark.full
@pytest.mark.parametrize("page", WITH_A_SIMULATED_STUDY)
def test_page_with_a_simulated_study(page, simulated):
    run_page(simulated, page)
