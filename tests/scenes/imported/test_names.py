"""Names of imported objects."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from scenes.imported.names import LONGEST, unique_names, valid_name
from scenes.objects import Name


def test_examples():
    assert valid_name("Tête à tête", "object") == "Tete_a_tete"
    assert valid_name("3 balls", "object") == "object_3_balls"
    assert valid_name("物体", "object") == "object"
    assert unique_names(["Key", "key"], "lamp", "key") == ["Key_2", "key_3"]
    assert unique_names(["a", "A", "a", "a_2"], "object") == ["a", "A_2", "a_3", "a_2_2"]


@given(texts=st.lists(st.text(max_size=80), max_size=12))
def test_names_are_valid_and_differ_also_as_files(texts):
    names = unique_names(texts, "object")
    assert len(names) == len(texts)
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        TypeAdapter(Name).validate_python(name)
        assert len(name) <= LONGEST + 10
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            (Path(folder) / name).touch(exist_ok=False)
