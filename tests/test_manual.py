"""Check the code blocks of README and docs/: valid YAML, existing commands, compiling Python.

A YAML block replaces the same sections of a small study, which must be valid. In a block without
a language, a line that starts with ``mrd`` must be a command with existing options. Running the
blocks is tests/end_to_end/test_manual_runs.py.
"""

import importlib.util
import re

import pytest
import typer

from mrd.cli.main import app
from mrd.study.study import read_study
from mrd.study.yaml_file import read_document
from tests.manual_pages import ROOT, all_blocks

LANGUAGES = {"", "yaml", "python", "toml"}

SMALL = {
    "name": "small",
    "targets": {"ball": {"shape": {"kind": "sphere"}}},
    "models": {"eye": {"network": "pixels"}},
    "searches": {"material": {"attributes": ["material"]}},
}


def blocks(language):
    """Return every block of a language, named by its page and line."""
    return [
        pytest.param(block.text, id=f"{block.page}:{block.line}")
        for block in all_blocks()
        if block.language == language
    ]


def commands():
    """Return the words after ``mrd`` of every command."""
    return [
        pytest.param(line.split("#")[0].split()[1:], id=f"{block.id}:{number}")
        for block in blocks("")
        for number, line in enumerate(block.values[0].splitlines(), start=1)
        if line.startswith("mrd ")
    ]


def test_every_block_has_a_language_that_is_tested():
    found = {block.language for block in all_blocks()}
    assert found <= LANGUAGES
    assert len(commands()) >= 15
    assert len(blocks("yaml")) >= 6


@pytest.mark.parametrize("block", blocks("yaml"))
def test_yaml_is_part_of_a_valid_study(block, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(block, encoding="utf-8")
    shown = read_document(path).data
    lines = [f"{key}: {value!r}" for key, value in SMALL.items() if key not in shown]
    path.write_text("\n".join([*lines, block]), encoding="utf-8")
    assert read_study(path).model_fields_set >= shown.keys()


@pytest.mark.parametrize("block", blocks("python"))
def test_python_compiles(block):
    compile(block, "block", "exec")


@pytest.mark.parametrize("words", commands())
def test_command_and_options_exist(words):
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    alone = not hasattr(command, "commands") or command.invoke_without_command
    assert alone, f"no such command: {words}"
    known = {name for parameter in command.params for name in parameter.opts}
    shown = {word.strip("[]") for word in words if word.strip("[").startswith("--")}
    assert shown <= known


@pytest.fixture
def study_keys():
    """Return environment/study_keys.py as a module."""
    spec = importlib.util.spec_from_file_location(
        "study_keys", ROOT / "environment" / "study_keys.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_of_keys_is_up_to_date(study_keys):
    page = study_keys.PAGE.read_text(encoding="utf-8")
    assert page == study_keys.with_reference(page), "run python environment/study_keys.py"


def test_every_key_is_explained(study_keys):
    rows = re.findall(
        r"^\| (`.+`) \| .* \| (.+) \|$", study_keys.PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(rows) > 150
    assert all(len(meaning) > 5 for _, meaning in rows)
