"""Scene files of Mitsuba that are refused."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.base.errors import InputError
from scenes.imported.import_scene import import_scene
from tests.scenes.imported.mitsuba_files import (
    BALL,
    FROM_FRONT,
    imported,
    rgb,
    transform,
)

# ---- Refusals ------------------------------------------------------------------------------------

FLAT = transform('<scale x="0"/>')
NO_AXIS = transform('<rotate angle="3"/>')
CIRCLE = (
    """<bsdf type="twosided" id="a"><ref id="b"/></bsdf>
<bsdf type="twosided" id="b"><ref id="a"/></bsdf>"""
    + BALL
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "holds no meshes that are read; add a shape"),
        ('<shape type="sphere"><ref id="rde"/></shape><bsdf type="diffuse" id="red"/>',
         "line 2: nothing has the id 'rde'; did you mean 'red'?"),
        (CIRCLE, "contains itself"),
        ('<shape type="sphere"><float name="radius" value="$big"/></shape>',
         "line 2: the parameter $big has no value"),
        ('<shape type="sphere"><float name="radius" value="wide"/></shape>',
         "radius: 'wide' is not allowed; use 1 numbers"),
        ('<shape type="sphere"><float name="radius" value="nan"/></shape>', "'nan' is not allowed"),
        ('<shape type="sphere"><float name="radius" value="-1"/></shape>', "allowed: above 0"),
        (f'<shape type="sphere">{FLAT}</shape>', "is singular"),
        (f'<shape type="sphere">{transform("<twist/>")}</shape>',
         "line 2: <twist> is no part of a transform; use translate, scale"),
        (f'<shape type="sphere">{NO_AXIS}</shape>',
         "the axis of a rotation is 0"),
        ('<shape type="obj"><string name="filename" value="lost.obj"/></shape>',
         "lost.obj: no such mesh file; shape (obj, line 2) needs it"),
        ('<shape type="obj"><string name="filename" value="../lost.obj"/></shape>',
         "'../lost.obj' does not name a file below"),
        ('<shape type="obj"><string name="filename" value="/etc/passwd"/></shape>',
         "'/etc/passwd' does not name a file below"),
        ('<shape type="ply"/>', "'' does not name a file below"),
        ('<shape type="sphere"><bsdf type="diffuse"><texture type="bitmap" name="reflectance">'
         '<string name="filename" value="lost.png"/></texture></bsdf></shape>',
         "lost.png: no such texture"),
        ('<shape type="sphere"><bsdf type="twosided"/></shape>', "contains no bsdf; add one"),
        ('<shape type="sphere"><bsdf type="diffuse"><rgb name="reflectance" value="2"/></bsdf>'
         "</shape>", "reflectance: 2 is out of range; allowed: 0 to 1"),
        (BALL + '<emitter type="envmap"><string name="filename" value="x.exr"/></emitter>',
         "x.exr: no such picture file"),
        (BALL + '<sensor type="perspective"><float name="fov" value="200"/></sensor>',
         "fov: 200 is out of range; allowed: above 0, below 180"),
        (BALL + '<emitter type="constant"><rgb name="radiance" value="-1"/></emitter>',
         "emitter (constant, line 2): radiance.0: -1 is out of range; allowed: 0 to 1e+09"),
        ("<shape>", "is not XML: mismatched tag: line 3"),
    ],
)  # fmt: skip
def test_a_scene_that_cannot_be_imported_is_refused(tmp_path, body, message):
    with pytest.raises(InputError, match=r"room\.xml: |lost|x\.exr") as refused:
        imported(tmp_path, body)
    assert message in str(refused.value)
    assert str(refused.value).count("room.xml") <= 1 or "below" in message
    assert [each.name for each in tmp_path.iterdir()] == ["room.xml"]


BOMB = '<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
OUTSIDE = '<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f'{BOMB}<scene version="3.0.0">&b;</scene>', "line 1: has a document type or entities"),
        (f'{OUTSIDE}<scene version="3.0.0">&a;</scene>', "has a document type or entities"),
        ('<!DOCTYPE scene SYSTEM "x.dtd"><scene version="3.0.0"/>', "has a document type"),
        ('<scene version="0.6.0"/>', "its version is 0.6.0; only 2 and 3 are imported"),
        ("<scene/>", "its version is missing"),
        ("<html/>", "is no scene of Mitsuba: its first element is <html>"),
        ("", "is not XML: no element found"),
        ("<a>" * 200 + "</a>" * 200, "more than 100 levels"),
    ],
    ids=["bomb", "outside", "dtd", "old", "no version", "html", "empty", "deep"],
)
def test_dangerous_and_other_xml_is_refused(tmp_path, content, message):
    (tmp_path / "room.xml").write_text(content)
    with pytest.raises(InputError, match=r"room\.xml: ") as refused:
        import_scene(tmp_path / "room.xml", tmp_path / "out")
    assert message in str(refused.value)


def test_references_of_references_are_visited_once(tmp_path):
    """Two references each, 60 times in a row, would be 2⁶⁰ visits."""
    levels = "".join(
        f'<bsdf type="twosided" id="b{k}"><ref id="b{k + 1}"/><ref id="b{k + 1}"/></bsdf>'
        for k in range(60)
    )
    body = f'{levels}<bsdf type="diffuse" id="b60"/>{BALL}'
    assert imported(tmp_path, body).scene.object == "ball"


WHOLE = f"""<scene version="3.0.0">{BALL}<sensor type="perspective">{FROM_FRONT}</sensor>
<emitter type="point">{rgb("intensity", 3)}</emitter></scene>""".encode()


@given(data=st.data())
def test_a_damaged_file_is_imported_or_refused(data):
    """Bytes cut off or altered at random: a scene or an `InputError`, and nothing else."""
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "room.xml"
        path.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(None))])
        try:
            import_scene(path, Path(folder) / "out")
        except InputError as refused:
            message = str(refused)
        else:
            message = f"{path}: imported"
        assert message.startswith(str(path))
        assert (Path(folder) / "out").exists() == message.endswith(": imported")
