"""The API that the manual lists: it is there, and the command line is made of it."""

import ast
import re
import tomllib

import pytest
from ruamel.yaml import YAML

from tests.paths import ROOT

PACKAGES = ("scenes", "stimuli", "psychophysics", "analysis", "mrd")
LISTED = {
    package: re.findall(r"^::: (\S+)$", (ROOT / f"docs/api/{package}.md").read_text(), re.MULTILINE)
    for package in PACKAGES
}
MOST = 45  # names of a package; more are not small

# What the study's own analysis does not need: other labs' tables, and numbers for a notebook.
FOR_NOTEBOOKS = {
    "analysis.trials.load.from_table",
    "analysis.statistics.consistency.error_consistency",
    "analysis.statistics.sensitivity.dprime",
    "analysis.statistics.sensitivity.dprime_from_rates",
    "psychophysics.data.data_set.read_sessions",
    "stimuli.visual_angle.degrees",
}

NAMED_BY_ISSUES = {
    "analysis.statistics.consistency.agreement",
    "analysis.statistics.consistency.error_consistency",
    "analysis.statistics.hierarchical.fit",
    "analysis.statistics.invariance.compare",
    "analysis.trials.load.from_table",
    "analysis.statistics.mixed_models.fit",
    "analysis.statistics.psychometric.fit",
    "analysis.statistics.sensitivity.dprime",
    "analysis.statistics.sensitivity.dprime_from_rates",
    "analysis.statistics.sensitivity.proportion_correct",
    "stimuli.stimulus_set.StimulusSet",
}


def imports_of(module: str) -> set[str]:
    """Every module and name of the project that a module imports, at once or later."""
    path = ROOT / (module.replace(".", "/") + ".py")
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.partition(".")[0] in PACKAGES}


def is_module(name: str) -> bool:
    return (ROOT / (name.replace(".", "/") + ".py")).is_file()


def reached() -> set[str]:
    """Every module that the command line imports, at once or later."""
    waiting, seen = ["mrd.cli.main"], set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        for name in imports_of(module):
            for each in (name, name.rpartition(".")[0]):
                if is_module(each) and each not in seen:
                    seen.add(each)
                    waiting.append(each)
    return seen


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_listed_exists_and_is_described(package):
    names = LISTED[package]
    assert 0 < len(names) == len(set(names)) <= MOST
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert module.partition(".")[0] == package
        tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))
        defined = {node.name: node for node in tree.body if hasattr(node, "name")}
        assert ast.get_docstring(defined[attribute]), name


def test_what_other_labs_build_on_is_listed():
    assert {name for names in LISTED.values() for name in names} >= NAMED_BY_ISSUES


def test_the_command_line_is_made_of_what_is_listed():
    modules = reached()
    unused = {
        name
        for names in LISTED.values()
        for name in names
        if name.rpartition(".")[0] not in modules and name not in FOR_NOTEBOOKS
    }
    assert unused == set()


def test_every_package_below_is_entered_by_what_is_listed():
    """What ``mrd/cli`` calls of the steps of other packages is a part of their API."""
    steps = {
        "stimuli.check.problems", "stimuli.comparison.differences", "stimuli.cues.cues",
        "stimuli.export.export", "stimuli.merging.merge",
        "stimuli.summary.summary", "stimuli.stimulus_set.StimulusSet",
        "psychophysics.web.export.export", "scenes.config.target_scene",
    }  # fmt: skip
    called = {
        name
        for path in (ROOT / "mrd" / "cli").glob("*.py")
        for name in imports_of(f"mrd.cli.{path.stem}")
    }
    assert steps <= called
    assert steps <= {name for names in LISTED.values() for name in names}


def test_the_citation_is_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert f"version {project['version']}" in (ROOT / "docs" / "citing.md").read_text()
