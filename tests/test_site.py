"""Build the website of the manual: every link and every docstring must exist."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.paths import ROOT


@pytest.fixture(scope="module")
def manual() -> ModuleType:
    spec = importlib.util.spec_from_file_location("manual", ROOT / "environment" / "manual.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the website as ``make docs`` does."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", config, "--site-dir", site],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_manual_builds_without_warnings(tmp_path):
    done = build(ROOT / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages <= {path.stem for path in (tmp_path / "site").glob("*.html")}
    assert (tmp_path / "site" / "repository" / "CONTRIBUTING.html").is_file()
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text, f"{page}: loads from the network"
        assert "fonts.googleapis" not in text, f"{page}: loads from the network"


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        (
            "[lost](series.md), [lost](../LOST.md), [lost](#nowhere)",
            ("'series.md'", "'repository/LOST.md'", "'#nowhere'"),
        ),
        ("::: scenes.library.no_such_function", ("no_such_function",)),
    ],
    ids=["links", "docstring"],
)
def test_missing_links_and_docstrings_stop_the_build(tmp_path, text, complaints):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# A page\n\n{text}\n")
    (tmp_path / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT / 'mkdocs.yml'}\nhooks: [{ROOT / 'environment' / 'manual.py'}]\n"
        f"nav: [index.md]\ndocs_dir: {tmp_path / 'docs'}\n"
    )
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 1
    assert [each for each in complaints if each not in done.stderr] == []


def test_links_outside_docs_stay_in_the_site(manual):
    text = "[a](../CONTRIBUTING.md), [b](series.md#x), [c](https://x.org/y), ![d](pictures/e.png)"
    assert manual.relinked(text, "models.md") == (
        "[a](repository/CONTRIBUTING.md), [b](series.md#x), [c](https://x.org/y), "
        "![d](pictures/e.png)"
    )
    assert manual.relinked("[a](../docs/series.md)", "repository/benchmarks/README.md") == (
        "[a](../../series.md)"
    )
    assert manual.relinked("[a](../../CONTRIBUTING.md)", "api/mrd.md") == (
        "[a](../repository/CONTRIBUTING.md)"
    )


@pytest.mark.parametrize("path", ["docs/series.md", "CONTRIBUTING.md", "scenes/assets/x.txt"])
def test_in_repository_is_the_inverse_of_in_site(manual, path):
    assert manual.in_repository(manual.in_site(path)) == path
