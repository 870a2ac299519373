"""Scene files of Mitsuba 2 and 3: parameters are put in, references resolved, values read."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError, about, nearest, reading
from scenes.imported.transforms import look_at, rotation, scaling, translation
from scenes.imported.xml_file import DEEPEST, Element, read_xml

Floats = NDArray[np.float64]
RGB = tuple[float, float, float]

OBJECTS = {"bsdf", "emitter", "film", "integrator", "medium", "phase", "rfilter", "sampler",
           "sensor", "shape", "texture", "volume", "ref"}  # fmt: skip
IN_NUMBERS = re.compile(r"[,\s]+")


class Plugin:
    """An object of a scene file: its plugin, its properties and the objects in it.

    Parameters
    ----------
    element
        Its element.
    objects
        All elements with an id, by id.
    """

    def __init__(self, element: Element, objects: dict[str, Element]) -> None:
        self._element = element
        self._objects = objects
        self.kind = element.tag  # such as bsdf
        self.plugin = element.get("type")  # such as diffuse
        self.id = element.get("id")
        self.line = element.line
        self.used: set[str] = set()  # names of properties that were read
        self._properties = {
            each.get("name"): each
            for each in element.children
            if each.tag not in OBJECTS and each.get("name")
        }
        self._nested = [self._resolved(each) for each in element.children if each.tag in OBJECTS]

    def __str__(self) -> str:
        name = f" '{self.id}'" if self.id else ""
        return f"{self.kind}{name} ({self.plugin}, line {self.line})"

    @property
    def unread(self) -> list[str]:
        """Names of properties and textures that were not read."""
        textures = [name for name, each in self._nested if each.tag == "texture"]
        return [name for name in (*self._properties, *textures) if name not in self.used]

    def nested(self, *kinds: str) -> list[tuple[str, "Plugin"]]:
        """Return name and content of the objects of these kinds that are in this one."""
        found = [(name, each) for name, each in self._nested if each.tag in kinds]
        return [(name, Plugin(each, self._objects)) for name, each in found]

    def texture(self, name: str) -> "Plugin | None":
        """Return the texture that is the value of a property; None for other values."""
        self.used.add(name)
        return next((each for key, each in self.nested("texture") if key == name), None)

    def has_textures(self) -> bool:
        """Return whether the object, or one in it, has a texture."""
        return any(
            each.kind == "texture" or each.has_textures()
            for _, each in self.nested("texture", "bsdf")
        )

    def has(self, name: str) -> bool:
        """Return whether a property has a value."""
        return name in self._properties or self.texture(name) is not None

    def text(self, name: str, otherwise: str = "") -> str:
        """Return a text."""
        return self._value(name, otherwise)

    def number(self, name: str, otherwise: float) -> float:
        """Return a number."""
        text = self._value(name, "")
        return self._numbers(name, text, (1,))[0] if text else otherwise

    def flag(self, name: str, otherwise: bool) -> bool:
        """Return a truth value."""
        text = self._value(name, str(otherwise)).strip().lower()
        if text not in ("true", "false"):
            raise InputError(f"{self}: {name}: '{text}' is not allowed; use true or false")
        return text == "true"

    def vector(self, name: str, otherwise: RGB) -> Floats:
        """Return a point or vector (3,)."""
        element = self._properties.get(name)
        self.used.add(name)
        if element is None:
            return np.array(otherwise)
        with about(str(self)):
            return _triple(element, 0.0)

    def color(self, name: str, otherwise: RGB | float) -> RGB | None:
        """Return a colour; None for a spectrum, which has no colour here."""
        element = self._properties.get(name)
        self.used.add(name)
        if element is None:
            first = otherwise if isinstance(otherwise, tuple) else (otherwise,) * 3
            return first
        text = element.get("value")
        if element.tag == "blackbody" or ":" in text or element.get("filename"):
            return None
        numbers = self._numbers(name, text, (1, 3))
        red, green, blue = numbers * 3 if len(numbers) == 1 else numbers
        return red, green, blue

    def transform(self, name: str = "to_world") -> Floats:
        """Return a matrix (4, 4); the identity by default."""
        element = self._properties.get(name)
        self.used.add(name)
        matrix = np.eye(4)
        if element is not None:
            with about(str(self)):
                for each in element.children:
                    matrix = _step(each) @ matrix
        return matrix

    def up_of_view(self) -> Floats | None:
        """Return the ``up`` of a lookat in the transform; None without one."""
        element = self._properties.get("to_world")
        children = [] if element is None else element.children
        found = [each for each in children if each.tag == "lookat" and each.get("up")]
        return _numbers(found[-1], "up", found[-1].get("up"), (3,)) if found else None

    def _value(self, name: str, otherwise: str) -> str:
        """Return the attribute ``value`` of a property."""
        self.used.add(name)
        element = self._properties.get(name)
        return otherwise if element is None else element.get("value", otherwise)

    def _numbers(self, name: str, text: str, counts: tuple[int, ...]) -> list[float]:
        """Return the numbers in a text."""
        with about(str(self)):
            return _numbers(None, name, text, counts).tolist()

    def _resolved(self, element: Element) -> tuple[str, Element]:
        """Return the name of a nested object, and the element that it refers to."""
        if element.tag != "ref":
            return element.get("name"), element
        name = element.get("id")
        if name not in self._objects:
            close = nearest(name, self._objects)
            raise InputError(
                f"line {element.line}: nothing has the id '{name}'; {close} define it, or remove "
                "the reference"
            )
        return element.get("name"), self._objects[name]


def read_mitsuba_file(path: Path) -> tuple[list[Plugin], list[str]]:
    """Return the objects of a scene file, and descriptions of elements that are not read.

    Raises
    ------
    InputError
        The file is no XML, has entities, is of Mitsuba 0.x, or refers to something undefined.
    """
    with reading(path):
        root = read_xml_here(path)
        if root.tag != "scene":
            raise InputError(f"is no scene of Mitsuba: its first element is <{root.tag}>")
        version = root.get("version", "missing")
        if not re.match(r"[23]\.", version):
            raise InputError(
                f"its version is {version}; only 2 and 3 are imported: open it once in Mitsuba 3, "
                "which can write it in its own version"
            )
        _put_in_parameters(root)
        objects: dict[str, Element] = {}
        _collect(root, objects)
        for each in root.children:
            if each.tag == "alias":
                objects[each.get("as")] = _known(objects, each)
        _check_circles(root, objects)
        other = [
            f"<{each.tag}>, line {each.line}"
            for each in root.children
            if each.tag not in OBJECTS | {"default", "alias", "path"}
        ]
        plugins = [Plugin(each, objects) for each in root.children if each.tag in OBJECTS - {"ref"}]
        return plugins, other


def read_xml_here(path: Path) -> Element:
    """Return the root element of a file, without its path in errors."""
    try:
        return read_xml(path)
    except InputError as error:
        raise InputError(str(error).removeprefix(f"{path}: ")) from error


def _put_in_parameters(root: Element) -> None:
    """Replace ``$name`` by the value of the ``default`` element of that name."""
    values: dict[str, str] = {}
    for each in root.children:
        if each.tag == "default":
            values.setdefault(each.get("name"), each.get("value"))

    def replaced(match: re.Match[str]) -> str:
        return values.get(match[1] or match[2], match[0])

    def visit(element: Element) -> None:
        for key, text in element.attributes.items():
            if "$" in text:
                filled = re.sub(r"\$(?:\{(\w+)\}|(\w+))", replaced, text)
                if unknown := re.search(r"\$\{?(\w+)", filled):
                    close = nearest(unknown[1], values)
                    raise InputError(
                        f"line {element.line}: the parameter ${unknown[1]} has no value; {close} "
                        "add a <default> element"
                    )
                element.attributes[key] = filled
        for each in element.children:
            visit(each)

    visit(root)


def _collect(element: Element, objects: dict[str, Element]) -> None:
    """Add all elements with an id."""
    for each in element.children:
        if each.get("id") and each.tag in OBJECTS - {"ref"}:
            objects[each.get("id")] = each
        _collect(each, objects)


def _known(objects: dict[str, Element], alias: Element) -> Element:
    """Return the element that an alias names."""
    if alias.get("id") not in objects:
        raise InputError(f"line {alias.line}: nothing has the id '{alias.get('id')}'")
    return objects[alias.get("id")]


def _check_circles(root: Element, objects: dict[str, Element]) -> None:
    """Raise if an object contains itself by references, or if they are nested too deeply."""
    done: set[Element] = set()
    above: list[Element] = []

    def visit(element: Element) -> None:
        if element in above:
            raise InputError(f"line {element.line}: '{element.get('id')}' contains itself")
        if len(above) > DEEPEST:
            raise InputError(f"line {element.line}: more than {DEEPEST} levels of references")
        if element in done:
            return
        above.append(element)
        for each in element.children:
            visit(objects.get(each.get("id"), each) if each.tag == "ref" else each)
        done.add(above.pop())

    visit(root)


# ---- Values -------------------------------------------------------------------------------------


def _numbers(element: Element | None, name: str, text: str, counts: tuple[int, ...]) -> Floats:
    """Return the numbers in a text; raise unless there are as many as allowed."""
    line = f"line {element.line}: " if element else ""
    parts = [each for each in IN_NUMBERS.split(text.strip()) if each]
    allowed = " or ".join(map(str, counts))
    try:
        values = np.array([float(each) for each in parts])
    except ValueError as error:
        raise InputError(f"{line}{name}: '{text}' is not allowed; use {allowed} numbers") from error
    if len(values) not in counts or not np.isfinite(values).all():
        raise InputError(f"{line}{name}: '{text}' is not allowed; use {allowed} numbers")
    return values


def _triple(element: Element, otherwise: float) -> Floats:
    """Return three numbers: of the attributes x, y, z, or of a value with one or three."""
    if text := element.get("value"):
        values = _numbers(element, "value", text, (1, 3))
        return np.repeat(values, 3) if len(values) == 1 else values
    return np.array(
        [_numbers(element, key, element.get(key, str(otherwise)), (1,))[0] for key in "xyz"]
    )


def _step(element: Element) -> Floats:
    """Return the matrix (4, 4) of one step of a transform."""
    steps: dict[str, Callable[[Element], Floats]] = {
        "translate": lambda each: translation(_triple(each, 0.0)),
        "scale": lambda each: scaling(_triple(each, 1.0)),
        "rotate": lambda each: rotation(
            _triple(each, 0.0), _numbers(each, "angle", each.get("angle"), (1,))[0]
        ),
        "matrix": _matrix,
        "lookat": lambda each: look_at(
            _numbers(each, "origin", each.get("origin"), (3,)),
            _numbers(each, "target", each.get("target"), (3,)),
            _numbers(each, "up", each.get("up"), (3,)) if each.get("up") else None,
        ),
    }
    if element.tag not in steps:
        raise InputError(
            f"line {element.line}: <{element.tag}> is no part of a transform; use "
            f"{', '.join(steps)}"
        )
    with about(f"line {element.line}"):
        return steps[element.tag](element)


def _matrix(element: Element) -> Floats:
    """Return a matrix of 16 numbers, or of 9 without translation."""
    values = _numbers(None, "matrix", element.get("value"), (9, 16))
    matrix = np.eye(4)
    side = 3 if len(values) == 9 else 4
    matrix[:side, :side] = values.reshape(side, side)
    return matrix
