"""From a study to its set: which records are meant."""

import json

import pytest

from mrd.study.criterion_section import ScoringRule
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study
from mrd.workflow.build_set import pack, provenance, record_files, recorded_study, rules, set_of
from scenes.base.errors import InputError
from stimuli.check import problems
from stimuli.config import StimuliConfig
from stimuli.second_judgement import FAILED_CAMERAS
from stimuli.stimulus_set import StimulusSet
from tests.small_runs import finish_searches, write_study_runs
from tests.small_study import write_study

SECTIONS = {
    "targets": {"vase": {"shape": {"kind": "sphere"}}},
    "searches": {
        "material": {"attributes": ["material"], "criterion": {"floor": 0.5}},
        "shape": {"attributes": ["shape"]},
    },
    "series": {"kind": "trajectory", "levels": 2},
    "stimuli": {"accept": "all", "bits": 16},
}


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("study"), **SECTIONS)
    write_study_runs(read_study(folder))
    return folder


def test_a_study_is_packed(study_folder):
    study = read_study(study_folder)
    built = pack(study).built
    assert study.stimulus_set == study_folder / "stimuli.h5"
    assert len(built.table) == 168 - 36  # all but the pixel searches
    assert problems(study.stimulus_set) == []
    with StimulusSet(study.stimulus_set) as stimuli:
        assert stimuli.image(built.table["id"][0]).dtype == "uint16"
        recorded = recorded_study(study.stimulus_set, stimuli.provenance)
    assert recorded["models"]["net"]["network"] == "pixels"
    assert rules(recorded) == {"material": ScoringRule(0.5), "shape": ScoringRule(0.9)}
    before = study.stimulus_set.read_bytes()
    assert pack(study) is None  # it is there
    assert study.stimulus_set.read_bytes() == before
    study.stimulus_set.write_bytes(before[:-1])
    assert pack(study).built.content_hash == built.content_hash  # damaged: built again
    deeper = StimuliConfig(accept="all", bits=8)
    other = study.model_copy(update={"stimuli": deeper}).in_folder(study_folder)
    packed = pack(other)
    assert packed.built.content_hash != built.content_hash
    assert packed.kept is None  # nobody was shown it


def test_a_set_records_the_cameras_at_which_searches_failed(tmp_path):
    study = read_study(write_study(tmp_path, **SECTIONS))
    write_study_runs(study)
    finish_searches(study)
    first, second = (run.name for run in resolve_study(study).runs)
    path = study.runs / first / "criterion.json"
    judgement = json.loads(path.read_text())
    judgement["training"]["cameras"] = [
        {"camera": "c0", "passed": True, "failed": ""},
        {"camera": "c1", "passed": False, "failed": "match 0.850 is below 0.9"},
    ]
    path.write_text(json.dumps(judgement))
    (study.runs / second / "criterion.json").unlink()
    pack(study)
    with StimulusSet(study.stimulus_set) as stimuli:
        assert stimuli.provenance[FAILED_CAMERAS] == {first: {"c1": "match 0.850 is below 0.9"}}


def test_images_of_an_earlier_form_of_the_study_are_passed_over(study_folder):
    study = read_study(study_folder)
    files, unfinished = record_files(resolve_study(study))
    assert (len(files), unfinished) == (4, [])
    changed = study.model_copy(update={"seed": 2}).in_folder(study_folder)
    files, unfinished = record_files(resolve_study(changed))
    assert files == []
    assert len(unfinished) == 4
    assert unfinished[0].reason == "its images are not finished; mrd generate makes them"
    fewer = study.model_copy(update={"searches": {"shape": study.searches["shape"]}})
    files, unfinished = record_files(resolve_study(fewer.in_folder(study_folder)))
    assert {path.parent.name for path in files} == {"series", "vase-shape"}
    assert unfinished == []


def test_nothing_generated_yet_says_so(tmp_path):
    write_study(tmp_path, **SECTIONS)
    with pytest.raises(InputError, match=r"runs: holds no finished images of any series; mrd"):
        pack(read_study(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


def test_a_set_is_named_directly_or_by_its_study(study_folder):
    expected = study_folder / "stimuli.h5"
    assert set_of(study_folder, read_study) == expected
    assert set_of(study_folder / "study.yaml", read_study) == expected
    assert set_of(expected, read_study) == expected


def test_merged_studies_must_agree_on_their_names(study_folder, tmp_path):
    one = provenance(read_study(study_folder))
    merged = {"merged": [{"provenance": one}, {"provenance": one}]}
    joined = rules(recorded_study(tmp_path, merged))
    assert joined == {"material": ScoringRule(0.5), "shape": ScoringRule(0.9)}
    other = {"study": {"searches": {"shape": {"criterion": {"floor": 0.1}}}}}
    with pytest.raises(InputError, match=r"searches.shape differs between the merged"):
        recorded_study(tmp_path, {"merged": [{"provenance": one}, {"provenance": other}]})
