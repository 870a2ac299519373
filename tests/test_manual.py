"""What README and the pages of docs/ show: studies that are read, commands that there are.

A block of YAML is a part of a study: it takes the place of those sections in a small one, which
must be read. A line of a block without a language that begins with ``mrd`` must be a command, and
its options must be options of it. Python must compile.
"""

import re
from pathlib import Path

import pytest
import typer

from mrd.cli.main import app
from mrd.document import read_document
from mrd.study import read_study

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {"", "yaml", "python", "toml"}

SMALL = {
    "name": "small",
    "targets": {"ball": {"shape": {"kind": "sphere"}}},
    "models": {"eye": {"network": "pixels"}},
    "searches": {"material": {"attributes": ["material"]}},
}


def blocks(language):
    """Every block of a language, named by its page and line."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            if block[1] == language:
                line = text[: block.start()].count("\n") + 1
                found.append(pytest.param(block[2], id=f"{page.relative_to(ROOT)}:{line}"))
    return found


def commands():
    """Every line of the pages that a user would type after ``mrd``."""
    return [
        pytest.param(line.split("#")[0].split()[1:], id=f"{block.id}:{number}")
        for block in blocks("")
        for number, line in enumerate(block.values[0].splitlines(), start=1)
        if line.startswith("mrd ")
    ]


def test_every_block_is_of_a_kind_that_is_tested():
    found = {
        language
        for page in PAGES
        for language in re.findall(
            r"^```(\w*)\n.*?^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
    }
    assert found <= LANGUAGES
    assert len(commands()) >= 15
    assert len(blocks("yaml")) >= 6


@pytest.mark.parametrize("block", blocks("yaml"))
def test_a_block_of_yaml_is_part_of_a_study(block, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(block, encoding="utf-8")
    shown = read_document(path).data
    lines = [f"{key}: {value!r}" for key, value in SMALL.items() if key not in shown]
    path.write_text("\n".join([*lines, block]), encoding="utf-8")
    assert read_study(path).model_fields_set >= shown.keys()


@pytest.mark.parametrize("block", blocks("python"))
def test_a_block_of_python_compiles(block):
    compile(block, "block", "exec")


@pytest.mark.parametrize("words", commands())
def test_a_command_and_its_options_exist(words):
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    assert not hasattr(command, "commands"), f"no such command: {words}"
    known = {name for parameter in command.params for name in parameter.opts}
    shown = {word.strip("[]") for word in words if word.strip("[").startswith("--")}
    assert shown <= known
