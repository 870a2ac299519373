"""Troubleshooting has an entry for every message that a user can meet, and none that is gone.

A message is what is written where an `InputError` is made, or a `ValueError` by what checks a part
of the study. What it is about (a file, a key, a value) is a hole in it, written … on the page.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.paths import ROOT

PAGE = ROOT / "docs" / "troubleshooting.md"
PACKAGES = ("scenes", "stimuli", "psychophysics", "analysis", "mrd")
HOLE = "…"
FEWEST_WORDS = 2  # with fewer words of its own, a message is another one with a place before it


def fixed_words(node: ast.expr) -> str:
    """Give the text of a message as it is written, with holes for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(fixed_words(value) for value in node.values)
    return HOLE


def entry(node: ast.expr) -> str:
    """Give a message as the page has it."""
    words = " ".join(fixed_words(node).replace("`", "").split())
    return re.sub(rf"{HOLE}(\s*{HOLE})+", HOLE, words)


@cache
def messages() -> tuple[tuple[str, str], ...]:
    """List the place and the entry of every message."""
    return tuple(_messages())


@cache
def trees() -> tuple[tuple[str, ast.AST], ...]:
    """Read every module, by its place."""
    return tuple(
        (path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    )


def own_errors() -> set[str]:
    """List `InputError` and the names of its kinds."""
    return {"InputError"} | {
        node.name
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "InputError" in map(ast.unparse, node.bases)
    }


def _messages() -> Iterator[tuple[str, str]]:
    errors = own_errors() | {"error"}  # the method of a document
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and "validator" in "".join(
                map(ast.unparse, node.decorator_list)
            ):
                yield from ((name, each) for each in made_by(node, {"ValueError"}))
        kinds = errors | ({"ValueError"} if "config" in name else set())
        yield from ((name, each) for each in made_by(tree, kinds))


def made_by(tree: ast.AST, kinds: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func).rpartition(".")[2]
            words = entry(node.args[-1]) if called in kinds else ""
            if len(re.findall(r"[a-z]{2,}", words)) >= FEWEST_WORDS:
                yield words


def entries() -> list[str]:
    """List the entries of the page: a line of a list each."""
    return re.findall(r"^- `(.+)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("InputError(f'{path}: no {a}{b} is `x`; ' f'use {c}')", "…: no … is x; use …"),
        ("InputError('choose one of two')", "choose one of two"),
        ("InputError(f'{place}: {error}')", None),
        ("document.error(place, f'a {kind} cannot be a key')", "a … cannot be a key"),
        ("InputError(problem)", None),
    ],
)
def test_what_a_message_looks_like_on_the_page(code, expected):
    found = list(made_by(ast.parse(code), {"InputError", "error"}))
    assert found == ([] if expected is None else [expected])


def test_errors_of_a_kind_of_their_own_are_found():
    assert {"InputError", "Finished", "NotConverged"} <= own_errors()


def test_every_message_has_an_entry():
    there = set(entries())
    missing = sorted({f"{name}: {each}" for name, each in messages() if each not in there})
    assert missing == [], "each needs a line in docs/troubleshooting.md, below what to do"


def test_no_entry_is_of_a_message_that_is_gone():
    written = {each for _, each in messages()}
    assert len(written) > 300
    assert [each for each in entries() if each not in written] == []
    assert len(entries()) == len(set(entries()))


def test_every_group_says_what_to_do():
    for group in re.split(r"\n\n(?=- `)", PAGE.read_text(encoding="utf-8"))[:-1]:
        before = group.rpartition("\n\n")[2]
        assert not before.startswith(("- `", "#")), before
        assert before.endswith("."), before
