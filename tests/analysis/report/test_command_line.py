"""``mrd analyse``: what it prints, and its exit codes."""

import pytest

from mrd.cli.main import run
from tests.analysis.conftest import STUDY


def analyse(*words):
    with pytest.raises(SystemExit, match=r"\d") as ended:
        run(["analyse", *map(str, words)])
    return ended.value.code


def test_numbers_on_standard_output(report):
    assert report.numbers["source"]["simulated"] is True
    assert {"psychometric", "sensitivity", "invariance"} <= set(report.numbers["tables"])
    assert [row["rule"] for row in report.numbers["tables"]["exclusions"]] == ["participants"] * 2
    assert "psychometric functions" in report.messages
    assert report.page.is_file()


def test_without_data_exits_with_2_and_writes_nothing(study_copy, capsys):
    assert analyse(study_copy) == 2
    error = capsys.readouterr().err.strip()
    assert error.endswith("mrd experiment run makes it")
    assert "\n" not in error
    assert not (study_copy / "report").exists()


def test_misspelt_setting_is_named_with_its_line(study_copy, capsys):
    (study_copy / "study.yaml").write_text(STUDY.replace("draws:", "drawz:"))
    assert analyse(study_copy) == 2
    assert "study.yaml:8: analysis.drawz" in capsys.readouterr().err


def test_bad_data_exit_with_2_and_keep_the_last_report(study_copy, capsys):
    table = next((study_copy / "data-simulated").glob("sub-01/ses-*/beh/*_beh.tsv"))
    table.write_bytes(table.read_bytes() + b"\xff\n")
    (study_copy / "report").mkdir()
    (study_copy / "report" / "index.html").write_text("earlier")
    assert analyse(study_copy, "--simulated") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.endswith("not UTF-8; save the file as UTF-8")
    assert table.name in error
    assert [path.name for path in (study_copy / "report").iterdir()] == ["index.html"]
    assert (study_copy / "report" / "index.html").read_text() == "earlier"


def test_participant_without_a_condition_exits_with_2(study_copy, capsys):
    table = next((study_copy / "data-simulated").glob("sub-01/ses-*/beh/*_beh.tsv"))
    lines = table.read_text().splitlines(keepends=True)
    place = lines[0].split("\t").index("attribute")
    table.write_text("".join(line for line in lines if line.split("\t")[place] != "material"))
    assert analyse(study_copy, "--simulated") == 2
    assert "participant 01 has no trials of material, by shapely" in capsys.readouterr().err
    assert not list((study_copy / "report").iterdir())
