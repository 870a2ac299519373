import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.base.errors import (
    InputError,
    about,
    first_problem,
    keys_of,
    nearest,
    needs,
    one_line,
    printable,
    unknown,
)
from scenes.scene import Scene


def test_an_input_error_is_one_line():
    assert str(InputError("first\n  second")) == "first second"


ESCAPES = {
    "\x1b[2J\x1b]8;;http://x\x07link": r"\x1b[2J\x1b]8;;http://x\x07link",
    "a\x00b\x08c\x7fd": r"a\x00b\x08c\x7fd",  # C0 and DEL
    "\x80\x9b31m": r"\x80\x9b31m",  # C1
    "\u202aa\u202eb\u2066c\u2069d": r"\u202aa\u202eb\u2066c\u2069d",  # directions of writing
    "a\u200bb\u200ec\u200dd\ufeffe\u2060f": r"a\u200bb\u200ec\u200dd\ufeffe\u2060f",  # no width
    "\udc80 half": r"\udc80 half",  # a file name that is no UTF-8
    "\U000e0041 tag": r"\U000e0041 tag",
    "\ue000 private": r"\ue000 private",
}


@pytest.mark.parametrize("text", ESCAPES)
def test_characters_that_do_not_print_are_escaped(text):
    assert printable(text) == ESCAPES[text]
    assert str(InputError(text)) == ESCAPES[text]
    assert one_line(ValueError(text)) == ESCAPES[text]


@pytest.mark.parametrize(
    "space", ["\u2028", "\u2029", "\x85", "\r\n", "\x0b", "\x1c", "\xa0", "\t"]
)
def test_line_separators_of_any_kind_are_blanks_in_a_message(space):
    assert str(InputError(f"a{space}b")) == "a b"


def test_letters_of_all_scripts_stay():
    text = "ä é e\u0301 日本 ελ שלום عربى हिन्दी × µ € “…” 🙂"
    assert printable(text) == str(InputError(text)) == text
    assert printable("a\n\tb") == "a\n\tb"


@given(st.text())
def test_messages_always_print(text):
    message = str(InputError(text))
    assert message.isprintable()
    assert str(InputError(message)) == message
    message.encode()


def test_about_names_the_part_of_the_input():
    message = r"^targets.vase: shape: there is no such file$"
    with pytest.raises(InputError, match=message), about("targets.vase"), about("shape"):
        raise InputError("there is no such file")


def test_about_leaves_other_errors_unchanged():
    with pytest.raises(OSError, match=r"^disk$"), about("targets.vase"):
        raise OSError("disk")


def test_nearest_suggests_the_closest_name_and_nothing_where_none_is_close():
    assert nearest("bunnny", ["bunny", "suzanne"]) == "did you mean 'bunny'?"
    assert nearest("BUNNY", ["bunny", "suzanne"]) == "did you mean 'bunny'?"
    assert nearest("xyz", ["bunny", "suzanne"]) == ""


def test_unknown_names_the_nearest_and_all():
    message = str(unknown("scene", "bunnny", ["suzanne", "bunny"]))
    assert message == ("no scene is called 'bunnny'; did you mean 'bunny'? known: bunny, suzanne")


def test_keys_of_leaves_out_names_that_only_pydantic_knows():
    data = {"shape": {"kind": "sphere", "radius": -1}, "list": [{"a": 1}]}
    assert keys_of(("shape", "sphere", "radius"), data) == ("shape", "radius")
    assert keys_of(("shape", "sphere", "missing"), data) == ("shape", "missing")
    assert keys_of(("list", 0, "a"), data) == ("list", 0, "a")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {"name": "x", "shape": {"kind": "sphere", "radiu": 1}},
            "shape.radiu: unknown key 'radiu'; did you mean 'radius'? "
            "allowed: kind, subdivisions, radius, normals",
        ),
        (
            {"name": "x", "shape": {"kind": "spher"}},
            "shape: 'spher' is no kind; did you mean 'sphere'? allowed: sphere, blob, mesh",
        ),
        ({"name": "x", "shape": {"radius": 1}}, "shape: kind is missing"),
        ({"name": "x", "shape": "sphere"}, "shape: use a mapping of keys to values"),
        ({"name": "x"}, "shape: Field required"),
        (
            {"name": "x", "shape": {"kind": "sphere", "radius": 0}},
            "shape.radius: 0 is out of range; allowed: above 0, up to 1000",
        ),
        (
            {"name": "x", "shape": {"kind": "sphere", "radius": True}},
            "shape.radius: use a number; allowed: above 0, up to 1000",
        ),
        (
            {"name": "x", "shape": {"kind": "sphere", "radius": float("nan")}},
            "shape.radius: Input should be a finite number",
        ),
        (
            {"name": "x", "shape": {"kind": "sphere", "normals": "smoth"}},
            "shape.normals: 'smoth' is not allowed; did you mean 'smooth'? allowed: smooth, flat",
        ),
        (
            {"name": "x", "shape": {"kind": "sphere"}, "material": {"base_color": [0.1, 2, 0.1]}},
            "material.base_color.1: 2 is out of range; allowed: 0 to 1",
        ),
        (
            {"name": "x", "shape": {"kind": "sphere"}, "pose": {"rotation": ["1", 0, 0]}},
            "pose.rotation.0: Input should be a valid number",
        ),
        (
            {"name": "x", "shape": {"kind": "sphere"}, "film": {"exposure": "aut"}},
            "film.exposure: 'aut' is not allowed; use a number or auto",
        ),
    ],
)
def test_a_problem_is_one_line_with_its_key(record, message):
    with pytest.raises(ValueError, match="validation error") as caught:
        Scene.model_validate(record)
    assert first_problem(caught.value, record) == message


@pytest.mark.parametrize(
    ("error", "text"),
    [(ValueError("two\n  lines"), "two lines"), (MemoryError(), "MemoryError")],
)
def test_any_error_in_one_line(error, text):
    assert one_line(error) == text


def test_needs_names_the_extra_of_a_missing_library():
    with (
        pytest.raises(
            InputError,
            match=r"^no_such_library is not installed; in a clone of the suite: pip install "
            r"-c constraints\.txt '\.\[bayes\]'$",
        ),
        needs("bayes"),
    ):
        importlib.import_module("no_such_library.part")
    with (
        pytest.raises(InputError, match=r"'\.\[lab\]' \(PsychoPy: Python 3\.11 or 3\.12\)$"),
        needs("lab"),
    ):
        importlib.import_module("no_such_library")


def test_needs_names_the_file_that_an_installed_library_lacks():
    with (
        pytest.raises(InputError, match=r"^cannot load libGL\.so\.1: no such file; in a clone"),
        needs("lab"),
    ):
        raise ImportError("libGL.so.1: no such file", name="pyglet.gl")


def test_needs_hides_no_mistake_of_the_suite():
    with pytest.raises(ModuleNotFoundError, match=r"scenes\.no_such_module"), needs("analysis"):
        importlib.import_module("scenes.no_such_module")
