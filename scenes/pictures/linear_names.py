"""Names of linear colour spaces in OpenColorIO, OpenImageIO, Blender, Maya and other programs."""

import re

# Letters and digits of a name, without the words for linear.
GAMUTS = {
    **dict.fromkeys(("", "rec709", "bt709", "srgb", "rec709srgb", "bt709srgb"), "Rec. 709"),
    **dict.fromkeys(("rec2020", "bt2020"), "Rec. 2020"),
    **dict.fromkeys(("p3d65", "displayp3", "dcip3d65"), "Display P3"),
    "adobergb": "Adobe RGB",
    **dict.fromkeys(("ap1", "acescg"), "ACEScg"),
    **dict.fromkeys(("ap0", "aces20651"), "ACES2065-1"),
}
# Linear spaces whose names lack the word "linear".
ALWAYS_LINEAR = {
    **dict.fromkeys(("acescg", "acesacescg"), "ACEScg"),
    **dict.fromkeys(("aces", "aces20651", "acesaces20651"), "ACES2065-1"),
}
UNKNOWN = frozenset(("", "unknown", "data", "raw", "utilityraw", "noncolor", "noncolour"))
LINEAR = re.compile(r"(?:utility)?(?:scene)?lin(?:ear)?(.*?)(?:scene)?|(.+?)(?:scene)?linear")


def linear_gamut(name: str) -> str | None:
    """Return the name of the primaries, a key of `primaries.KNOWN`; None if it is unknown."""
    squeezed = _squeezed(name)
    if squeezed in ALWAYS_LINEAR:
        return ALWAYS_LINEAR[squeezed]
    match = LINEAR.fullmatch(squeezed)
    return GAMUTS.get(match[1] or match[2] or "") if match else None


def is_called_linear(name: str) -> bool:
    """Return whether a name denotes linear values, with known primaries or not."""
    match = LINEAR.fullmatch(_squeezed(name))
    return linear_gamut(name) is not None or (match is not None and match[1] is not None)


def says_nothing(name: str) -> bool:
    """Return whether a name stands for unknown colours, or for data."""
    return _squeezed(name) in UNKNOWN


def _squeezed(name: str) -> str:
    """Return a name in lower case, with letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
