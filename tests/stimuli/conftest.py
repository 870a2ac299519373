"""Runs to build a set of."""

import shutil

import pytest

from tests.small_runs import write_runs


@pytest.fixture(scope="session")
def written_runs(tmp_path_factory):
    """Give the runs, not to be changed: their folder."""
    folder = tmp_path_factory.mktemp("runs")
    write_runs(folder)
    return folder


@pytest.fixture
def runs(written_runs, tmp_path):
    """Give a copy of the runs of the family vase-shape that a test may change."""
    ignored = shutil.ignore_patterns("vase-material*")
    return shutil.copytree(written_runs, tmp_path / "runs", ignore=ignored)
