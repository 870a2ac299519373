"""Choose the channels of an OpenEXR file that are the picture.

A file contains parts, and a part contains layers (``diffuse.R``); each may be colours or other
data, such as normals, depth or velocities.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scenes.base.errors import InputError

# If one of these is a word in the name of a part, layer or channel, it is not a picture.
NO_PICTURE = frozenset(
    {
        *("n", "ng", "ns", "z", "zback", "p", "pos", "worldpos", "wpos", "pref", "pworld"),
        *("uv", "uvs", "uvw", "st", "speed", "mvec", "variance"),
        *("id", "ids", "matte", "mattes", "multimatte"),
    }
)
# The same, also inside a longer word: bumpnormal, motionvector; but not composition.
NO_PICTURE_WITHIN = re.compile(
    r"(?<!ab)normal(?!i[sz])|tangent|depth|coord|(?<!com)position|(?<![eo])motion|velocity|vector"
    r"|index|crypto"
)
SUFFIX = re.compile(r"(?:maps?|pass|buffer)$")  # UVMap, zbuffer
# Last words in the name of a part or layer that is the whole picture.
WHOLE_PICTURE = frozenset(
    (
        *("beauty", "rgba", "rgb", "combined", "composite", "color", "colour", "image", "final"),
        *("default", "main"),
    )
)
NO_GREY = frozenset({"X", "U"})  # first axes of vectors
ALPHA = frozenset({"A", "AR", "AG", "AB"})
DEPTH = frozenset({"Z", "ZBack"})
RED_GREEN_BLUE = (("R", "G", "B"), ("r", "g", "b"), ("red", "green", "blue"))


@dataclass(frozen=True)
class Part:
    """Name, view and channels of a part; `is_deep` if each pixel has many samples."""

    name: str
    channels: tuple[str, ...]
    view: str = ""
    views: tuple[str, ...] = ()
    is_deep: bool = False


@dataclass(frozen=True)
class Layer:
    """Channels of a part that share a prefix: colours (``rgb``) or a single one (``grey``)."""

    part: int
    name: str
    kind: Literal["rgb", "grey"]
    channels: tuple[str, ...]
    alphas: tuple[str, ...]
    is_main: bool

    @property
    def is_named(self) -> bool:
        """Whether the name is one of `WHOLE_PICTURE`."""
        return self._words[-1] in WHOLE_PICTURE

    @property
    def is_composite(self) -> bool:
        """Whether it is the output of Blender's compositor, rather than of one view layer."""
        return self.is_named and "composite" in self._words

    @property
    def _words(self) -> list[str]:
        return re.split(r"[./:]", self.name.lower())


def picture_layer(parts: Sequence[Part]) -> Layer:
    """Return the layer that is the picture: the only one with colours, or chosen by its name.

    Of several, it is the one without a layer name, or with the name of a whole picture. Raise if
    there is none, or more than one.
    """
    layers = [
        each for number, part in enumerate(parts) for each in _layers(number, part, len(parts) == 1)
    ]
    for kind in ("rgb", "grey"):
        candidates = [each for each in layers if each.kind == kind]
        if len(candidates) > 1 and not _are_views(parts):
            main = [each for each in candidates if each.is_main]
            named = [each for each in candidates if each.is_named]
            composite = [each for each in named if each.is_composite]
            chosen = (each for each in (main, named, composite) if len(each) == 1)
            candidates = next(chosen, candidates)
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            names = ", ".join(each.name or "without a name" for each in candidates)
            raise InputError(
                f"holds more than one picture: {names}; save the one that you need as a separate "
                "file"
            )
    raise _none(parts)


def left_out(parts: Sequence[Part], chosen: Layer) -> tuple[str, ...]:
    """Return a note on what was read, if a file contains more than the picture."""
    taken = {*chosen.channels, *chosen.alphas}
    others = [part.name or f"part {i}" for i, part in enumerate(parts) if i != chosen.part]
    others += [each for each in parts[chosen.part].channels if each not in taken]
    if not others:
        return ()
    read = f"'{chosen.name}'" if chosen.name else ", ".join(chosen.channels)
    return (f"read {read}; left out {', '.join(others)}",)


def _layers(number: int, part: Part, is_alone: bool) -> list[Layer]:
    """Return the layers of a part that can be a picture."""
    if part.is_deep:
        return []
    grouped: dict[str, dict[str, str]] = {}
    for channel in part.channels:
        prefix, _, base = channel.rpartition(".")
        grouped.setdefault(prefix, {})[base] = channel
    result = []
    for prefix, channels in grouped.items():
        name = ".".join(each for each in (part.name, prefix) if each)
        if _is_no_picture(part.name, prefix):
            continue
        alphas = tuple(channels[each] for each in sorted(ALPHA & set(channels)))
        is_main = is_alone and not prefix
        if colours := next((each for each in RED_GREEN_BLUE if set(each) <= set(channels)), None):
            names = tuple(channels[each] for each in colours)
            result.append(Layer(number, name, "rgb", names, alphas, is_main))
            continue
        grey = set(channels) - ALPHA - DEPTH
        if len(grey) == 1 and not NO_GREY & grey and not _is_no_picture(*grey):
            result.append(Layer(number, name, "grey", (channels[grey.pop()],), alphas, is_main))
    return result


def _are_views(parts: Sequence[Part]) -> bool:
    """Return whether a file is stereo, so that no single view is the picture."""
    return any(len(part.views) > 1 for part in parts) or len({each.view for each in parts}) > 1


def _is_no_picture(*names: str) -> bool:
    """Return whether a word of a name denotes data.

    Words are split at capitals: ViewLayer.zDepth_01 has the words view, layer, z and depth.
    """
    text = re.sub(r"([a-z])([A-Z])", r"\1 \2", " ".join(names))
    words = re.findall(r"[a-z]+", text.lower())
    return any(
        word in NO_PICTURE or SUFFIX.sub("", word) in NO_PICTURE or NO_PICTURE_WITHIN.search(word)
        for word in words
    )


def _none(parts: Sequence[Part]) -> InputError:
    """Return the error for a file without a picture."""
    if any(part.is_deep for part in parts):
        return InputError("holds deep data, many samples a pixel; flatten it, and save it again")
    names = sorted({channel for part in parts for channel in part.channels})
    if {"RY", "BY"} & {each.rpartition(".")[2] for each in names}:
        return InputError("holds luminance and chroma (Y, RY, BY); save it with R, G and B")
    where = ", ".join(f"'{part.name}'" for part in parts if part.name)
    within = f" in {where}" if where else ""
    return InputError(
        f"has the channels {', '.join(names)}{within}; use R, G and B, or one channel"
    )
