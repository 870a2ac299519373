"""A YAML file as plain values with their lines."""

import pytest

from mrd.study.yaml_file import MOST_BYTES, dotted, read_document
from scenes.base.errors import InputError


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "study.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_values_are_plain_and_each_has_its_line(write):
    document = read_document(
        write(
            "# a comment\n"
            "name: demo\n"
            "\n"
            "searches:\n"
            "  shape:\n"
            "    seeds: [1,\n"
            "            0x10]\n"
            "    steps:\n"
            "      300\n"
            "    rate: 1e-3\n"
            "    on: yes\n"
            "    off: false\n"
            "    none: ~\n"
            "    day: 2020-01-01\n"
        )
    )
    shape = {
        "seeds": [1, 16], "steps": 300, "rate": 1e-3, "on": "yes", "off": False, "none": None,
        "day": "2020-01-01",
    }  # fmt: skip
    assert document.data == {"name": "demo", "searches": {"shape": shape}}
    assert type(document.data["searches"]["shape"]["seeds"][1]) is int
    at = ("searches", "shape")
    assert document.line(("name",)) == 2
    assert document.line((*at, "seeds", 0)) == 6
    assert document.line((*at, "seeds", 1)) == 7
    assert document.line((*at, "steps")) == 8  # the key, not the value below it
    assert document.line((*at, "day")) == 14


def test_the_line_of_a_missing_key_is_that_of_its_parent(write):
    document = read_document(write("a:\n  b:\n    c: 1\n"))
    assert document.line(("a", "b", "missing")) == 2
    assert document.line(("missing",)) == 1


def test_an_anchor_can_be_used_again(write):
    document = read_document(write("a: &x {b: 1}\nc: *x\n"))
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_pair_of_escapes_is_one_character(write):
    assert read_document(write('a: "\\ud83d\\ude00"\n')).data == {"a": "\U0001f600"}


def test_a_byte_order_mark_is_ignored(write):
    assert read_document(write(b"\xef\xbb\xbfa: 1\n")).data == {"a": 1}


def test_locations_are_written_with_dots_and_brackets():
    assert dotted(("searches", "shape", "seeds", 0)) == "searches.shape.seeds[0]"


# Ten aliases of ten aliases and so on: a few hundred bytes expand to a million values.
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 6)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r":1: the file is empty; it must be a mapping"),
        ("# nothing\n", r":1: the file is empty"),
        ("- a\n- b\n", r":1: the file is a list; it must be a mapping"),
        ("just text\n", r":1: the file is a single value; it must be a mapping"),
        ("a: 1\nb: 2\na: 3\n", r":3: a: named twice \(first in line 1\)"),
        ("s:\n  x: {y: 1,\n    y: 2}\n", r":3: s\.x\.y: named twice \(first in line 2\)"),
        ("a: 1\nb: [1, 2\n", r":3: broken YAML: expected ',' or '\]'"),
        ("a: b: c\n", r":1: broken YAML: mapping values are not allowed here"),
        (
            "a: 1\n  b: 2\n",
            r":2: broken YAML: .*; check colons, quotes, brackets and indentation",
        ),
        ("a:\n\tb: 2\n", r":2: broken YAML: .*; indent with spaces, not with tabs$"),
        ("a: *nowhere\n", r":1: broken YAML: found undefined alias"),
        ("a: 1\n---\nb: 2\n", r":2: broken YAML: but found another document"),
        ("a: \x00\n", r": broken YAML: unacceptable character"),
        ("? [1]\n: 2\n", r":1: a list cannot be a key"),
        ("a: 1\nb: !!python/object/apply:os.getcwd []\n", r":2: b: the tag \S*os\.getcwd"),
        ("a: !!python/name:os.system x\n", r":1: a: the tag \S*os\.system is not allowed"),
        ("a: !mine {b: 1}\n", r":1: a: the tag !mine is not allowed; remove it"),
        ("a: !!binary aGk=\n", r":1: a: the tag \S*binary is not allowed"),
        ("a: !!int many\n", r":1: a: 'many' is not the number or word"),
        (f"a: {'9' * 5000}\n", r":1: a: '9{40}…' is not the number"),
        (f"a: -1{'0' * 400}\n", r":1: a: -10{38}… is too large; use at most 308 digits"),
        ('a: "\\ud800"\n', r":1: a: half a character is escaped; write the character itself"),
        ('"\\udc00": 1\n', r":1: half a character is escaped"),
        ("a: " + "[" * 600, r"nested too deeply"),
        ("a: &x [*x]\n", r"nested too deeply"),
        (LAUGHS, r"more than 50000 values; are aliases nested\?"),
        (b"a: 1\nb: \xff\n", r":2: not UTF-8"),
        (b" " * (MOST_BYTES + 1), rf"{MOST_BYTES + 1} bytes; at most {MOST_BYTES} are read"),
    ],
)
def test_other_content_is_refused_in_one_line(write, content, message):
    with pytest.raises(InputError, match=message) as error:
        read_document(write(content))
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: there is no such file or folder"):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_document(tmp_path)
