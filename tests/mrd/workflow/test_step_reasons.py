"""Reasons why steps remain, from plain values."""

import pytest

from mrd.study.criterion_section import ScoringRule
from mrd.workflow.step_reasons import (
    EmbeddedModel,
    RequestedModel,
    build_reasons,
    embed_reasons,
    report_reasons,
    session_reasons,
)
from scenes.base.changes import changes, in_words

SEARCHES = {"vase-net-paint-s1-aa": "paint", "vase-net-form-s1-bb": "form", "families/v": "paint"}


def inputs(records, bits=8):
    return {"records": records, "stimuli": {"bits": bits}, "schema_version": 1}


def test_differences_are_named_and_the_rest_is_counted():
    assert changes({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}) == "a.c: 2 then, 3 now"
    assert in_words(["1", "2", "3", "4", "5"]) == "1; 2; 3; and 2 more"
    assert in_words(["1"]) == "1"
    assert in_words([]) == ""


def test_a_set_is_built_from_the_records_that_it_names():
    then = inputs({"vase-net-paint-s1-aa": "1", "families/v": "2", "gone": "3"})
    now = inputs({"vase-net-paint-s1-aa": "9", "families/v": "2", "vase-net-form-s1-bb": "4"})
    assert build_reasons(then, then, SEARCHES | {"gone": "x"}) == []
    assert build_reasons(now, then, SEARCHES) == [
        "the search 'paint' has new images (vase-net-paint-s1-aa)",
        "the search 'form' has a new result (vase-net-form-s1-bb)",
        "gone is no part of the study any more",
    ]
    deeper = inputs(then["records"], bits=16)
    reasons = build_reasons(deeper, then, SEARCHES | {"gone": "x"})
    assert reasons == ["stimuli.bits: 8 then, 16 now"]


NINE = ScoringRule(0.9)
RECORD = {"network": "pixels", "weights": "default"}
REQUESTED = RequestedModel(RECORD, ("a", "b"))
FOUND = EmbeddedModel(
    {"asked": RECORD, "libraries": {"torch": "2"}}, {"a": {"v"}, "b": {"v"}}, {"v": {"a;b": {NINE}}}
)


@pytest.mark.parametrize(
    ("requested", "found", "rule", "torch", "expected"),
    [
        (REQUESTED, FOUND, NINE, "2", []),
        (RequestedModel(RECORD, ()), FOUND, NINE, "2", []),
        (RequestedModel(RECORD, ("a",)), FOUND, None, "2", []),
        (REQUESTED, None, NINE, "2", ["the set has no distances of model 'net' yet"]),
        (REQUESTED, FOUND, ScoringRule(0.8), "2", ["'net' has not scored v with floor 0.8"]),
        (
            REQUESTED,
            FOUND,
            ScoringRule(0.9, 0.5),
            "2",
            ["'net' has not scored v with floor 0.9 and class_probability 0.5"],
        ),
        (REQUESTED, FOUND, NINE, "3", ["'net' was embedded with torch 2, not 3"]),
        (RequestedModel(RECORD, ("a", "c")), FOUND, None, "2", ["'net' was not read at c"]),
        (
            RequestedModel({**RECORD, "weights": "sha256:1"}, ("a", "b")),
            FOUND,
            NINE,
            "2",
            ["models.net.weights: default then, sha256:1 now"],
        ),
    ],
)
def test_a_model_is_embedded_again_if_study_and_set_differ(requested, found, rule, torch, expected):
    assert embed_reasons("net", requested, found, {"v": rule}, {"torch": torch}) == expected


def test_sessions_are_bound_to_the_experiment():
    facts = {"Experiment": {"task": "oddity"}, "StimulusSet": "s"}
    whole = {"Finished": True, "Session": {**facts, "Psychometric": {"threshold": 1}}}
    assert session_reasons({"01": facts}, {"01": whole}) == []
    other = {"Finished": True, "Session": facts | {"StimulusSet": "t"}}
    found = {"01": other, "02": {"Finished": False, "Session": facts}, "03": whole}
    assert session_reasons(dict.fromkeys(["01", "02", "03"], facts) | {"04": None}, found) == [
        "1 of 4 sessions to do",
        "1 of 4 sessions not finished",
        "1 sessions of another experiment (StimulusSet: t then, s now)",
    ]


def test_a_report_is_of_its_answers_set_models_and_settings():
    now = {
        "source": {"data": "data", "data_sha256": "1", "models": {"a": "1", "b": "2"}},
        "settings": {"margin": 0.5},
        "versions": {"mrd-suite": "1"},
    }
    assert report_reasons(now, now) == []
    then = {
        "source": {"data": "data", "data_sha256": "2", "models": {"a": "1", "c": "3"}},
        "settings": {"margin": 0.4},
        "versions": {"mrd-suite": "1", "numpy": "2"},
    }
    assert report_reasons(then, now) == [
        "the answers, or their descriptions, differ from the report's",
        "distances of b, c differ from the report's",
        "analysis.margin: 0.4 then, 0.5 now",
    ]
