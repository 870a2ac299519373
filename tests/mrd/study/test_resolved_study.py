"""A command reads the files of a study once, however many parts of it need them."""

from collections import Counter

import pytest

from mrd.study import resolved_study, study
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study
from mrd.workflow import build_set
from mrd.workflow.steps import Audience, steps
from tests.small_runs import write_study_runs
from tests.small_study import write_study

VASE = {"shape": {"kind": "sphere"}}
NET = {"network": "pixels", "layers": ["pixels"]}
SECTIONS = {
    "targets": {"vase": VASE, "urn": VASE},
    "models": {"net": NET, "other": NET | {"front_end": {"blur": 2.0}}},
    "searches": {
        name: {"attributes": [name], "targets": ["vase"], "models": ["net"]}
        for name in ("material", "shape")
    },
    "series": {"kind": "trajectory", "levels": 2},
    "stimuli": {"accept": "all"},
    "fisher": {"rerenders": 8},
}


@pytest.fixture
def counted(monkeypatch):
    """Count the calls of the real functions that read a study's files."""
    calls = Counter()

    def count(module, name):
        function = getattr(module, name)

        def counting(*args, **named):
            calls[name] += 1
            return function(*args, **named)

        monkeypatch.setattr(module, name, counting)

    count(resolved_study, "resolve_all")
    count(study, "loaded_target")
    count(resolved_study, "loaded_target")
    count(resolved_study, "resolved_model")
    return calls


@pytest.fixture
def folder(tmp_path):
    return write_study(tmp_path, **SECTIONS)


def test_a_resolved_study_is_returned_unchanged(folder):
    resolved = resolve_study(read_study(folder))
    assert resolve_study(resolved) is resolved
    assert len(resolved.runs) == 2
    assert list(resolved.families) == ["vase-material", "vase-shape"]


def test_targets_and_models_of_runs_are_not_read_again(folder, counted):
    resolved = resolve_study(read_study(folder))
    assert counted == {"resolve_all": 1, "loaded_target": 1}
    assert resolved.targets["vase"] is resolved.runs[0].target
    assert list(resolved.targets) == ["vase", "urn"]
    assert list(resolved.models) == ["net", "other"]
    assert resolved.models["net"] == resolved.runs[0].record["model"]
    assert resolved.models["other"]["front_end"]["blur"] == 2.0
    # Only the target and the model that no search has are read in addition, once each.
    assert (resolved.targets, resolved.models) == (resolved.targets, resolved.models)
    assert counted == {"resolve_all": 1, "loaded_target": 2, "resolved_model": 1}


def test_a_set_is_built_with_each_file_read_once(folder, counted):
    described = read_study(folder)
    write_study_runs(described)
    counted.clear()
    build_set.pack(described)
    assert build_set.pack(described) is None
    assert counted["resolve_all"] == 2  # once for each of the two


def test_the_steps_of_a_study_need_one_resolved_study(folder, counted):
    found = steps(read_study(folder), folder, Audience(observers=2))
    assert [step.name for step in found][:2] == ["generate", "fisher"]
    assert counted == {"resolve_all": 1, "loaded_target": 1}
