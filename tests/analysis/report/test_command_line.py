"""``mrd analyse`` from the outside: what it prints and what it exits with."""

import json

import pytest

from mrd.cli.main import run

STUDY = """
name: simulated
targets: {bunny: {scene: bunny}}
models: {shapely: {network: pixels}}
searches: {shape: {attributes: [shape]}}
analysis:
  overdispersion: false
  draws: 100
  exclude: {participants: ["02", "03", "04"]}
"""


def analyse(*words):
    with pytest.raises(SystemExit, match=r"\d") as ended:
        run(["analyse", *map(str, words)])
    return ended.value.code


@pytest.fixture
def study(study_copy):
    (study_copy / "study.yaml").write_text(STUDY)
    return study_copy


def test_numbers_on_standard_output(study, capsys):
    assert analyse(study, "--simulated", "--format", "json") == 0
    printed = capsys.readouterr()
    numbers = json.loads(printed.out)
    assert numbers["source"]["simulated"] is True
    assert {"psychometric", "sensitivity", "invariance"} <= set(numbers["tables"])
    assert [row["rule"] for row in numbers["tables"]["exclusions"]] == ["participants"] * 3
    assert "psychometric functions" in printed.err
    assert (study / "report" / "index.html").is_file()


def test_without_data_exits_with_2_and_writes_nothing(study, capsys):
    assert analyse(study) == 2
    error = capsys.readouterr().err.strip()
    assert error.endswith("mrd experiment run makes it")
    assert "\n" not in error
    assert not (study / "report").exists()


def test_a_misspelt_setting_is_named_with_its_line(study, capsys):
    (study / "study.yaml").write_text(STUDY.replace("draws:", "drawz:"))
    assert analyse(study) == 2
    assert "study.yaml:8: analysis.drawz" in capsys.readouterr().err


def test_bad_data_exit_with_2_and_leave_the_last_report_alone(study, capsys):
    table = next((study / "data-simulated").glob("sub-01/ses-*/beh/*_beh.tsv"))
    table.write_bytes(table.read_bytes() + b"\xff\n")
    (study / "report").mkdir()
    (study / "report" / "index.html").write_text("earlier")
    assert analyse(study, "--simulated") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.endswith("not UTF-8; save the file as UTF-8")
    assert table.name in error
    assert [path.name for path in (study / "report").iterdir()] == ["index.html"]
    assert (study / "report" / "index.html").read_text() == "earlier"


def test_a_participant_without_a_condition_exits_with_2(study, capsys):
    table = next((study / "data-simulated").glob("sub-01/ses-*/beh/*_beh.tsv"))
    lines = table.read_text().splitlines(keepends=True)
    place = lines[0].split("\t").index("attribute")
    table.write_text("".join(line for line in lines if line.split("\t")[place] != "material"))
    (study / "study.yaml").write_text(STUDY.replace('"02", "03", "04"', '"03", "04"'))
    assert analyse(study, "--simulated") == 2
    assert "participant 01 has no trials of material, by shapely" in capsys.readouterr().err
    assert not list((study / "report").iterdir())
