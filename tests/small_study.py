"""Small valid study files, for tests that need one with a few sections or lines of their own."""

import json
from pathlib import Path
from typing import Any

SMALL: dict[str, Any] = {
    "name": "small",
    "targets": {
        "ball": {
            "shape": {"kind": "sphere", "subdivisions": 1},
            "cameras": {"kind": "single", "resolution": 16},
        }
    },
    "models": {"net": {"network": "pixels"}},
    "searches": {"material": {"attributes": ["material"]}},
}

# A red target seen by a ring of three small cameras, and settings of a search that is fast on it.
VASE: dict[str, Any] = {
    "shape": {"kind": "sphere", "subdivisions": 2},
    "material": {"base_color": [0.7, 0.3, 0.4], "roughness": 0.6},
    "cameras": {"kind": "ring", "count": 2, "held_out": 1, "resolution": 16},
}
FAST: dict[str, Any] = {
    "attributes": ["material"],
    "steps": 6,
    "samples": {"primal": 4, "score": 16},
    "criterion": {"null": 3, "ceiling": 2},
}


def write_study(folder: Path, **sections: Any) -> Path:
    """Write a study.yaml into a folder, and return the folder.

    The sections replace or extend those of `SMALL`, for example ``series={"levels": 2}``.
    """
    lines = [f"{name}: {json.dumps(section)}\n" for name, section in (SMALL | sections).items()]
    return write_text(folder, "".join(lines))


def write_text(folder: Path, text: str, *replacements: tuple[str, str]) -> Path:
    """Write a study.yaml of a text with some of it replaced, and return the folder.

    Each replaced part must occur once in the text.
    """
    for old, new in replacements:
        assert text.count(old) == 1, f"{old!r} must occur once"
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return folder
