"""The page: a template, the scenes as JSON, and three.js, in one file without links."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from importlib.resources.abc import Traversable

from scenes.scene import Scene
from scenes.view.buffers import Buffers
from scenes.view.scene_record import scene_record

VENDORED = {"three": "three.module.min.js", "OrbitControls": "OrbitControls.js"}
OWN = ("main", "panes", "objects", "lights", "names", "listing")  # modules of the template


@dataclass(frozen=True)
class Side:
    """One scene of a page.

    Parameters
    ----------
    name
        Caption, such as "target".
    scene
        Loaded scene.
    renders
        Rendered images by camera, as data URLs (`scenes.view.pictures.render_url`).
    """

    name: str
    scene: Scene
    renders: Mapping[str, str] = field(default_factory=dict)


def view_page(title: str, sides: Sequence[Side], notes: Sequence[str] = ()) -> str:
    """Return the page that shows scenes in 3D, as HTML.

    Parameters
    ----------
    title
        Heading of the page.
    sides
        The scenes. The first is on the left; the page lets the user choose one of the others
        for the right.
    notes
        Sentences that stand above the scenes.

    Returns
    -------
    str
        HTML that loads nothing, from a network or from a file.

    Raises
    ------
    InputError
        A scene is not loaded.
    """
    buffers = Buffers()
    records = [
        {"name": each.name, "renders": dict(each.renders), **scene_record(each.scene, buffers)}
        for each in sides
    ]
    data = {"title": title, "notes": list(notes), "sides": records, "buffers": buffers.base64}
    here = resources.files(__package__)
    modules = {name: here / "vendor" / file for name, file in VENDORED.items()}
    modules |= {name: here / "template" / f"{name}.js" for name in OWN}
    parts = {
        "title": escape(title),
        "style": (here / "template" / "style.css").read_text(encoding="utf-8"),
        "modules": _script_text({"imports": {k: _module(v) for k, v in modules.items()}}),
        "data": _script_text(data),
    }
    page = (here / "template" / "page.html").read_text(encoding="utf-8")
    for name, text in parts.items():
        before, after = page.split(f"<!--{name}-->")
        page = before + text + after
    return page


def _module(file: Traversable) -> str:
    """Return a JavaScript file as a data URL, from which other modules can import it by name."""
    return f"data:text/javascript;base64,{b64encode(file.read_bytes()).decode('ascii')}"


def _script_text(content: object) -> str:
    """Return JSON that can stand in a script element."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
