"""Plain English: phrases that the project's text avoids, and what to write instead."""

import re
from functools import cache

import pytest

from tests.paths import ROOT

# Phrase → what to write.
AVOIDED = {
    r"hangs? on": "depends on",
    r"told": "reported, returned, shown",
    r"tells": "reports, returns, shows",
    r"anew": "again",
    r"what is (?:due|left)": "the remaining steps",
    r"what is there": "the existing files",
    r"by itself": "alone",
    r"as it is": "unchanged",
    r"made and judged": "finished and was scored",
    r"of torch tensors": 'torch device, such as "cpu" or "cuda"',
    r"says otherwise": "differs",
    r"judged by another floor": "scored with a different criterion.floor",
    r"already, whole, and": "if the set already exists and is up to date",
}
FOLDERS = ("mrd", "psychophysics", "stimuli", "scenes", "analysis", "tests", "benchmarks",
           "environment", "studies", "docs")  # fmt: skip
ENDINGS = {".py", ".md", ".yaml", ".yml", ".html", ".js", ".toml"}
LEFT_OUT = {"CHANGELOG.md", "test_language.py"}  # past versions; the phrases themselves


@cache
def texts():
    """Return the text of every file of the project by its path, without vendored code."""
    paths = [*ROOT.glob("*.*"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*.*"))]
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in paths
        if path.suffix in ENDINGS and path.name not in LEFT_OUT and "vendor" not in path.parts
    }


@pytest.mark.parametrize("phrase", AVOIDED)
def test_text_is_plain_english(phrase):
    words = phrase.replace(" ", r"(?:_|\s+(?:# )?)")  # in names, and across lines
    pattern = re.compile(rf"(?<![a-z]){words}(?![a-z])", re.IGNORECASE)
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
        for name, text in texts().items()
        for match in pattern.finditer(text)
    ]
    assert found == [], f"write: {AVOIDED[phrase]}"
