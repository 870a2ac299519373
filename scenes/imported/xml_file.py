"""Read an XML file as a tree; a document type and entities are refused."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from scenes.base.errors import InputError, reading

DEEPEST = 100  # levels of elements
MOST_BYTES = 2**26


@dataclass(eq=False)
class Element:
    """An element of an XML file.

    Parameters
    ----------
    tag
        Its name.
    attributes
        Their values, by name.
    line
        Line of the file, counted from 1.
    children
        The elements in it.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)

    def get(self, name: str, otherwise: str = "") -> str:
        """Return an attribute, or another text if the element has none of this name."""
        return self.attributes.get(name, otherwise)


def read_xml(path: Path) -> Element:
    """Return the root element of an XML file.

    Raises
    ------
    InputError
        The file is missing, no XML, too large, or has a document type or entities.
    """
    with reading(path):
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            raise InputError(f"has {len(data)} bytes; XML files of up to {MOST_BYTES} are read")
        return _parsed(data)


def _parsed(data: bytes) -> Element:
    """Return the root element."""
    parser = expat.ParserCreate()
    top = Element("", {}, 0)
    above = [top]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(above) > DEEPEST:
            raise InputError(f"line {parser.CurrentLineNumber}: more than {DEEPEST} levels")
        element = Element(tag, attributes, parser.CurrentLineNumber)
        above[-1].children.append(element)
        above.append(element)

    def end(_tag: str) -> None:
        above.pop()

    def refuse(*_: object) -> NoReturn:
        raise InputError(
            f"line {parser.CurrentLineNumber}: has a document type or entities (<!DOCTYPE>, "
            "<!ENTITY>), which are not read; remove them"
        )

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise InputError(f"is not XML: {error}; export it again") from error
    return top.children[0]
