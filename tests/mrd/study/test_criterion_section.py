"""The limits of a verdict, as they are stored and hashed."""

from mrd.study.criterion_section import CriterionConfig, ScoringRule


def test_the_default_probability_is_not_hashed():
    assert CriterionConfig(floor=0.8).rule.record() == {"floor": 0.8}
    strict = CriterionConfig(floor=0.8, class_probability=0.5).rule
    assert strict.record() == {"floor": 0.8, "class_probability": 0.5}


def test_stored_rules_without_a_probability_have_the_default():
    assert ScoringRule.read({"floor": 0.9, "metamer": True}) == ScoringRule(0.9, 0.2)
    assert ScoringRule.read({"floor": 0.9, "class_probability": 0.0}) == ScoringRule(0.9, 0.0)


def test_differences_are_named():
    rule = ScoringRule(0.9)
    assert rule.changes(ScoringRule(0.9, 0.2)) == []
    assert rule.changes(ScoringRule(0.9, 0.3)) == ["criterion.class_probability"]
    assert rule.changes(ScoringRule.read({})) == ["criterion.floor"]  # not scored at all
