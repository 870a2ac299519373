"""Names of objects and lamps: valid, and different from each other."""

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 60  # characters; names are parts of file names


def valid_name(text: str, otherwise: str) -> str:
    """Return a text as a name: letters, digits, - and _ only, and a letter first.

    Accents are dropped, other characters become ``_``. A text without any letter or digit becomes
    `otherwise`.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-")[:LONGEST]
    if not name:
        return otherwise
    return name if name[0].isalpha() else f"{otherwise}_{name}"


def unique_names(texts: Iterable[str], otherwise: str, reserved: str = "") -> list[str]:
    """Return a different valid name for each text; the second of equal names gets ``_2``.

    Names that differ only in capital letters count as equal, because they are file names too. The
    name `reserved` is not used.
    """
    taken = {reserved.lower()}
    result = []
    for text in texts:
        name = first = valid_name(text, otherwise)
        count = 1
        while name.lower() in taken:
            count += 1
            name = f"{first}_{count}"
        taken.add(name.lower())
        result.append(name)
    return result
